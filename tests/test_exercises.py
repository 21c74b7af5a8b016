"""The exercises of the lesson, and figures that text and code alone decide."""

import re
import textwrap

import pytest
from notebooks import LABORATORY, LESSON, Notebook, fresh_run, read, values
from torch.nn import functional as F


def prose(name):
    """Return the prose of a notebook, its lines joined; between paragraphs, points, and
    rows of tables stand newlines."""
    source = "\n\n".join(c.source for c in read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    return "\n".join(" ".join(piece.split()) for piece in pieces)


def said(name, words):
    """Return the numbers in the one paragraph, point, or row that has the words."""
    found = [line for line in prose(name).splitlines() if words in line]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    return values(found[0].replace("$", " ").rstrip("."))


def broken_losses(fault):
    """Return the first ten losses of a training that lacks something."""
    notebook = Notebook(LESSON, "setup")
    model, optimizer, rng = (notebook[k] for k in ("model", "optimizer", "train_rng"))
    losses = []
    for _ in range(10):
        inputs, targets = notebook["draw_example"](notebook["training_text"], 200, rng)
        state, loss = None, 0
        for character, target in zip(inputs.split(1), targets.split(1)):
            logits, state = model(character, None if fault == "state" else state)
            loss = loss + F.cross_entropy(logits, target)
        loss = loss if fault == "division" else loss / 200
        if fault != "zero_grad":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    "fault, words, iterations, within",
    [
        ("zero_grad", "`zero_grad` is missing", [10], 0.001),
        ("state", "state is not passed on", [1, 10], 0.001),
        ("division", "not divided", [1], 1),
    ],
)
def test_the_losses_that_exercise_1_gives_for_each_fault(
    fault, words, iterations, within
):
    losses = broken_losses(fault)
    expected = [losses[n - 1] for n in iterations]
    found = said(LESSON, words)
    for loss in expected:
        assert any(abs(loss - number) < within for number in found), (
            f"Without {fault}, iterations {iterations} have {expected}, not {found}."
        )


def test_the_losses_of_exercise_1():
    losses = fresh_run(LESSON)["losses"]
    expected = [1, 10, 50, *(round(losses[n - 1], 3) for n in (1, 10, 50))]
    found = said(LESSON, "from memory")
    assert all(any(abs(x - number) < 0.0015 for number in found) for x in expected), (
        f"The exercise should give the losses at {expected}."
    )


def test_the_solution_of_exercise_2_is_the_same_network(lesson):
    lesson.run("setup")
    lesson.run("train")
    (code,) = re.findall(
        r"(?s)```\n( +def forward.*?)```", read(LESSON).cells[-1].source
    )
    before = list(lesson["losses"])
    lesson.run("by-hand")
    exec(textwrap.dedent(code), lesson)
    lesson["RNN"].forward = lesson["forward"]
    lesson.run("setup")
    lesson.run("train")
    assert lesson["losses"] == pytest.approx(before, abs=1e-4)


def share(texts, words):
    """Return the percentage of texts with one of the words."""
    return (
        100
        * sum(bool(re.search(rf"\b({words})\b", text)) for text in texts)
        / len(texts)
    )


def test_what_text_and_code_decide_is_as_the_prose_says():
    notebook = fresh_run(LESSON)
    training_text, test_text = notebook["training_text"], notebook["test_text"]
    baselines = {key: round(nats, 3) for key, nats in notebook["baselines"].items()}
    for words, key in (
        ("no fixed probabilities", "character frequencies"),
        ("no fixed probabilities", "previous character"),
        ("| *uniform*", "uniform"),
        ("| *character frequencies*", "character frequencies"),
        ("| *previous character*", "previous character"),
    ):
        assert baselines[key] in said(LESSON, words), f"{words!r}: {baselines[key]}"
    assert "worl" not in training_text and "world" in test_text, "Why not count more"
    sentences = re.split(r"(?<=[.?])\s", fresh_run(LABORATORY)["text"])
    asks = [text for text in sentences if text.endswith("?")]
    states = [text for text in sentences if text.endswith(".")]
    found = said(LABORATORY, "This is not understanding")
    expected = [share(asks, "I|my|My"), share(states, "I|my|My")]
    assert found == pytest.approx(expected, abs=1), "“I” or “my”"
    assert share(states, "[Yy]ou|[Yy]our") > 40 and share(asks, "[Yy]ou|[Yy]our") < 3
    lines = re.findall(r"\n\n(.+)", notebook["text"])
    assert 0.7 < sum(line.endswith("?") for line in lines) / len(lines) < 0.75
