"""The notebooks as tests, benchmark, and refresh see them: their cells, by id."""

import contextlib
import functools
import io
import itertools
import re
import string
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
PATHS = {name: ROOT / f"char_rnn_{name}.ipynb" for name in (LESSON, LABORATORY)}
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


def read(name):
    """Return the notebook LESSON or LABORATORY as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def sections(notebook):
    """Return the code cells, {id: [cell, ...]}; with no prose between, they are one."""
    groups = itertools.groupby(notebook.cells, lambda cell: cell.cell_type)
    split = [list(cells) for kind, cells in groups if kind == "code"]
    return {parts[0].id: parts for parts in split}


def answer(name, mark):
    """Return the one piece of code in the exercises that contains mark."""
    sources = [cell.source for cell in read(name).cells if cell.cell_type != "code"]
    pieces = re.findall(r"^ +```\w*\n(.*?)^ +```", "\n".join(sources), re.M | re.S)
    found = [textwrap.dedent(code) for code in pieces if mark in code]
    assert len(found) == 1, f"{len(found)} pieces of code contain {mark!r}, not one."
    return found[0]


def with_fewer_repetitions(source):
    """Return the source of a cell that does what takes seconds only a few times."""
    source = re.sub(r"range\(([2-9]\d|\d{3,})\)", "range(5)", source)
    return re.sub(r"\b3000\b", "50", source)


def execute(notebook, folder, **hooks):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
        **hooks,
    ).execute()


def tidy(notebook):
    """Remove from notebook, in place, what JupyterLab adds when it saves."""
    language = notebook.metadata.language_info
    language.pop("version", None)  # of the Python that happened to run it
    kernel = "Python 3 (ipykernel)", "python", "python3"
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": dict(zip(("display_name", "language", "name"), kernel)),
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


def numbers(output):
    """Return the numbers in a text, as strings."""
    return re.findall(NUMBER, output)


def value(number):
    """Return a number that was found in text, as a float; 98% is 98."""
    return float(number.replace(",", "").rstrip("%"))


def values(output):
    """Return the numbers in a text, as floats."""
    return [value(number) for number in numbers(output)]


def rows(output, columns):
    """Return the rows of a printed table, {label: {column: number}}."""
    found = {}
    for line in output.splitlines():
        row = re.fullmatch(rf"(.*?)((?:\s+{NUMBER}){{{len(columns)}}})", line)
        if row:
            found[row[1].strip()] = dict(zip(columns, values(row[2])))
    return found


def agree(old, new):
    """Return whether two numbers, as strings, are the same: counts exactly, others to
    one unit of the last digit of the old one."""
    digits = len(old.rstrip("%").partition(".")[2])
    unit = 10.0**-digits if digits else float(old.endswith("%"))
    return abs(value(old) - value(new)) <= 1.01 * unit


def contains(found, expected):
    """Return whether the expected numbers stand one right after the other in found."""
    for start in range(len(found) - len(expected) + 1):
        if all(agree(old, new) for old, new in zip(expected, found[start:])):
            return True
    return False


def log_entries(log):
    """Return what the training cell has logged, {iteration: (loss, mean)}."""
    entries = {}
    for line in log.splitlines():
        loss = re.search(r"\bloss\D*(\d+\.\d{3,})", line)
        mean = re.search(r"\b(?:mean|average)\D*(\d+\.\d{3,})", line)
        if loss and mean and "." not in numbers(line)[0]:
            entries[int(values(line)[0])] = float(loss[1]), float(mean[1])
    return entries


def as_text(indices):
    """Return the characters of indices, a tensor or a list."""
    return "".join(string.printable[index] for index in indices)


def legend(axes):
    """Return {name: [list of x, list of y]} for the named curves of axes."""
    curves, names = axes.get_legend_handles_labels()
    points = [[list(curve.get_xdata()), list(curve.get_ydata())] for curve in curves]
    return dict(zip(names, points))


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `out` holds what each cell has
    printed, `figures` what it has drawn; of a figure that is updated, the last state.
    """

    def __init__(self, name, last, **settings):
        super().__init__()
        self.name, self.out, self.figures, self.shown = name, {}, {}, []
        self.cells = {
            cell_id: [cell.source for cell in cells]
            for cell_id, cells in sections(read(name)).items()
        }
        self.settings = {"TEXT_FILE": str(FAQ), "DEVICE": "cpu"} | settings
        for cell_id in self.until(last):
            self.run(cell_id)

    def __repr__(self):
        return f"<Notebook {self.name}>"  # pytest shows it when a test fails

    def until(self, last):
        ids = list(self.cells)
        return ids[: ids.index(last) + 1]

    def run(self, cell_id, change=str):
        """Run a cell, its source changed by a function, and return what it prints."""
        self.out[cell_id], self.figures[cell_id] = "", []
        for source in self.cells[cell_id]:
            self.execute(change(source), cell_id)
        return self.out[cell_id]

    def run_after(self, last, order=list):
        """Run all cells after last; what they do many times, only a few times."""
        for cell_id in order(list(self.cells)[len(self.until(last)) :]):
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
        # stands in for IPython's: keeps the figure and those that replace it
        self.shown.append(figure)
        return SimpleNamespace(update=self.shown.append)

    def new_model(self):
        """Return a model made as in the cell `setup`."""
        torch.manual_seed(self["RANDOM_SEED"])
        arguments = [100, self["EMBEDDING_DIM"], self["HIDDEN_DIM"]]
        if self.name == LABORATORY:
            arguments += [self["LAYER"], self["NUM_LAYERS"]]
        return self["RNN"](*arguments).to(self["device"])


@functools.cache
def fresh_run(name):
    """Return a notebook after 50 iterations and what else needs no long training."""
    notebook = Notebook(name, "train", NUM_ITER=50)
    for cell_id in ("table", "memory-text") if name == LABORATORY else ():
        notebook.run(cell_id)
    return notebook


def read_text(model, indices):
    """Return logits (L, 100), one character per call."""
    state, rows = None, []
    for character in indices.split(1):
        logits, state = model(character, state)
        rows.append(logits.detach())
    return torch.cat(rows)
