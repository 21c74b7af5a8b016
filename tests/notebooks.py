"""The notebooks as tests, benchmark, and refresh see them: their cells, by id."""

import contextlib
import functools
import io
import itertools
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace

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
OWN_TEXT = "Is the cat “flat”? It sat on the mat. Then it sat on the hat.\n" * 25
SMALL = {  # every setting of a number or a string, each other than its default
    "RANDOM_SEED": 7,
    "TEXT_PORTION_SIZE": 20,
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


def section(notebook, cell_id):
    """Return the ids of a code cell and of those beside it with no prose between: one
    cell that was split counts as one."""
    kinds = itertools.groupby(notebook.cells, lambda cell: cell.cell_type)
    for kind, cells in kinds:
        ids = [cell.id for cell in cells]
        if kind == "code" and cell_id in ids:
            return ids
    raise AssertionError(f"The notebook has no code cell {cell_id!r} (this is its id).")


def printed(notebook, cell_ids):
    """Return all that is stored as printed by code cells."""
    cells = code_cells(notebook)
    outputs = [output for cell_id in cell_ids for output in cells[cell_id].outputs]
    return "".join(out.text for out in outputs if out.output_type == "stream")


def answer(name, mark):
    """Return the one piece of code in the exercises that contains mark."""
    sources = [cell.source for cell in read(name).cells if cell.cell_type != "code"]
    pieces = re.findall(r"^ +```\w*\n(.*?)^ +```", "\n".join(sources), re.M | re.S)
    found = [textwrap.dedent(code) for code in pieces if mark in code]
    assert len(found) == 1, f"{len(found)} pieces of code contain {mark!r}, not one."
    return found[0]


def with_fewer_repetitions(source):
    """Return the source of a cell that does only 50 times what it would do hundreds of
    times: the lesson's cell `context` makes 8,500 predictions, which takes seconds."""
    return re.sub(r"range\(\d{3,}\)", "range(50)", source)


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


# --- The numbers in what is printed or written


def numbers(output):
    """Return the numbers in what a cell has printed, as strings: no words count."""
    return re.findall(NUMBER, output)


def value(number):
    """Return a number that was found in text, as a float; 98% is 98."""
    return float(number.replace(",", "").rstrip("%"))


def values(output):
    """Return the numbers in what a cell has printed, as floats."""
    return [value(number) for number in numbers(output)]


def agree(old, new):
    """Return whether two numbers, as strings, are the same: counts exactly, others to
    one unit of the last digit of the old one. This is the one tolerance for numbers
    that were printed, stored, or written before."""
    if "." in old:
        unit = 10.0 ** -len(old.rstrip("%").partition(".")[2])
    else:
        unit = 1 if old.endswith("%") else 0
    return abs(value(old) - value(new)) <= 1.01 * unit


def contains(found, expected):
    """Return whether the expected numbers stand one right after the other in found."""
    for start in range(len(found) - len(expected) + 1):
        if all(agree(old, new) for old, new in zip(expected, found[start:])):
            return True
    return False


def log_entries(log):
    """Return what the training cell has logged, {iteration: (loss, mean)}.

    However it words that, a line of the log begins with a whole number, the iteration,
    and has at least two numbers with three decimals or more; the loss stands before the
    mean of the last tenth.
    """
    entries = {}
    for line in log.splitlines():
        losses = re.findall(r"(?<![\w.])\d+\.\d{3,}", line)
        if len(losses) >= 2 and "." not in numbers(line)[0]:
            entries[int(values(line)[0])] = float(losses[0]), float(losses[1])
    return entries


# --- A run in this process


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `out` holds what each cell has
    printed, `figures` what it has drawn; of a figure that is updated, the last state.
    """

    def __init__(self, name, last, **settings):
        """Run the notebook's cells up to last."""
        super().__init__()
        self.name = name
        self.file = read(name)
        self.cells = {key: cell.source for key, cell in code_cells(self.file).items()}
        self.settings = {"TEXT_FILE": str(FAQ), "DEVICE": "cpu"} | settings
        self.out = {}
        self.figures = {}
        self.shown = []
        for cell_id in self.until(last):
            self.execute(self.cells[cell_id], cell_id)

    def __repr__(self):
        """Return a short name: pytest shows it when a test fails."""
        return f"<Notebook {self.name}>"

    def section(self, cell_id):
        """Return the ids of a cell and those beside it, as the function section."""
        return section(self.file, cell_id)

    def until(self, last):
        """Return the ids of the code cells up to last, its section included."""
        ids = list(self.cells)
        return ids[: ids.index(self.section(last)[-1]) + 1]

    def run(self, cell_id):
        """Run the section of a cell and return what it has printed."""
        for each in self.section(cell_id):
            self.execute(self.cells[each], each)
        return self.printed(cell_id)

    def run_after(self, last):
        """Run all cells after last; what they do hundreds of times, only 50 times."""
        for cell_id in list(self.cells)[len(self.until(last)) :]:
            self.execute(with_fewer_repetitions(self.cells[cell_id]), cell_id)

    def printed(self, cell_id):
        """Return what the section of a cell has printed."""
        return "".join(self.out[each] for each in self.section(cell_id))

    def drawn(self, cell_id):
        """Return the figures that the section of a cell has drawn."""
        return [
            figure for each in self.section(cell_id) for figure in self.figures[each]
        ]

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
        if "device" not in self:  # the cells up to `parameters`
            self.update(self.settings, display=self.display)
        return self.out[cell_id]

    def display(self, figure, **_):
        """Stand in for IPython's display: keep the figure and those that replace it."""
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append)

    def watch(self, function_name):
        """Return a list to which each call of a function that the notebook has defined
        will be added from now on, as (arguments, result)."""
        function = self[function_name]
        calls = []

        def watched(*args):
            calls.append((args, function(*args)))
            return calls[-1][1]

        self[function_name] = watched
        return calls

    def new_model(self):
        """Return a model made as in the cell `setup`."""
        torch.manual_seed(self["RANDOM_SEED"])
        arguments = [100, self["EMBEDDING_DIM"], self["HIDDEN_DIM"]]
        if self.name == LABORATORY:
            arguments += [self["LAYER"], self["NUM_LAYERS"]]
        return self["RNN"](*arguments).to(self["device"])


