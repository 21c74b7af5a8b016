"""What compares with stored outputs, or with figures in the prose."""

import itertools
import math
import re

import notebooks as nb
import pytest
import torch
from notebooks import LABORATORY, LESSON, lecture_losses, printed, stored, values
from test_repository import LECTURE
from torch.nn import LSTMCell

pytestmark = pytest.mark.stored
REFRESH = """Just say so where you send it, if that is meant. If not, the edit is wrong.
    (Whoever runs the notebook again: .venv/bin/python tests/refresh.py"""
CORRECT = "See other red tests first. Is the edit wrong? If not, correct the prose."


def paragraph(name, words):
    """Return the paragraph, or the row of a table, that has the words."""
    source = "\n\n".join(c.source for c in nb.read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    return found[0].replace("$", " ")


def check(name, words, figures=()):
    """Return the numbers of the paragraph or row with the words; it has the figures."""
    given = values(paragraph(name, words))
    told = f"Where {words!r} stands, the figures should be {figures}. {CORRECT}"
    assert all(pytest.approx(n, rel=5e-4) in given for n in figures), told
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


def test_what_arithmetic_decides():
    nats = [round((n * math.log(10) + 10 * math.log(4)) / 14, 2) for n in (1, 2)]
    check(LABORATORY, "How low can the loss get?", nats)
    asked, stated = (n for (n,) in printed(stored(LABORATORY, "cats"), "s  ", 1))
    p = asked / (asked + stated)
    nats = -p * math.log(p) - (1 - p) * math.log(1 - p)
    figures = asked + stated, asked, round(p, 2), round(nats, 2), round(nats / 70, 3)
    given = check(LABORATORY, "ends in the training text", figures)
    assert {*map(abs, given)} == {70, round(1 - p, 2), *figures}, CORRECT
    assert paragraph(LABORATORY, "in seventy") and paragraph(LABORATORY, "a twentieth")
    assert paragraph(LESSON, "about thirteen times"), "5,000 * 200 / 78,756"
    check(LESSON, "This layer tends to forget.", [0.46, 0.23, 0.0009, 0.96])
    check(LESSON, "Take one unit: with", [1.7, round(math.tanh(1.7) / 2, 2)])
    check(LESSON, "hardly how far", [round(math.tanh(80) - math.tanh(3), 3)])


def test_the_new_words_of_the_painted_stretch():
    notebook = nb.Notebook(LESSON, "text")
    start = int(re.search(r"start = min\((\d+)", notebook.cells["loss-map"])[1])
    words = re.finditer("[A-Za-z]+", notebook["test_text"][1:])
    known = re.findall("[A-Za-z]+", notebook["training_text"])
    words = dict.fromkeys(w[0] for w in words if start <= w.start() < start + 240)
    new = [word for word in words if word not in known]
    named = re.findall(r"“(\w+)”", paragraph(LESSON, "New in this stretch"))
    assert named == new, f"New from {start} on: {new}. {CORRECT}"


def test_what_the_pages_quote_of_the_outputs():
    """In samples, a line break is shown as a blank."""
    log = stored(LESSON, "train")
    _, *losses = nb.log_entries(log)[LECTURE["NUM_ITER"]]  # recent mean, test loss
    figures = [f for n in losses for f in (round(n, 2), round(math.exp(n), 1))]
    check(LESSON, "the recent mean ended at", figures)
    _, (frequencies,), (previous,) = printed(stored(LESSON, "baselines"), "nats", 1)
    check(LESSON, "no fixed probabilities", [frequencies, previous])
    check(LESSON, "| *uniform* |", [4.61])
    check(LESSON, "| *previous character* |", [round(previous, 2)])
    (*_, shorter), example = printed(stored(LABORATORY, "table"), "ha'", 3)
    given = check(LABORATORY, "An example:", example)
    assert {*given} == {1, 10, shorter, *example}, f"{shorter}, {example}. {CORRECT}"
    *_, (_, _, mixture) = printed(stored(LABORATORY, "table"), "%", 3)
    check(LESSON, "| a mixture of counts", [mixture])
    ranges = [check(LABORATORY, "How much of this is luck?")[:4]]
    rows = "training text (recent mean)", "like this one | this test text"
    ranges.append([n for words in rows for n in check(LESSON, words)])
    for name, (low, high, *tests) in itertools.product(nb.PATHS, ranges):
        _, mean, test = nb.log_entries(stored(name, "train"))[LECTURE["NUM_ITER"]]
        told = f"{name} ended at {mean} and {test}, outside the ranges. {CORRECT}"
        assert low <= mean <= high and tests[0] <= test <= tests[1], told
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    title = re.findall(r"(?m)^ *\d+: (.+)$", nb.read(LESSON).cells[0].source)
    listed = re.findall(rf"(?m)^    ({LECTURE['PRIME_STR']}.+)$", readme)
    assert title and listed, "This test no longer finds the samples that are quoted."
    strange = [each for each in title + listed if each not in log.replace("\n", " ")]
    assert not strange, f"Not in the stored log: {strange}. {CORRECT}"


def test_what_the_laboratory_quotes_of_its_experiments():
    """In exercises, the first of the numbers for several seeds is the stored run's."""
    said = " ".join(paragraph(LABORATORY, "a straight line means").split())
    factors = re.findall(r"([\d.]+) with `(\w+)`", said)
    fractions = [1 / values(n)[0] for n in re.findall(r"1/([\d,]+\d)", said)]
    shares = re.findall(r"(\w+) +at the digit: (\S+)", stored(LABORATORY, "gradients"))
    for (factor, named), (layer, share) in zip(factors, shares[1:], strict=True):
        expected = layer, pytest.approx(float(share) ** (1 / 11), rel=0.1)
        assert (named, float(factor)) == expected, f"a step: {expected}. {CORRECT}"
    left = [pytest.approx(float(share), rel=0.1) for _, share in shares[1:3]]
    assert fractions == left, f"What is left at the digit: {shares}. {CORRECT}"
    (holders,) = printed(stored(LABORATORY, "transplant"), "holders", 3)
    check(LABORATORY, "units are holders", [holders[0], holders[2]])
    check(LABORATORY, "As was to be", *printed(stored(LABORATORY, "held"), "mean f"))
    lstm, plain, _ = printed(stored(LABORATORY, "memory"), "second digit", 1)
    _, *losses = nb.log_entries(stored(LABORATORY, "train"))[LECTURE["NUM_ITER"]]
    rows = {"as they are |": (losses, 0), "`nn.LSTM`, 128, 0.005": (losses, 3)}
    rows |= {"`nn.LSTM`, 0.005, 10": (lstm, 2), "`nn.RNN`, 0.001, 10": (plain, 2)}
    for words, (figures, n) in rows.items():
        given = check(LABORATORY, f"| {words}")[n::3]
        told = f"{words}: in the stored run, {figures}. {CORRECT}"
        assert given[: len(figures)] == pytest.approx(figures, abs=0.006), told
    (exercises,) = (c.source for c in nb.read(LESSON).cells if c.id == "exercises")
    (given,) = re.findall(r"\| all gates .*\n.*\n *\| ([\d.]+),", exercises)
    _, mean, _ = nb.log_entries(stored(LESSON, "train"))[1000]
    assert float(given) == pytest.approx(mean, abs=0.006), f"all gates. {CORRECT}"
