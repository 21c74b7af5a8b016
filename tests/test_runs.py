"""Both notebooks in a real Jupyter kernel, the laboratory also in the terminal."""

import os
import subprocess
import sys

import nbformat
import notebooks
import pytest
from notebooks import LABORATORY, OWN_TEXT, UNUSUAL, log_entries, numbers

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


def iterations(log):
    return [entry.iteration for entry in log_entries(log)]


@pytest.fixture(scope="module")
def interrupted(name, tmp_path_factory):
    """Each notebook after a run in a kernel, in another folder, with other settings:
    interrupted after iteration 3; all cells below ran; then trained further."""
    folder = tmp_path_factory.mktemp(name)
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = notebooks.read(name)
    notebooks.change_settings(notebook, **UNUSUAL | {"TEXT_FILE": "own.txt"})
    for cell in notebook.cells:
        cell.source = notebooks.with_fewer_predictions(cell.source)
    new_cell = nbformat.v4.new_code_cell
    place = [cell.id for cell in notebook.cells].index("train")
    again = new_cell(notebook.cells[place].source, id="train-again")
    notebook.cells += [again, new_cell("print(len(losses))", id="count")]
    notebook.cells.insert(place, new_cell(INTERRUPT, id="interrupt"))
    notebooks.execute(notebook, folder)
    outputs = notebooks.code_cells(notebook)
    return outputs, folder


def test_an_interrupt_in_jupyter_loses_nothing(interrupted):
    cells, _ = interrupted
    log = notebooks.printed(cells["train"])
    assert iterations(log)[0] == 1 and max(iterations(log)) <= 3
    assert "3" in numbers(log.splitlines()[-1]), "It should say how far it came."
    again = notebooks.printed(cells["train-again"])
    assert iterations(again) == [6, 9, 10]
    assert notebooks.printed(cells["count"]).strip() == "10"


def test_every_cell_runs_in_jupyter_without_a_warning(interrupted, name):
    """And the plot is saved in the notebook's folder."""
    cells, folder = interrupted
    for cell_id, cell in cells.items():
        for output in cell.outputs:
            assert output.get("name", "stdout") == "stdout", f"{cell_id}: {output}"
    assert (folder / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_laboratory_runs_in_the_terminal(tmp_path):
    """By ipython, as README tells; each figure takes no more than a line."""
    notebook = notebooks.read(LABORATORY)
    (tmp_path / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebooks.change_settings(notebook, **UNUSUAL | {"TEXT_FILE": "own.txt"})
    nbformat.write(notebook, tmp_path / "small.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert iterations(done.stdout) == [1, 3, 6, 7]
    for line in done.stdout.splitlines():
        assert len(line) < 80 or "Figure" not in line, line
