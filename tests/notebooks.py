"""The notebooks as tests, benchmark, and refresh see them: their cells, by id."""

import contextlib
import io
import linecache
import re
import string
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import torch
from nbclient import NotebookClient
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "tests" / "stored"  # what the stored runs have learned and drawn
LESSON, LABORATORY = "lstmcell", "lstm"
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in (LESSON, LABORATORY)}


class Named(dict):
    """A dict that says, where a name is missing, what may be the reason."""

    def __missing__(self, name):
        raise KeyError(f"{name}: renamed? See “interfaces” in tests/README.md.")


def read(name):
    """Return the notebook LESSON or LABORATORY as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return Named((cell.id, cell) for cell in cells)


def outputs(notebook):
    """Return what the code cells of a notebook have printed, by id."""
    cells = code_cells(notebook)
    texts = ([out.get("text", "") for out in cells[key].outputs] for key in cells)
    return Named(zip(cells, map("".join, texts)))


def execute(notebook, folder):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    options = dict(timeout=None, record_timing=False, coalesce_streams=True)
    # so that sys.__stderr__ is the terminal's
    arguments = ["--IPKernelApp.capture_fd_output=False"]
    client = NotebookClient(notebook, extra_arguments=arguments, **options)
    client.execute(cwd=folder)


def values(text):
    """Return the numbers in a text, as floats."""
    numbers = re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?", text)
    return [float(number.replace(",", "")) for number in numbers]


def printed(output, words="", count=None):
    """Return the first count numbers of each line with the words ("...": anything)."""
    pattern = ".*".join(map(re.escape, words.split("...")))
    lines = re.findall(f"(?m)^.*{pattern}.*", output)
    assert lines, f"No line has {words!r}:\n{output}"
    return [values(line)[:count] for line in lines]


def log_entries(log):
    """Return what the training cell has logged, {iteration: (loss, mean, test)}."""
    pattern = r"iteration (\d+) .* loss ([\d.]+), recent mean ([\d.]+), test ([\d.]+)"
    return {int(n): tuple(map(float, found)) for n, *found in re.findall(pattern, log)}


def curves(axes):
    """Return the heights of the curves of a figure's axes, by their names."""
    return Named((line.get_label(), list(line.get_ydata())) for line in axes.lines)


class Notebook(Named):
    """A notebook run in this process; as a dict, the names that its cells define.

    Its cells before `until` run at once. `settings` replace what `parameters` sets.
    `running` is the newest cell, `out` holds what each has printed, `figures` what it
    has drawn; of a figure that is updated, the last state.
    """

    def __init__(self, name, until, **settings):
        super().__init__()
        self.name, self.running, self.out, self.figures = name, None, Named(), Named()
        cells = code_cells(read(name)).items()
        self.cells = Named((key, cell.source) for key, cell in cells)
        self.settings = {"LOSS_PLOT_FILE": io.BytesIO()} | settings  # not into a folder
        self.run(*self.between(None, until))

    def __repr__(self):
        return f"<Notebook {self.name}>"  # pytest shows it when a test fails

    def between(self, first, last=None):
        """Return the ids of the cells after one and before another (None: of all)."""
        places = Named((key, n) for n, key in enumerate(self.cells))
        start = places[first] + 1 if first else 0
        return list(self.cells)[start : places[last] if last else None]

    def run(self, *cell_ids):
        """Run cells, and return what the last one prints."""
        for cell_id in cell_ids:
            self.running, self.shown, out = cell_id, [], io.StringIO()
            source, file = self.cells[cell_id], f"{self.name}:{cell_id}"
            # so that a traceback can show the cell's line
            linecache.cache[file] = len(source), None, source.splitlines(True), file
            try:
                with contextlib.redirect_stdout(out):
                    exec(compile(source, file, "exec"), self)
            except KeyboardInterrupt as error:
                assert not error.args, "Interrupted by a test, it should end in order."
                raise
            finally:
                drawn = [plt.figure(number) for number in plt.get_fignums()]
                self.out[cell_id] = out.getvalue()
                self.figures[cell_id] = self.shown[-1:] + drawn
                plt.close("all")
            if cell_id == "parameters":
                self["TEXT_FILE"] = ROOT / self["TEXT_FILE"]
                self.update(self.settings, display=self.display)
        return out.getvalue()

    def axes(self, cell_id):
        """Return the one pair of axes in the last figure that a cell has drawn."""
        assert self.figures[cell_id], f"The cell {cell_id} draws nothing. Is it split?"
        (axes,) = self.figures[cell_id][-1].axes
        return axes

    def display(self, figure, **_):
        """Stand in for IPython's: keep the figure, and those that replace it."""
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append)


def lecture_losses(notebook, num_iter):
    """Return the losses of the lecture's layers and loop, in PyTorch alone."""
    text, portion_size = notebook["training_text"], notebook["TEXT_PORTION_SIZE"]
    embedding_dim, hidden_dim = notebook["EMBEDDING_DIM"], notebook["HIDDEN_DIM"]
    torch.manual_seed(notebook["RANDOM_SEED"])
    embedding = nn.Embedding(100, embedding_dim)
    lstm = nn.LSTMCell(embedding_dim, hidden_dim)
    linear = nn.Linear(hidden_dim, 100)
    weights = nn.ModuleList([embedding, lstm, linear]).parameters()
    optimizer = torch.optim.Adam(weights, lr=notebook["LEARNING_RATE"])
    rng = np.random.default_rng(notebook["RANDOM_SEED"])
    losses = []
    for _ in range(num_iter):
        start = rng.integers(len(text) - portion_size)
        portion = text[start : start + portion_size + 1]
        indices = torch.tensor([string.printable.index(char) for char in portion])
        hidden = cell_state = torch.zeros(1, hidden_dim)
        loss = 0
        for i in range(portion_size):
            embedded = embedding(indices[i : i + 1])
            hidden, cell_state = lstm(embedded, (hidden, cell_state))
            loss = loss + F.cross_entropy(linear(hidden), indices[i + 1 : i + 2])
        loss = loss / portion_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
