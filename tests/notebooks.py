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
import torch
from nbclient import NotebookClient

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


def sections(notebook):
    """Return the code cells, {id: [cell, ...]}. Those with no prose between are one
    cell that was split; it has the id of its first part."""
    groups = itertools.groupby(notebook.cells, lambda cell: cell.cell_type)
    split = [list(cells) for kind, cells in groups if kind == "code"]
    return {parts[0].id: parts for parts in split}


def printed(cells):
    """Return all that is stored as printed by cells."""
    outputs = [output for cell in cells for output in cell.outputs]
    return "".join(out.text for out in outputs if out.output_type == "stream")


def answer(name, mark):
    """Return the one piece of code in the exercises that contains mark."""
    sources = [cell.source for cell in read(name).cells if cell.cell_type != "code"]
    pieces = re.findall(r"^ +```\w*\n(.*?)^ +```", "\n".join(sources), re.M | re.S)
    found = [textwrap.dedent(code) for code in pieces if mark in code]
    assert len(found) == 1, f"{len(found)} pieces of code contain {mark!r}, not one."
    return found[0]


def with_fewer_repetitions(source):
    """Return the source of a cell that does less of what takes seconds: 5 rounds where
    it would go 20 or more, and 50 characters where `turned` writes 3,000."""
    source = re.sub(r"range\(([2-9]\d|\d{3,})\)", "range(5)", source)
    return re.sub(r"\b3000\b", "50", source)


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


def rows(output, columns):
    """Return the rows of a table that a cell has printed, {label: {column: number}}: a
    row is a line that ends with as many numbers as there are columns."""
    found = {}
    for line in output.splitlines():
        row = re.fullmatch(rf"(.*?)((?:\s+{NUMBER}){{{len(columns)}}})", line)
        if row:
            found[row[1].strip()] = dict(zip(columns, values(row[2])))
    return found


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
    and names two numbers with three decimals or more, a loss and a mean.
    """
    entries = {}
    for line in log.splitlines():
        loss = re.search(r"\bloss\D*(\d+\.\d{3,})", line)
        mean = re.search(r"\bmean\D*(\d+\.\d{3,})", line)
        if loss and mean and "." not in numbers(line)[0]:
            entries[int(values(line)[0])] = float(loss[1]), float(mean[1])
    return entries


# --- A run in this process


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `cells` are the sections, {id:
    [source, ...]}. `out` holds what each has printed, `figures` what it has drawn; of a
    figure that is updated, the last state.
    """

    def __init__(self, name, last, **settings):
        """Run the notebook's cells up to last."""
        super().__init__()
        self.name = name
        self.file = read(name)
        self.cells = {
            cell_id: [cell.source for cell in cells]
            for cell_id, cells in sections(self.file).items()
        }
        self.settings = {"TEXT_FILE": str(FAQ), "DEVICE": "cpu"} | settings
        self.out = {}
        self.figures = {}
        self.shown = []
        for cell_id in self.until(last):
            self.run(cell_id)

    def __repr__(self):
        """Return a short name: pytest shows it when a test fails."""
        return f"<Notebook {self.name}>"

    def until(self, last):
        """Return the ids of the cells up to last."""
        ids = list(self.cells)
        return ids[: ids.index(last) + 1]

    def run(self, cell_id, change=str):
        """Run a cell, its source changed by a function, and return what it prints."""
        self.out[cell_id], self.figures[cell_id] = "", []
        for source in self.cells[cell_id]:
            self.execute(change(source), cell_id)
        return self.out[cell_id]

    def run_after(self, last):
        """Run all cells after last; what they do many times, only a few times."""
        for cell_id in list(self.cells)[len(self.until(last)) :]:
            self.run(cell_id, with_fewer_repetitions)

    def execute(self, source, cell_id="answer"):
        """Run source as if it were (a part of) a cell; return what it has printed."""
        code = compile(source, f"{self.name}:{cell_id}", "exec")
        self.shown = []
        plt.close("all")
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                exec(code, self)
        finally:
            drawn = [plt.figure(number) for number in plt.get_fignums()]
            self.out[cell_id] = self.out.get(cell_id, "") + out.getvalue()
            self.figures.setdefault(cell_id, []).extend(self.shown[-1:] + drawn)
            plt.close("all")
        if "device" not in self:  # the cells up to `parameters`
            self.update(self.settings, display=self.display)
        return out.getvalue()

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
    """Return a notebook after all cells up to `train`, with 50 iterations, and after
    those experiments of the laboratory that need no training."""
    notebook = Notebook(name, "train", NUM_ITER=50)
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
