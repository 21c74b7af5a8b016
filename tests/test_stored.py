"""What compares with stored outputs, or with figures in the prose."""

import math
import re

import notebooks as nb
import pytest
import torch
from notebooks import LABORATORY, LESSON, lecture_losses, printed, values
from test_repository import LECTURE
from torch.nn import LSTMCell

pytestmark = pytest.mark.stored
REFRESH = """Just say so where you send it, if that is meant. If not, the edit is wrong.
    (Whoever runs the notebook again: .venv/bin/python tests/refresh.py"""
CORRECT = "See other red tests first. Is the edit wrong? If not, correct the prose."


def stored(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = nb.code_cells(nb.read(name))[cell_id].outputs
    return "".join(out.get("text", "") for out in outputs)


def check(name, words, figures=()):
    """Return the numbers of the paragraph or row with the words; it has the figures."""
    source = "\n\n".join(c.source for c in nb.read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    given = values(found[0].replace("$", " "))
    told = f"Where {words!r} stands, the figures should be {figures}. {CORRECT}"
    assert all(pytest.approx(n, abs=0.0015) in given for n in figures), told
    return given


def test_the_outputs_are_of_one_run_of_this_code(name):
    """`refresh.py` keeps a sum of the FAQ, the outputs, and each cell's code."""
    notebook = nb.read(name)
    kept, new = notebook.metadata.get("sums", {}), nb.sums(notebook)
    changed = [key for key in new if new[key] != kept.get(key)]
    assert not changed, f"Changed since it was run: {changed}. {REFRESH} {name})"
    cells = nb.code_cells(notebook).values()
    in_order = [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    last, (_, mean, _) = max(nb.log_entries(stored(name, "train")).items())
    learned = last == LECTURE["NUM_ITER"] and mean < 2.382  # *previous character*
    assert in_order and learned, f"Not whole, or not in order. {REFRESH} {name})"


def test_what_exercise_1_says_of_the_losses(monkeypatch):
    notebook, step, cell = nb.Notebook(LESSON, "text"), LSTMCell.forward, LSTMCell
    entries = nb.log_entries(stored(LESSON, "train"))
    check(LESSON, "from memory", [entries[n][0] for n in (1, 10, 50)])
    faults = {
        "`zero_grad` is missing": (torch.optim.Adam, "zero_grad", lambda self: None),
        "is not passed on": (cell, "forward", lambda self, x, _: step(self, x)),
        "are exchanged": (cell, "forward", lambda self, x, s: step(self, x, s[::-1])),
    }
    for words, fault in faults.items():
        with monkeypatch.context() as patch:
            patch.setattr(*fault)
            first, *_, tenth = lecture_losses(notebook, 10)
        check(LESSON, words, [first, tenth] if "passed" in words else [tenth])


def test_what_arithmetic_decides_in_the_laboratory():
    nats = [round((n * math.log(10) + 10 * math.log(4)) / 14, 2) for n in (1, 2)]
    check(LABORATORY, "How low can the loss get?", nats)
    network = nb.Notebook(LABORATORY, "model")["RNN"]
    (source,) = (c.source for c in nb.read(LABORATORY).cells if c.id == "exercises")
    rows = re.findall(r"\| `nn\.(\w+)`, (\d+), \S+ \| ([\d,]+) \|", source)
    for layer, units, given in rows:
        made = network(100, 100, int(units), getattr(torch.nn, layer), 1)
        weights = f"{sum(weight.numel() for weight in made.parameters()):,}"
        assert given == weights, f"{layer}, {units} units: {weights} weights. {CORRECT}"
    assert len(rows) > 6, f"Exercise 2: only {len(rows)} rows have a layer and weights."


def test_what_the_pages_quote_of_the_outputs():
    """In samples, a line break is shown as a blank."""
    log = stored(LESSON, "train")
    _, *losses = nb.log_entries(log)[LECTURE["NUM_ITER"]]  # recent mean, test loss
    figures = [f for n in losses for f in (round(n, 2), round(math.exp(n), 1))]
    check(LESSON, "the recent mean ended at", figures)
    _, frequencies, previous, *_ = printed(stored(LESSON, "baselines"), count=1)
    check(LESSON, "no fixed probabilities", frequencies + previous)
    (example,) = printed(stored(LABORATORY, "table"), "'tha'", 3)
    check(LABORATORY, "An example:", example)
    *_, (_, _, mixture) = printed(stored(LABORATORY, "table"), "%", 3)
    check(LESSON, "| a mixture of counts", [mixture])
    low, high, *tests = check(LABORATORY, "How much of this is luck?")
    for name in nb.PATHS:
        _, mean, test = nb.log_entries(stored(name, "train"))[LECTURE["NUM_ITER"]]
        told = f"{name} ended at {mean} and {test}, outside the ranges. {CORRECT}"
        assert low <= mean <= high and tests[0] <= test <= tests[1], told
    (_, asked), (_, stated), *_ = printed(stored(LABORATORY, "cats"), " of ", 2)
    check(LABORATORY, "ends in the training text", [asked + stated, asked])
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    title = re.findall(r"(?m)^ *\d+: (.+)$", nb.read(LESSON).cells[0].source)
    listed = re.findall(rf"(?m)^    ({LECTURE['PRIME_STR']}.+)$", readme)
    assert title and listed, "This test no longer finds the samples that are quoted."
    strange = [each for each in title + listed if each not in log.replace("\n", " ")]
    assert not strange, f"Not in the stored log: {strange}. {CORRECT}"
