"""Both notebooks in a real Jupyter kernel and in the terminal, from another folder."""

import os
import re
import subprocess
import sys

import nbformat
import notebooks as nb
import pytest

pytestmark = pytest.mark.slow
INTERRUPT = """
import signal
generate_whole = generate
def generate(*args):
    if len(losses) == 3:
        globals()["generate"] = generate_whole
        signal.raise_signal(signal.SIGINT)  # what Jupyter's Interrupt sends
    return generate_whole(*args)
"""


def test_interrupted_in_a_kernel_then_all_cells_then_trained_on(name, tmp_path):
    (tmp_path / "own.txt").write_text(nb.OWN_TEXT, encoding="utf-8")
    notebook = nb.read(name)
    nb.change_settings(notebook, **nb.UNUSUAL | {"TEXT_FILE": "own.txt"})
    place = [cell.id for cell in notebook.cells].index("train")
    for source in notebook.cells[place].source, "print(losses)":
        notebook.cells.append(nbformat.v4.new_code_cell(source))
    notebook.cells.insert(place, nbformat.v4.new_code_cell(INTERRUPT))
    nb.execute(notebook, tmp_path)
    *cells, again, losses = nb.code_cells(notebook).values()
    log = next(nb.printed(cell) for cell in cells if cell.id == "train")
    assert re.findall(r"iteration (\d+) of (\d+)", log) == [("1", "7"), ("3", "7")]
    assert log.endswith("\nInterrupted after iteration 3; what was learned is kept.\n")
    steps = [("6", "10"), ("9", "10"), ("10", "10")]
    assert re.findall(r"iteration (\d+) of (\d+)", nb.printed(again)) == steps
    assert len(eval(nb.printed(losses))) == 10
    assert (tmp_path / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")
    for output in [output for cell in cells for output in cell.outputs]:
        assert output.get("name", "stdout") == "stdout", output


def test_in_the_terminal_as_the_readme_tells(name, tmp_path):
    notebook = nb.read(name)
    nb.change_settings(notebook, **nb.UNUSUAL | {"TEXT_FILE": str(nb.TEXT_FILE)})
    nbformat.write(notebook, tmp_path / "small.ipynb")
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"]
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONUTF8": "1"}}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", **options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"iteration (\d) of 7", done.stdout) == ["1", "3", "6", "7"]
    assert done.stderr == ""
    figures = re.findall(r"^.*(?: at 0x|Figure).*$", done.stdout, re.M)
    assert figures and all(re.fullmatch(r"<?Figure.{,40}", line) for line in figures)
