"""The two notebooks as tests, benchmark and refresh see them: cells by their ids."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
TEXT_FILE = ROOT / "covid19_faq.txt"
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in ("lstmcell", "lstm")}


def read(name):
    """Return the notebook "lstmcell" or "lstm" as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def printed(cell):
    """Return all that a code cell has printed."""
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


def change_settings(notebook, **settings):
    """Let the `parameters` cell set other values."""
    cell = code_cells(notebook)["parameters"]
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in settings.items())


def execute(notebook, folder):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    ).execute()


class Lesson(dict):
    """A notebook's namespace, its cells run in this process one after the other.

    Nothing needs the cells that are skipped. settings replace what the `parameters`
    cell sets. `shown` holds what `display` and its handle were given.
    """

    def __init__(self, name, last, skip=("baselines-write", "one-call"), **settings):
        super().__init__()
        self.cells = {k: cell.source for k, cell in code_cells(read(name)).items()}
        self.name, self.shown = name, []
        if name == "lstmcell":
            settings.pop("NUM_LAYERS", None)
        self.settings = {"TEXT_FILE": str(TEXT_FILE), "DEVICE": "cpu"} | settings
        ids = list(self.cells)
        for cell_id in ids[: ids.index(last) + 1]:
            if cell_id not in skip:
                self.run(cell_id)

    def run(self, cell_id):
        exec(compile(self.cells[cell_id], f"{self.name}:{cell_id}", "exec"), self)
        if cell_id == "imports":
            self["display"] = self.display
        if cell_id == "parameters":
            self.update(self.settings)

    def display(self, figure, display_id=False):
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append) if display_id else None
