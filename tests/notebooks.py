"""The notebooks as tests, benchmark, and refresh see them: their cells, by id."""

import contextlib
import io
import json
import linecache
import re
import string
import zlib
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import torch
from matplotlib.colors import to_rgb
from nbclient import NotebookClient
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
FAQ = ROOT / "covid19_faq.txt"
LESSON, LABORATORY = "lstmcell", "lstm"
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in (LESSON, LABORATORY)}
OWN_TEXT = "Is the cat “flat”? It\tsat\x0bon the mat. Then\x0cit\tsat on it.\n" * 141
# Settings of the training and the samples, each other than its default
SMALL = dict(TEXT_PORTION_SIZE=20, NUM_ITER=7, LEARNING_RATE=0.01, LOG_EVERY=3)
SMALL |= dict(RANDOM_SEED=7, EMBEDDING_DIM=12, HIDDEN_DIM=16)
SMALL |= dict(PRIME_STR="The ", PREDICT_LEN=33, TEMPERATURE=0.5)
NUMBER = r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?"


def read(name):
    """Return the notebook LESSON or LABORATORY as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def stored(name, cell_id):
    """Return what is stored as printed by a cell."""
    return "".join(o.get("text", "") for o in code_cells(read(name))[cell_id].outputs)


def execute(notebook, folder):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    options = dict(timeout=None, record_timing=False, coalesce_streams=True)
    NotebookClient(notebook, **options).execute(cwd=folder)


def tidy(notebook):
    """Remove, in place, what JupyterLab adds when it saves, and add the sums."""
    language = notebook.metadata.language_info
    language.pop("version", None)  # of the Python that happened to run it
    shown = "Python 3 (ipykernel)"
    kernel = dict(name="python3", language="python", display_name=shown)
    metadata = {"kernelspec": kernel, "language_info": language, "sums": sums(notebook)}
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        kept = {"tags": cell.metadata.tags} if "tags" in cell.metadata else {}
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            kept["jupyter"] = {"source_hidden": True}
        cell.metadata = nbformat.from_dict(kept)


def sums(notebook):
    """Return a sum of the FAQ, the outputs, and each cell's code, comments apart."""
    texts = {key: cell.source for key, cell in code_cells(notebook).items()}
    texts[FAQ.name] = FAQ.read_text(encoding="utf-8")
    bare = {key: re.sub(r"#.*|\s", "", text) for key, text in texts.items()}
    outputs = [cell.outputs for cell in code_cells(notebook).values()]
    bare["outputs"] = json.dumps(outputs, sort_keys=True)
    return {key: zlib.crc32(text.encode()) for key, text in bare.items()}


def values(output):
    """Return the numbers in a text, as floats."""
    return [float(found.replace(",", "")) for found in re.findall(NUMBER, output)]


def printed(output, words="", count=None):
    """Return the first count numbers of each line with the words ("...": anything)."""
    pattern = ".*".join(map(re.escape, words.split("...")))
    lines = re.findall(f"(?m)^.*{pattern}.*", output)
    assert lines, f"No line has {words!r} so. See “interfaces” in tests/README.md"
    return [values(line)[:count] for line in lines]


def log_entries(log):
    """Return what the training cell has logged, {iteration: (loss, mean, test)}."""
    entries = {}
    for line in log.splitlines():
        words = "loss", "mean", "test"  # each stands before its number
        found = [re.search(rf"\b{word}\D*(\d+\.\d+)", line) for word in words]
        if all(found):
            entries[int(values(line)[0])] = tuple(float(number[1]) for number in found)
    return entries


def as_text(indices):
    """Return the characters of indices, a tensor or a list."""
    return "".join(string.printable[index] for index in indices)


def by_hand(network):
    """Return a model that calls network(characters, state), at first with None.

    The hidden and cell state of the lesson are ("h", state) and ("c", state).
    """

    def model(characters, *states):
        if len(states) < 2:
            return network(characters, *(states or [None]))
        assert [name for name, _ in states] == ["h", "c"], "hidden, then cell state"
        logits, state = network(characters, states[0][1])
        return logits, ("h", state), ("c", state)

    model.init_zero_state = lambda batch_size=1: (("h", None), ("c", None))
    return model


def parrot(logits):
    """Return a model that always predicts the same, by logits (num_chars,)."""
    return by_hand(lambda inputs, state: (logits.expand(len(inputs), -1), state))


def hue(color):
    """Return the name of a color, as far as the prose names it."""
    r, g, b = to_rgb(color)
    tests = dict(gray=r == g == b, blue=r <= g < b, orange=r > g > b, purple=g < r < b)
    return next((name for name, passed in tests.items() if passed), color)


def curve(axes, word):
    """Return x, y, and hue of the one curve whose name has the word."""
    lines, names = axes.get_legend_handles_labels()
    found = [line for line, name in zip(lines, names) if word in name]
    assert len(found) == 1, f"{len(found)} curves have {word!r} in their name, not one."
    return *map(list, found[0].get_data()), hue(found[0].get_color())


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `out` holds what each cell has
    printed, `figures` what it has drawn; of a figure that is updated, the last state.
    """

    def __init__(self, name, last, **settings):
        super().__init__()
        self.name, self.out, self.figures, self.shown = name, {}, {}, []
        self.cells = {key: cell.source for key, cell in code_cells(read(name)).items()}
        self.settings = {"LOSS_PLOT_FILE": io.BytesIO()} | settings  # not into a folder
        for cell_id in list(self.cells)[: self.number(last)]:
            self.run(cell_id)

    def __repr__(self):
        return f"<Notebook {self.name}>"  # pytest shows it when a test fails

    def __missing__(self, name):
        raise KeyError(f"{name}: renamed? See “interfaces” in tests/README.md.")

    def number(self, cell_id):
        """Return the number of a cell: 1 for the first."""
        return list(self.cells).index(cell_id) + 1

    def after(self, cell_id):
        """Return the ids of the cells after that one."""
        return list(self.cells)[self.number(cell_id) :]

    def run(self, cell_id):
        """Run a cell, and return what it prints."""
        self.shown = []
        plt.close("all")
        source, file, out = self.cells[cell_id], f"{self.name}:{cell_id}", io.StringIO()
        # so that a traceback can show the cell's line
        linecache.cache[file] = len(source), None, source.splitlines(True), file
        try:
            with contextlib.redirect_stdout(out):
                exec(compile(source, file, "exec"), self)
        except NameError as error:
            told = "See “interfaces” in tests/README.md, if you have renamed something."
            raise NameError(f"{error}. {told}") from error
        except KeyboardInterrupt as error:
            if not error.args:  # Ctrl+C, not the interrupt of a test
                raise
            told = "This cell should end in good order when it is interrupted."
            raise AssertionError(told) from error
        finally:
            drawn = [plt.figure(number) for number in plt.get_fignums()]
            self.out[cell_id] = out.getvalue()
            self.figures[cell_id] = self.shown[-1:] + drawn
            plt.close("all")
        if cell_id == "parameters":
            self["TEXT_FILE"] = ROOT / self["TEXT_FILE"]
            self.update(self.settings, display=self.display)
        return self.out[cell_id]

    def display(self, figure, **_):
        # stands in for IPython's: keeps the figure and those that replace it
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
