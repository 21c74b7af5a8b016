"""Both notebooks in a real Jupyter kernel, the laboratory also in the terminal."""

import os
import subprocess
import sys

import nbformat
import notebooks
import pytest
from notebooks import LABORATORY, OWN_TEXT, UNUSUAL, log_entries, numbers, printed

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


def small_notebook(name, folder):
    """Return a notebook with other settings, and write its text into folder."""
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = notebooks.read(name)
    parameters = notebooks.code_cells(notebook)["parameters"]
    for setting, value in (UNUSUAL | {"TEXT_FILE": "own.txt"}).items():
        parameters.source += f"\n{setting} = {value!r}"
    for cell in notebook.cells:
        cell.source = notebooks.with_fewer_repetitions(cell.source)
    return notebook


def iterations(log):
    """Return the iterations that the training cell has logged."""
    return [entry.iteration for entry in log_entries(log)]


@pytest.fixture(scope="module")
def interrupted(name, tmp_path_factory):
    """Each notebook after a run in a kernel, in another folder, with other settings:
    interrupted after iteration 3; all cells below ran; then trained further."""
    folder = tmp_path_factory.mktemp(name)
    notebook = small_notebook(name, folder)
    train = notebooks.section(notebook, "train")
    new_cell = nbformat.v4.new_code_cell
    again = new_cell("\n".join(cell.source for cell in train), id="train-again")
    notebook.cells += [again, new_cell("print(len(losses))", id="count")]
    place = notebook.cells.index(train[0])
    notebook.cells.insert(place, new_cell(INTERRUPT, id="interrupt"))
    notebooks.execute(notebook, folder)
    return notebook, folder


def test_an_interrupt_in_jupyter_loses_nothing(interrupted):
    notebook, _ = interrupted
    log = printed(notebooks.section(notebook, "train"))
    assert iterations(log)[0] == 1 and max(iterations(log)) <= 3
    assert "3" in numbers(log.splitlines()[-1]), "It should say how far it came."
    *_, again, count = notebook.cells
    assert iterations(printed([again])) == [6, 9, 10]
    assert printed([count]).strip() == "10"


def test_every_cell_runs_in_jupyter_without_a_warning(interrupted, name):
    """And the plot is saved in the notebook's folder."""
    notebook, folder = interrupted
    for cell_id, cell in notebooks.code_cells(notebook).items():
        for output in cell.outputs:
            assert output.get("name", "stdout") == "stdout", f"{cell_id}: {output}"
    assert (folder / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_laboratory_runs_in_the_terminal(tmp_path):
    """By ipython, as README tells."""
    nbformat.write(small_notebook(LABORATORY, tmp_path), tmp_path / "small.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert iterations(done.stdout) == [1, 3, 6, 7]
