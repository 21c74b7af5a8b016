"""Figures of the prose that text and code alone decide: each is computed here.

For each row of CLAIMS, some paragraph, point, or row of a table in the notebook must
contain the words in the row, if there are any, and the figures, one right after the
other, as the fixture `figures` computes them. Rough figures, and those of our runs, are
not checked here.
"""

import re

import numpy as np
import pytest
from notebooks import (
    LABORATORY,
    LESSON,
    Notebook,
    answer,
    contains,
    fresh_run,
    numbers,
    read,
)

CLAIMS = [  # notebook, figure, words that stand in the same paragraph
    (LESSON, "character frequencies", "*character frequencies* of"),
    (LESSON, "previous character", "*previous character* in"),
    (LESSON, "losses at 1, 10, and 50", ""),
    (LESSON, "entries of tables", "entries"),
    (LESSON, "losses of tables", "losses"),
    (LESSON, "new to tables", ""),
    (LABORATORY, "the best table", ""),
    (LABORATORY, "I or my", "“my”"),
]


def paragraphs(name):
    """Return the paragraphs, points, and rows of tables of the prose, on one line."""
    found = []
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", cell.source)
            found += [" ".join(piece.split()) for piece in pieces]
    return found


@pytest.fixture(scope="module")
def figures():
    """All figures, as strings: {name: [figure, ...]}. Those of larger tables are what
    the answer to the lesson's exercise 2 prints."""
    lesson, laboratory = fresh_run(LESSON), fresh_run(LABORATORY)
    _, frequencies, previous = lesson["baselines"].values()
    printed = Notebook(LESSON, "baselines").execute(answer(LESSON, "grams"))
    exercise = [n for line in printed.splitlines() for n in numbers(line)]
    asking = Notebook(LABORATORY, "setup")
    asking.run("asking")
    first_person = []
    for end in asking["ends"]:
        sentence = re.split(r"[.?]\s|\n", asking["text"][:end])[-1]
        first_person.append(bool(re.search(r"\b(?:I|[Mm]y)\b", sentence)))
    first_person = np.array(first_person)
    return {
        "character frequencies": [f"{frequencies:.3f}"],
        "previous character": [f"{previous:.3f}"],
        "losses at 1, 10, and 50": [f"{lesson['losses'][n]:.3f}" for n in (0, 9, 49)],
        "entries of tables": exercise[1::4],  # four numbers for each length
        "losses of tables": exercise[2::4],
        "new to tables": exercise[3::4],
        "the best table": [f"{min(laboratory['tables']):.2f}"],
        "I or my": [
            f"{first_person[kind].mean():.0%}"
            for kind in (asking["asks"], ~asking["asks"])
        ],
    }


@pytest.mark.parametrize("name, figure, words", CLAIMS)
def test_an_exact_figure_of_the_prose(figures, name, figure, words):
    expected = figures[figure]
    about_it = [paragraph for paragraph in paragraphs(name) if words in paragraph]
    where = f" with {words!r}" if words else ""
    assert any(contains(numbers(paragraph), expected) for paragraph in about_it), (
        f"“{figure}”: text and code give {', '.join(expected)}, but in the notebook "
        f"{name!r}, no paragraph{where} says so. Correct the prose. If it no longer "
        "gives this figure, change CLAIMS in tests/test_prose.py."
    )
