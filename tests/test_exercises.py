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
    "old, new, words, iterations, within",
    [
        ("", "", "from memory", [1, 10], 0.0015),
        (r".*\.zero_grad\(\).*", "", "`zero_grad` is missing", [10], 0.0015),
        (r"\(character, state\)", "(character)", "is not passed on", [1, 10], 0.0015),
        (r".*/=? *TEXT_PORTION_SIZE.*", "", "not divided", [1], 1),
    ],
)
def test_the_losses_that_exercise_1_gives(old, new, words, iterations, within):
    """With the training cell as it is, and with what breaks it."""
    notebook = Notebook(LESSON, "setup", NUM_ITER=10)
    for name in ("test_inputs", "test_targets"):
        notebook[name] = notebook[name][:1]
    notebook["generate"] = lambda *_: ""
    notebook.cells["train"], found = re.subn(old, new, notebook.cells["train"], count=1)
    assert found, f"This test looks for {old!r} in the training cell."
    notebook.run("train")
    for n in iterations:
        loss = notebook["losses"][n - 1]
        assert any(abs(loss - number) < within for number in said(LESSON, words)), (
            f"{words!r}: iteration {n} has {loss:.3f}. Correct the exercise."
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


def test_what_text_and_code_decide_is_as_the_prose_says():
    notebook = fresh_run(LESSON)
    text, counting_loss = notebook["training_text"], notebook["counting_loss"]
    for length, name, words in (
        (0, LESSON, "no fixed probabilities"),
        (1, LESSON, "no fixed probabilities"),
        (0, LESSON, "| *character frequencies*"),
        (1, LESSON, "| *previous character*"),
        (3, LESSON, "| the last three characters"),
        (3, LABORATORY, "that they were counted in"),
    ):
        nats = counting_loss(text, length)
        shown = round(nats, 3), round(nats, 2)
        assert set(shown) & set(said(name, words)), f"{words!r}: {nats:.3f}"
    loss = notebook["losses"][49]
    assert any(abs(loss - x) < 0.0015 for x in said(LESSON, "from memory")), "at 50"
    sentences = re.split(r"(?<=[.?])\s", notebook["text"])
    for mark, words, percent in (("?", "I|[Mm]y", 62), (".", "I|[Mm]y", 8)):
        chosen = [text for text in sentences if text.endswith(mark)]
        found = [text for text in chosen if re.search(rf"\b({words})\b", text)]
        assert 100 * len(found) / len(chosen) == pytest.approx(percent, abs=1)
        assert percent in said(LABORATORY, "“I” or “my”"), f"{mark} {percent}"
