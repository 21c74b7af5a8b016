"""The notebooks as tests, benchmark, and refresh see them: their cells, by id."""

import contextlib
import functools
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import torch
from nbclient import NotebookClient
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
FAQ = ROOT / "covid19_faq.txt"
LESSON, LABORATORY = "lstmcell", "lstm"
PATHS = {
    LESSON: ROOT / "char_rnn_lstmcell.ipynb",
    LABORATORY: ROOT / "char_rnn_lstm.ipynb",
}
OWN_TEXT = "Is the cat “flat”? It sat on the mat; then it sat on the hat.\n" * 20
UNUSUAL = {  # every setting of a number or a string, other than its default
    "RANDOM_SEED": 7,
    "TEXT_PORTION_SIZE": 41,
    "NUM_ITER": 7,
    "LEARNING_RATE": 0.01,
    "EMBEDDING_DIM": 12,
    "HIDDEN_DIM": 16,
    "PRIME_STR": "The ",
    "PREDICT_LEN": 33,
    "TEMPERATURE": 0.5,
    "LOG_EVERY": 3,
}
NUMBER = r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?%?"


# --- The files


def read(name):
    """Return the notebook LESSON or LABORATORY as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def printed(cell):
    """Return all that a code cell has printed, as it is stored."""
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


def numbers(output):
    """Return the numbers in what a cell has printed, as strings: no words count."""
    return re.findall(NUMBER, output)


def value(number):
    """Return a number that was found in text, as a float; 98% is 98."""
    return float(number.replace(",", "").rstrip("%"))


class LogEntry(NamedTuple):
    iteration: int
    loss: float
    mean: float  # of the last tenth


def log_entries(log):
    """Return what the training cell has logged, however it words that: a line of the
    log has at least two numbers with three decimals, its first number is the
    iteration, and the loss stands before the mean."""
    entries = []
    for line in log.splitlines():
        losses = re.findall(r"(?<![\w.])\d+\.\d{3}(?!\d)", line)
        if len(losses) >= 2:
            iteration = int(value(numbers(line)[0]))
            entries.append(LogEntry(iteration, float(losses[0]), float(losses[1])))
    return entries


def change_settings(notebook, **settings):
    """Let the cell `parameters` of a notebook file set other values."""
    cell = code_cells(notebook)["parameters"]
    for name, setting in settings.items():
        cell.source += f"\n{name} = {setting!r}"


def with_fewer_predictions(source):
    """Return the source of the lesson's cell `context` with a tenth of its 8,500
    predictions, which take seconds."""
    return source.replace("range(500)", "range(50)")


def execute(notebook, folder, **hooks):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    client = NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
        **hooks,
    )
    client.execute()


def tidy(notebook):
    """Remove from notebook, in place, what JupyterLab adds when it saves."""
    language = notebook.metadata.language_info
    language.pop("version", None)  # of the Python that happened to run it
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": language,
        }
    )
    for cell in notebook.cells:
        kept = {}
        if "tags" in cell.metadata:
            kept["tags"] = cell.metadata.tags
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            kept["jupyter"] = {"source_hidden": True}
        cell.metadata = nbformat.from_dict(kept)


# --- A run in this process


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `out` holds what each cell has
    printed, `figures` what it has drawn; of a figure that is updated, the last state.
    """

    def __init__(self, name, last, skip=("baselines-write", "one-call"), **settings):
        """Run the notebook's cells up to last, but those in skip."""
        super().__init__()
        self.name = name
        self.cells = {key: cell.source for key, cell in code_cells(read(name)).items()}
        self.settings = {"TEXT_FILE": str(FAQ), "DEVICE": "cpu"} | settings
        self.out = {}
        self.figures = {}
        self.shown = []
        for cell_id in self.until(last):
            if cell_id not in skip:
                self.run(cell_id)

    def __repr__(self):
        """Return a short name: pytest shows it when a test fails."""
        return f"<Notebook {self.name}>"

    def until(self, last):
        """Return the ids of the code cells up to last."""
        ids = list(self.cells)
        assert last in ids, f"The notebook {self.name} has no code cell {last!r}."
        return ids[: ids.index(last) + 1]

    def after(self, cell_id):
        """Return the ids of the code cells after the one named."""
        ids = list(self.cells)
        return ids[ids.index(cell_id) + 1 :]

    def run(self, cell_id):
        """Run one cell and return what it has printed."""
        self.execute(self.cells[cell_id], cell_id)
        if cell_id == "imports":
            self["display"] = self.display
        if cell_id == "parameters":
            self.update(self.settings)
        return self.out[cell_id]

    def execute(self, source, cell_id="answer"):
        """Run source as a cell of its own, and return what it has printed."""
        code = compile(source, f"{self.name}:{cell_id}", "exec")
        self.shown = []
        plt.close("all")
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                exec(code, self)
        finally:
            self.out[cell_id] = out.getvalue()
            drawn = [plt.figure(number) for number in plt.get_fignums()]
            self.figures[cell_id] = self.shown[-1:] + drawn
            plt.close("all")
        return self.out[cell_id]

    def display(self, figure, **_):
        """Stand in for IPython's display: keep the figure and those that replace it."""
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append)

    def new_model(self):
        """Return a model made as in the cell `setup`, with its seed."""
        torch.manual_seed(self["RANDOM_SEED"])
        arguments = [100, self["EMBEDDING_DIM"], self["HIDDEN_DIM"]]
        if self.name == LABORATORY:
            arguments += [self["LAYER"], self["NUM_LAYERS"]]
        return self["RNN"](*arguments).to(self["device"])


@functools.cache
def fresh_run(name):
    """Return a notebook after all cells up to `train`, with 60 iterations."""
    return Notebook(name, "train", skip=(), NUM_ITER=60)


def read_text(model, indices, size=1):
    """Return logits (L, 100) and the last state, size characters per call."""
    state = None
    rows = []
    for characters in indices.split(size):
        logits, state = model(characters, state)
        rows.append(logits.detach())
    return torch.cat(rows), state


def lecture_losses(notebook, num_iter, mistake=None):
    """Return the losses of the lecture's loop, which calls the model per character.

    mistake: one of those that the lesson's exercise 1 describes.
    """
    text = notebook["text"]
    portion_size = notebook["TEXT_PORTION_SIZE"]
    char_to_tensor = notebook["char_to_tensor"]

    model = notebook.new_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=notebook["LEARNING_RATE"])
    rng = np.random.default_rng(notebook["RANDOM_SEED"])

    losses = []
    state = None
    for _ in range(num_iter):
        start = rng.integers(len(text) - portion_size)
        if mistake == "state handed on" and state is not None:
            state = tuple(vector.detach() for vector in state)
        else:
            state = None
        loss = 0.0
        for i in range(start, start + portion_size):
            if mistake == "no state":
                state = None
            logits, state = model(char_to_tensor(text[i]), state)
            loss = loss + F.cross_entropy(logits, char_to_tensor(text[i + 1]))
        if mistake != "no division":
            loss = loss / portion_size
        if mistake != "no zero_grad":
            optimizer.zero_grad()
        loss.backward()
        if mistake != "no step":
            optimizer.step()
        losses.append(loss.item())
    return losses
