"""The exercises of the lesson, and figures that text and code alone decide."""

import re
import textwrap

import pytest
from notebooks import LABORATORY, LESSON, Notebook, fresh_run, read, values


def said(name, words):
    """Return the numbers in the one paragraph, point, or row that has the words."""
    source = "\n\n".join(c.source for c in read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    return values(found[0].replace("$", " "))


@pytest.mark.parametrize(
    "words, iterations, old, new",
    [
        ("from memory", [1, 10], "", ""),
        ("`zero_grad` is missing", [10], r".*\.zero_grad\(\).*", ""),
        ("is not passed on", [1, 10], r"\(character, state\)", "(character)"),
        ("not divided", [1], r".*/=? *TEXT_PORTION_SIZE.*", ""),
    ],
)
def test_the_losses_that_exercise_1_gives(words, iterations, old, new):
    """With the training cell as it is, and with what breaks it."""
    notebook = Notebook(LESSON, "setup", NUM_ITER=10)
    for name in ("test_inputs", "test_targets"):
        notebook[name] = notebook[name][:1]
    notebook["generate"] = lambda *_: ""
    notebook.cells["train"], found = re.subn(old, new, notebook.cells["train"], count=1)
    assert found, f"This test looks for {old!r} in the training cell."
    notebook.run("train")
    for n in iterations:
        loss = pytest.approx(notebook["losses"][n - 1], abs=0.0015, rel=0.0006)
        assert loss in said(LESSON, words), f"{words!r}, iteration {n}: the exercise"


def test_the_solution_of_exercise_2_is_the_same_network(lesson):
    lesson.run("train")
    before, source = list(lesson["losses"]), read(LESSON).cells[-1].source
    (code,) = re.findall(r"(?s)```\n( +def forward.*?)```", source)
    lesson.run("by-hand")
    exec(textwrap.dedent(code), lesson)
    lesson["RNN"].forward = lesson["forward"]
    lesson.run("setup")
    lesson.run("train")
    assert lesson["losses"] == pytest.approx(before, abs=1e-4)


def test_what_text_and_code_decide_is_as_the_prose_says():
    notebook = fresh_run(LESSON)
    text, counting_loss = notebook["training_text"], notebook["counting_loss"]
    for length, words in (
        (0, "no fixed probabilities"),
        (1, "no fixed probabilities"),
        (0, "| *character frequencies*"),
        (1, "| *previous character*"),
        (3, "| the last three characters"),
    ):
        nats = counting_loss(text, length)
        assert round(nats, 3) in said(LESSON, words), f"{words!r}: {nats:.3f}"
    assert round(nats, 2) in said(LABORATORY, "that they were counted in"), nats
    sentences = re.split(r"(?<=[.?])\s", notebook["text"])
    for mark, words, percent in (("?", "I|[Mm]y", 62), (".", "I|[Mm]y", 8)):
        chosen = [text for text in sentences if text.endswith(mark)]
        found = [text for text in chosen if re.search(rf"\b({words})\b", text)]
        assert 100 * len(found) / len(chosen) == pytest.approx(percent, abs=1)
        assert percent in said(LABORATORY, "“I” or “my”"), f"{mark} {percent}"
