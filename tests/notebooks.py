"""The two notebooks as tests, benchmark, and refresh see them: cells by their ids."""

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import torch
from nbclient import NotebookClient
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
TEXT_FILE = ROOT / "covid19_faq.txt"
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in ("lstmcell", "lstm")}
LOG_LINE = (
    r"iteration (\d+) of (\d+) \| (\d+\.\d) min \| "
    r"loss (\d+\.\d{3}), mean of the last tenth: (\d+\.\d{3})"
)
OWN_TEXT = "The cat “sat” on the mat; then it sat on the hat, to be flat.\n" * 20
UNUSUAL = {"RANDOM_SEED": 7, "TEXT_PORTION_SIZE": 41, "NUM_ITER": 7, "LOG_EVERY": 3}
UNUSUAL |= {"LEARNING_RATE": 0.01, "EMBEDDING_DIM": 12, "HIDDEN_DIM": 16}
UNUSUAL |= {"PRIME_STR": "The ", "PREDICT_LEN": 33, "TEMPERATURE": 0.5}
SKIP = ("baselines-write", "one-call")  # cells that nothing else needs


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
    options = {"timeout": None, "record_timing": False, "coalesce_streams": True}
    resources = {"metadata": {"path": folder}}
    NotebookClient(notebook, resources=resources, **options).execute()


class Lesson(dict):
    """A notebook run in this process; settings replace what `parameters` sets.

    `out` holds what each cell has printed, `shown` the figures displayed.
    """

    def __init__(self, name, last, skip=SKIP, **settings):
        super().__init__()
        self.cells = {k: cell.source for k, cell in code_cells(read(name)).items()}
        self.name, self.shown, self.out = name, [], {}
        self.settings = {"TEXT_FILE": str(TEXT_FILE), "DEVICE": "cpu"} | settings
        for cell_id in list(self.cells)[: list(self.cells).index(last) + 1]:
            if cell_id not in skip:
                self.run(cell_id)

    def run(self, cell_id):
        """Run one cell and return what it has printed."""
        code = compile(self.cells[cell_id], f"{self.name}:{cell_id}", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self)
        self.out[cell_id] = out.getvalue()
        if cell_id == "imports":
            self["display"] = self.display
        if cell_id == "parameters":
            self.update(self.settings)
        return self.out[cell_id]

    def display(self, figure, display_id):
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append)


def read_along(model, indices, size=1):
    """Return logits (L, 100) and the last state, size characters per call."""
    state, rows = None, []
    for characters in indices.split(size):
        logits, state = model(characters, state)
        rows.append(logits.detach())
    return torch.cat(rows), state


def lecture_losses(lesson, num_iter):
    """Return the losses of the plain loop, one character per call."""
    torch.manual_seed(lesson["RANDOM_SEED"])
    layer = [lesson["LAYER"], lesson["NUM_LAYERS"]] if lesson.name == "lstm" else []
    model = lesson["RNN"](100, lesson["EMBEDDING_DIM"], lesson["HIDDEN_DIM"], *layer)
    optimizer = torch.optim.Adam(model.to(lesson["device"]).parameters())
    optimizer.param_groups[0]["lr"] = lesson["LEARNING_RATE"]
    rng, losses = np.random.default_rng(lesson["RANDOM_SEED"]), []
    text, size = lesson["text"], lesson["TEXT_PORTION_SIZE"]
    tensor = lesson["char_to_tensor"]
    for _ in range(num_iter):
        start = rng.integers(len(text) - size)
        state, loss = None, 0.0
        optimizer.zero_grad()
        for i in range(start, start + size):
            logits, state = model(tensor(text[i]), state)
            loss += F.cross_entropy(logits, tensor(text[i + 1]))
        (loss / size).backward()
        optimizer.step()
        losses.append(loss.item() / size)
    return losses
