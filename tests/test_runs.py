"""Both notebooks in a real Jupyter kernel."""

import re

import notebooks
import pytest
from notebooks import OWN_TEXT, SMALL

pytestmark = pytest.mark.slow


def test_every_cell_runs_in_jupyter_without_a_warning(name, tmp_path, monkeypatch):
    """Python warns of a file opened without an encoding; libraries may do so."""
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    (tmp_path / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = notebooks.read(name)
    parameters = notebooks.code_cells(notebook)["parameters"]
    for setting, value in (SMALL | {"TEXT_FILE": "own.txt"}).items():
        parameters.source += f"\n{setting} = {value!r}"
    notebooks.execute(notebook, tmp_path)
    for cell_id, cell in notebooks.code_cells(notebook).items():
        for output in cell.outputs:
            if output.get("name") == "stderr":
                by_library = r".*site-packages.*EncodingWarning.*\n.*\n"
                assert not re.sub(by_library, "", output.text), f"{cell_id}: {output}"
    pdf = tmp_path / f"loss_{name}.pdf"
    assert pdf.exists(), f"The training should have saved its plot as {pdf.name}."
    assert pdf.read_bytes().startswith(b"%PDF")