@functools.cache
def fresh_run(name):
    """Return a notebook after all cells up to `train`, with 60 iterations, and after
    those experiments of the laboratory that need no training."""
    notebook = Notebook(name, "train", NUM_ITER=60)
    if name == LABORATORY:
        notebook.run("table")
        notebook.run("memory-text")
    return notebook


def read_text(model, indices, size=1):
    """Return logits (L, 100) and the last state, size characters per call."""
    state = None
    rows = []
    for characters in indices.split(size):
        logits, state = model(characters, state)
        rows.append(logits.detach())
    return torch.cat(rows), state


def lecture_losses(notebook, num_iter):
    """Return the losses of the lecture's loop, which calls the model per character."""
    text = notebook["text"]
    portion_size = notebook["TEXT_PORTION_SIZE"]
    char_to_tensor = notebook["char_to_tensor"]

    model = notebook.new_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=notebook["LEARNING_RATE"])
    rng = np.random.default_rng(notebook["RANDOM_SEED"])

    losses = []
    for _ in range(num_iter):
        start = rng.integers(len(text) - portion_size)
        state = None
        loss = 0.0
        for i in range(start, start + portion_size):
            logits, state = model(char_to_tensor(text[i]), state)
            loss = loss + F.cross_entropy(logits, char_to_tensor(text[i + 1]))
        loss = loss / portion_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@functools.cache
def default_lecture_losses():
    """Return 60 losses of the lecture's loop with the defaults, the same for both."""
    return lecture_losses(fresh_run(LESSON), 60)
