"""The code in the exercises, and figures that text and code alone decide."""

import re

from notebooks import (
    LABORATORY,
    LESSON,
    Notebook,
    answer,
    contains,
    fresh_run,
    numbers,
    read,
    values,
)


def paragraph(name, words):
    """Return the one paragraph, point, or row of a table that contains the words."""
    source = "\n\n".join(c.source for c in read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    return " ".join(found[0].split())


def test_the_loop_of_the_answer_has_the_losses_that_the_exercise_gives():
    loop = answer(LESSON, "optimizer.step")
    assert "read_along" not in loop, "The loop is what the exercise is about."
    found = numbers(Notebook(LESSON, "setup").execute(loop))
    assert found[::2] == ["1", "10", "50"]
    assert contains(numbers(paragraph(LESSON, "from memory")), found[1::2]), (
        f"The exercise gives other losses than the answer: {found[1::2]}. Correct it."
    )


def test_the_figures_of_the_baselines_and_of_exercise_2():
    notebook = Notebook(LESSON, "baselines")
    lines = notebook.execute(answer(LESSON, "grams")).splitlines()
    found = [numbers(a) + numbers(b) for a, b in zip(lines[::2], lines[1::2])]
    _, entries, losses, new = zip(*found)  # by the length of the contexts
    baselines = {key: [f"{nats:.3f}"] for key, nats in notebook["baselines"].items()}
    for words, figures in (
        ("*character frequencies* of the", baselines["character frequencies"]),
        ("*previous character* in the", baselines["previous character"]),
        ("three characters in the", losses[2:3]),
        ("Why not count more", new[2:3]),
        ("entries, and", entries),
        ("entries, and", losses),
        ("combinations would be", new),
    ):
        assert contains(numbers(paragraph(LESSON, words)), figures), (
            f"Text and code give {figures}: correct the paragraph with {words!r}."
        )


def test_the_table_that_exercise_5_of_the_laboratory_chooses():
    laboratory = fresh_run(LABORATORY)
    lines = laboratory.execute(answer(LABORATORY, "imaginary in")).splitlines()
    (said,) = re.findall(r"has (\d+) sightings", paragraph(LABORATORY, "sightings and"))
    best = min(lines, key=lambda line: values(line)[-1])
    assert values(best)[:2] == [int(said), 10], "Correct the answer."
