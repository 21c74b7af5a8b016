"""Figures in the prose that stored outputs, or arithmetic, decide."""

import math
import re

import notebooks as nb
import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, lecture_losses, printed, values
from replay import kept
from test_repository import LECTURE
from torch.nn import LSTMCell

pytestmark = pytest.mark.stored
PRINTED = {name: nb.outputs(nb.read(name)) for name in nb.PATHS}
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
    assert all(pytest.approx(n, rel=2e-4) in given for n in figures), told
    return given


def test_what_exercise_1_says_of_the_losses(monkeypatch):
    notebook, step, cell = nb.Notebook(LESSON, "text"), LSTMCell.forward, LSTMCell
    entries = nb.log_entries(PRINTED[LESSON]["train"])
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
    asked, stated = (n for (n,) in printed(PRINTED[LABORATORY]["cats"], "s  ", 1))
    p = asked / (asked + stated)
    nats = -p * math.log(p) - (1 - p) * math.log(1 - p)
    figures = asked + stated, asked, round(p, 2), round(nats, 2), round(nats / 70, 3)
    given = check(LABORATORY, "ends in the training text", figures)
    assert {*map(abs, given)} == {70, round(1 - p, 2), *figures}, CORRECT
    fading, sign = [1], 0.5
    for _ in range(10):
        fading.append(math.tanh(0.5 * fading[-1]))
        sign = math.tanh(2 * sign)
    figures = *(round(n, 2) for n in (*fading[1:3], sign)), round(fading[10], 4)
    check(LESSON, "This layer tends to forget.", figures)
    check(LESSON, "Take one unit: with", [1.7, round(math.tanh(1.7) / 2, 2)])
    check(LESSON, "hardly how far", [round(math.tanh(80) - math.tanh(3), 3)])
    check(LESSON, "32-bit floats", [float(f"{np.spacing(np.float32(100)):.0e}")])
    for name in nb.PATHS:
        check(name, "about the same probability", [round(math.log(100), 3)])
    (table,) = (c.source for c in nb.read(LABORATORY).cells if c.id == "exercises")
    network = nb.Notebook(LABORATORY, "model")["RNN"]
    for layer, units, weights in re.findall(r"`nn.(\w+)`, (\d+),.*?\| (\S+) \|", table):
        model = network(100, 100, int(units), getattr(torch.nn, layer))
        n = sum(weight.numel() for weight in model.parameters())
        assert values(weights) == [n], f"{layer}, {units}: {n} weights. {CORRECT}"


def test_what_the_pages_quote_of_the_outputs():
    log = PRINTED[LESSON]["train"]
    _, *losses = nb.log_entries(log)[LECTURE["NUM_ITER"]]  # recent mean, test loss
    figures = [f for n in losses for f in (round(n, 2), round(math.exp(n), 1))]
    check(LESSON, "the recent mean ended at", figures)
    check(LESSON, "In the stored run, the loss was", [losses[1]])
    always = re.findall(r"(\d+) of \1 '([^ ,.])'", PRINTED[LESSON]["cell-state"])
    named = re.findall("at each “(.)”", paragraph(LESSON, "such a unit for each sign"))
    assert named == [sign for _, sign in always], f"Erased each time: {always}"
    (comma,) = printed(PRINTED[LESSON]["cell-state"], "(',')", 1)
    check(LESSON, "unit = torch.tensor", comma)
    _, (frequencies,), (previous,) = printed(PRINTED[LESSON]["baselines"], "nats", 1)
    check(LESSON, "no fixed probabilities", [frequencies, previous])
    check(LESSON, "| *previous character* |", [round(previous, 2)])
    (*_, shorter), example = printed(PRINTED[LABORATORY]["table"], "ha'", 3)
    given = check(LABORATORY, "An example:", example)
    assert {*given} == {1, 10, shorter, *example}, f"{shorter}, {example}. {CORRECT}"
    *_, (_, _, mixture) = printed(PRINTED[LABORATORY]["table"], "%", 3)
    check(LESSON, "| a mixture of counts", [mixture])
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    title = re.findall(r"(?m)^ *\d+: (.+)$", nb.read(LESSON).cells[0].source)
    listed = re.findall(rf"(?m)^    ({LECTURE['PRIME_STR']}.+)$", readme)
    assert title and listed, "This test no longer finds the samples that are quoted."
    strange = [each for each in title + listed if each not in log.replace("\n", " ")]
    assert not strange, f"Not in the stored log: {strange}. {CORRECT}"


def test_what_the_laboratory_quotes_of_its_experiments():
    said = paragraph(LABORATORY, "a straight line means")
    _, *shares = printed(PRINTED[LABORATORY]["gradients"], "at the digit")
    expected = [pytest.approx(share ** (1 / 11), rel=0.1) for (share,) in shares]
    factors = [float(n) for n in re.findall(r"[\d.]+(?=\s+with\s+`)", said)]
    assert factors == expected, f"the factor of each step. {CORRECT}"
    expected = [pytest.approx(share, rel=0.1) for (share,) in shares[:2]]
    fractions = [1 / values(n)[0] for n in re.findall(r"1/([\d,]+\d)", said)]
    assert fractions == expected, f"What is left at the digit: {shares}. {CORRECT}"
    ((n, _, turned, _),) = printed(PRINTED[LABORATORY]["transplant"], "holders")
    said = paragraph(LABORATORY, "units are holders")
    assert re.findall(r"stored run, (\d+) units are", said) == [f"{n:.0f}"], CORRECT
    assert {*re.findall(r"\ball (\d+)", said)} == {f"{turned:.0f}"}, CORRECT
    drawn = re.findall(r"(?m)^title: unit (\d+)", kept(LABORATORY)["held"])
    said = paragraph(LABORATORY, "most of the holders forget hardly anything")
    named = " ".join(re.findall(r"\bunits? ([\d and]+)", said))
    assert {*re.findall(r"\d+", named)} == {*drawn}, f"units {drawn}. {CORRECT}"
    (questions,), (statements,) = printed(PRINTED[LABORATORY]["asking"], "ends of", 1)
    check(LABORATORY, "beginnings of questions", [questions, statements])
