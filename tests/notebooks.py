"""The two notebooks as tests and benchmark see them: cells found by their ids."""

from pathlib import Path
from types import SimpleNamespace

import nbformat

ROOT = Path(__file__).resolve().parent.parent
TEXT_FILE = ROOT / "covid19_faq.txt"
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in ("lstmcell", "lstm")}


def read(name):
    """Return the notebook "lstmcell" or "lstm" as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def outputs_text(cell):
    """Return all that a code cell has printed."""
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


class Screen:
    """Stands in for IPython's display and its handle; keeps what was shown."""

    def __init__(self):
        self.shown = []

    def display(self, data, raw, display_id=False):
        self.shown.append(data)
        return SimpleNamespace(update=self.display) if display_id else None


def run_cells(name, last, skip=(), **settings):
    """Run the code cells of a notebook up to the id `last`; return their namespace.

    settings replace what the `parameters` cell sets. Two names in the namespace are
    ours: `screen`, and `run_cell(id)`, which runs one more cell.
    """
    cells = code_cells(read(name))
    screen, namespace = Screen(), {}

    def run_cell(cell_id):
        exec(compile(cells[cell_id].source, f"{name}:{cell_id}", "exec"), namespace)

    for cell_id in cells:
        if cell_id not in skip:
            run_cell(cell_id)
        if cell_id == "imports":
            namespace["display"] = screen.display
        if cell_id == "parameters":
            namespace.update({"TEXT_FILE": str(TEXT_FILE), "DEVICE": "cpu"} | settings)
        if cell_id == last:
            break
    namespace.update(screen=screen, run_cell=run_cell)
    return namespace
