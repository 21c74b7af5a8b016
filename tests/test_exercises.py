"""The exercises of the lesson, and figures that text and code alone decide."""

import re

import pytest
import torch
from notebooks import LABORATORY, LESSON, Notebook, fresh_run, read, values

CORRECT = "See other red tests first. Is the edit wrong? If not, correct the prose."


def said(name, words):
    """Return the numbers in the one paragraph, point, or row that has the words."""
    source = "\n\n".join(c.source for c in read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    return values(found[0].replace("$", " "))


def test_the_losses_that_exercise_1_gives_for_two_faults():
    for words, iterations, old in (
        ("`zero_grad` is missing", [10], r".*\.zero_grad\(\).*"),
        ("is not passed on", [1, 10], ", state(?=\\))"),
    ):
        notebook = Notebook(LESSON, "setup", NUM_ITER=10, LOG_EVERY=99)
        notebook.update(read_along=lambda *_: (torch.zeros(1, 100), None))
        notebook.update(generate=lambda *_: "", test_targets=torch.zeros(1, dtype=int))
        train, found = re.subn(old, "", notebook.cells["train"], count=1)
        assert found, f"This test looks for {old!r} in the training cell."
        notebook.cells["train"] = train
        notebook.run("train")
        for n in iterations:
            loss = notebook["losses"][n - 1]
            told = f"{words!r}: the loss at iteration {n} is {loss:.3f}. {CORRECT}"
            assert pytest.approx(loss, abs=0.0015) in said(LESSON, words), told


def test_what_text_and_code_decide_is_as_the_prose_says():
    """Figures that are the same on every machine."""
    notebook = fresh_run(LESSON)
    text, counting_loss = notebook["training_text"], notebook["counting_loss"]
    ends = re.findall(r"[.?]\s", text)
    asks = sum(end.startswith("?") for end in ends)
    one, two = counting_loss(text, 0), counting_loss(text, 1)
    losses = [notebook["losses"][n - 1] for n in (1, 10, 50)]
    for name, words, figures in (
        (LESSON, "from memory", losses),
        (LESSON, "no fixed probabilities", [one, two]),
        (LESSON, "| *character frequencies*", [round(one, 2)]),
        (LESSON, "| *previous character*", [round(two, 2)]),
        (LESSON, "| counts for the last eight", [round(counting_loss(text, 8), 2)]),
        (LABORATORY, "are “?”, so guessing", [len(ends), asks]),
        (LABORATORY, "An example:", [text.count("tha"), text.count("that")]),
    ):
        told = f"Where {words!r} stands, the figures should be {figures}. {CORRECT}"
        given = said(name, words)
        assert all(pytest.approx(n, abs=0.0015) in given for n in figures), told
    only_there = "worl" not in text and "world" in notebook["test_text"]
    assert only_there, f"The example after `counts` is “world”. {CORRECT}"
