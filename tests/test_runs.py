"""Both notebooks in a real Jupyter kernel, the laboratory also in the terminal."""

import os
import re
import subprocess
import sys

import nbformat
import notebooks
import pytest
from notebooks import LABORATORY, OWN_TEXT, TEXT_FILE, UNUSUAL

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


@pytest.fixture(scope="module")
def interrupted(name, tmp_path_factory):
    """Each notebook after a run in a kernel, in another folder, with other settings:
    interrupted after iteration 3; all cells below ran; then trained further."""
    folder = tmp_path_factory.mktemp(name)
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = notebooks.read(name)
    settings = UNUSUAL | {"TEXT_FILE": "own.txt"}
    notebooks.change_settings(notebook, **settings)

    new_cell = nbformat.v4.new_code_cell
    place = [cell.id for cell in notebook.cells].index("train")
    again = new_cell(notebook.cells[place].source, id="train-again")
    notebook.cells += [again, new_cell("print(len(losses))", id="count")]
    notebook.cells.insert(place, new_cell(INTERRUPT, id="interrupt"))
    notebooks.execute(notebook, folder)
    return notebook, folder


def iterations(log):
    """Return the numbers of each line of the log: iteration and last."""
    return re.findall(r"iteration (\d+) of (\d+)", log)


def test_an_interrupt_in_jupyter_ends_the_training_in_good_order(interrupted):
    notebook, _ = interrupted
    log = notebooks.printed(notebooks.code_cells(notebook)["train"])
    assert iterations(log) == [("1", "7"), ("3", "7")]
    assert log.endswith("\nInterrupted after iteration 3; what was learned is kept.\n")


def test_training_goes_on_after_an_interrupt_in_jupyter(interrupted):
    notebook, _ = interrupted
    cells = notebooks.code_cells(notebook)
    log = notebooks.printed(cells["train-again"])
    assert iterations(log) == [("6", "10"), ("9", "10"), ("10", "10")]
    assert notebooks.printed(cells["count"]) == "10\n"


def test_the_plot_is_saved_in_the_notebooks_folder(interrupted, name):
    _, folder = interrupted
    assert (folder / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")


def test_no_cell_prints_a_warning_in_jupyter(interrupted):
    notebook, _ = interrupted
    for cell_id, cell in notebooks.code_cells(notebook).items():
        for output in cell.outputs:
            assert output.get("name", "stdout") == "stdout", f"{cell_id}: {output}"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    """The laboratory run by ipython, as the README tells, with other settings."""
    folder = tmp_path_factory.mktemp("terminal")
    notebook = notebooks.read(LABORATORY)
    settings = UNUSUAL | {"TEXT_FILE": str(TEXT_FILE)}
    notebooks.change_settings(notebook, **settings)
    nbformat.write(notebook, folder / "small.ipynb")
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )


def test_the_laboratory_runs_in_the_terminal(terminal):
    assert terminal.returncode == 0, terminal.stdout + terminal.stderr
    assert terminal.stderr == ""
    steps = [("1", "7"), ("3", "7"), ("6", "7"), ("7", "7")]
    assert iterations(terminal.stdout) == steps


def test_figures_take_one_line_each_in_the_terminal(terminal):
    figures = re.findall(r"^.*(?: at 0x|Figure).*$", terminal.stdout, re.M)
    assert figures
    for line in figures:
        assert re.fullmatch(r"<?Figure.{,40}", line), line
