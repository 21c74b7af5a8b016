"""Both notebooks in a real Jupyter kernel and in the terminal, from another folder."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from notebooks import (
    OWN_TEXT,
    PATHS,
    TEXT_FILE,
    UNUSUAL,
    change_settings,
    code_cells,
    execute,
    printed,
    read,
)

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


def run_interrupted(name, folder):
    """Interrupted in the training cell, then all cells after it, then trained on."""
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = read(name)
    change_settings(notebook, **UNUSUAL | {"TEXT_FILE": "own.txt"})
    ids = [cell.id for cell in notebook.cells]
    again = nbformat.v4.new_code_cell(notebook.cells[ids.index("train")].source)
    again.id = "train-again"
    notebook.cells += [again, nbformat.v4.new_code_cell("print(losses)")]
    interrupt = nbformat.v4.new_code_cell(INTERRUPT)
    notebook.cells.insert(ids.index("train"), interrupt)
    execute(notebook, folder)
    return notebook


def run_in_terminal(name, folder):
    """As the README tells; return the finished process."""
    notebook = read(name)
    change_settings(notebook, **UNUSUAL | {"TEXT_FILE": str(TEXT_FILE)})
    nbformat.write(notebook, folder / "small.ipynb")
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Futures by (run, notebook): real processes, two at a time."""
    runs = {}
    with ThreadPoolExecutor(2) as pool:
        for run in run_interrupted, run_in_terminal:
            for name in PATHS:
                folder = tmp_path_factory.mktemp(run.__name__)
                runs[run, name] = pool.submit(run, name, folder)
                runs[run, name].folder = folder
        yield runs


def test_interrupted_in_a_kernel_then_all_cells_then_on(name, runs, unusual):
    run = runs[run_interrupted, name]
    notebook = run.result()
    cells = code_cells(notebook)
    log, again = printed(cells["train"]), printed(cells["train-again"])
    assert re.findall(r"iteration (\d+) of (\d+)", log) == [("1", "7"), ("3", "7")]
    assert log.endswith("\nInterrupted after iteration 3; what was learned is kept.\n")
    steps = [("6", "10"), ("9", "10"), ("10", "10")]
    assert re.findall(r"iteration (\d+) of (\d+)", again) == steps
    losses = eval(printed(notebook.cells[-1]))
    if name == "lstmcell":  # the other fixture has two layers
        assert losses[:7] == pytest.approx(unusual["losses"], abs=1e-5)
    assert len(losses) == 10
    assert "20x '“' became '\"'" in printed(cells["text"])
    assert (run.folder / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")
    for cell in cells.values():
        for output in cell.outputs:
            assert output.get("name", "stdout") == "stdout", output


def test_in_the_terminal(name, runs):
    """`ipython NOTEBOOK` prints the log and the samples, and little of the figures."""
    done = runs[run_in_terminal, name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"iteration (\d) of 7", done.stdout) == ["1", "3", "6", "7"]
    assert done.stderr == ""
    figures = re.findall(r"^.*(?: at 0x|Figure).*$", done.stdout, re.M)
    assert figures and all(re.fullmatch(r"<?Figure.{,40}", line) for line in figures)
