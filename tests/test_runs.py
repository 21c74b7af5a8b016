"""Both notebooks in a real Jupyter kernel, the laboratory also in the terminal."""

import os
import re
import subprocess
import sys

import nbformat
import notebooks
import pytest
from notebooks import LABORATORY, OWN_TEXT, SMALL, log_entries

pytestmark = pytest.mark.slow


def small_copy(name, folder):
    """Return a notebook with other settings, and write its text into folder."""
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = notebooks.read(name)
    parameters = notebooks.code_cells(notebook)["parameters"]
    for setting, value in (SMALL | {"TEXT_FILE": "own.txt"}).items():
        parameters.source += f"\n{setting} = {value!r}"
    return notebook


def test_every_cell_runs_in_jupyter_without_a_warning(name, tmp_path, monkeypatch):
    """Python warns of a file opened without an encoding; libraries may do so."""
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    notebook = small_copy(name, tmp_path)
    notebooks.execute(notebook, tmp_path)
    for cell_id, cell in notebooks.code_cells(notebook).items():
        for output in cell.outputs:
            if output.get("name") == "stderr":
                by_library = r".*site-packages.*EncodingWarning.*\n.*\n"
                assert not re.sub(by_library, "", output.text), f"{cell_id}: {output}"
    pdf = tmp_path / f"loss_{name}.pdf"
    assert pdf.exists(), f"The training should have saved its plot as {pdf.name}."
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_laboratory_runs_in_the_terminal(tmp_path):
    """By ipython, as README tells."""
    nbformat.write(small_copy(LABORATORY, tmp_path), tmp_path / "small.ipynb")
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"]
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONUTF8": "1"}}
    done = subprocess.run(command, **options, capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert list(log_entries(done.stdout)) == [1, 3, 6, 7]
