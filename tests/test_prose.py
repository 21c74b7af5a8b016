"""Figures of the prose that text and code alone decide: each is computed here.

For each row of CLAIMS, some paragraph, point, or row of a table in the notebook must
contain the words in the row, if there are any, and the figures, one right after the
other, as the fixture `figures` computes them. Rough figures, and those of our runs, are
not checked here.
"""

import math
import re
from collections import Counter

import pytest
from notebooks import LABORATORY, LESSON, lecture_losses, numbers, read, value
from torch import nn

CLAIMS = [  # notebook, figure, words that stand in the same paragraph
    (LESSON, "uniform", r"\ln 100"),
    (LESSON, "uniform", "*uniform* |"),
    (LESSON, "frequencies", "*character frequencies* of"),
    (LESSON, "previous character", "*previous character* in"),
    (LESSON, "rows of an LSTM", "weight_hh"),
    (LESSON, "a memory fades", "U=0.5"),
    (LESSON, "a memory is gone", "U=0.5"),
    (LESSON, "a memory saturates", "U=2"),
    (LESSON, "a new number of c", "c'="),
    (LESSON, "a new number of h", "h'="),
    (LESSON, "losses of the loop", "1, 10, and 50"),
    (LESSON, "loss without zero_grad", "zero_grad"),
    (LESSON, "loss without the state", "state"),
    (LESSON, "loss without the division", ""),
    (LESSON, "loss with the state handed on", "detach"),
    (LESSON, "entries of tables", "entries"),
    (LESSON, "losses of tables", "losses"),
    (LESSON, "new to tables", ""),
    (LABORATORY, "a refined probability", "(3+10)"),
    (LABORATORY, "the best table", ""),
    (LABORATORY, "a guess at a digit", r"\ln 10="),
    (LABORATORY, "lowest loss with memory", r"(\ln 10"),
    (LABORATORY, "lowest loss without memory", r"(2\ln 10"),
    (LABORATORY, "weights with nn.LSTM", "`nn.LSTM`, 128,"),
    (LABORATORY, "weights with nn.GRU", "`nn.GRU`, 128,"),
    (LABORATORY, "weights with nn.RNN", "`nn.RNN`, 128,"),
    (LABORATORY, "weights with nn.RNN, 256", "`nn.RNN`, 256,"),
    (LABORATORY, "times that a batch reads the text", "times"),
    (LABORATORY, "a batch of eight", "NUM_ITER"),
    (LABORATORY, "the tuned table", "of them and seven"),
]


def paragraphs(name):
    """Return the paragraphs, points, and rows of tables of the prose, on one line."""
    found = []
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", cell.source)
            found += [" ".join(piece.split()) for piece in pieces]
    return found


def fade(weight, number, steps):
    """Return a one-number memory of a plain layer after some steps."""
    for _ in range(steps):
        number = math.tanh(weight * number)
    return number


def tables(text):
    """Return entries and losses of tables of 1 to 4 characters, and what is new."""
    entries, losses, new = [], [], []
    cut = len(text) * 9 // 10
    for k in (1, 2, 3, 4):
        grams = [text[i : i + k + 1] for i in range(len(text) - k)]
        counts, contexts = Counter(grams), Counter(gram[:k] for gram in grams)
        nats = [n * math.log(contexts[gram[:k]] / n) for gram, n in counts.items()]
        seen = set(grams[: cut - k])
        unseen = [gram not in seen for gram in grams[cut - k :]]
        entries.append(f"{len(counts):,}")
        losses.append(f"{sum(nats) / len(grams):.3f}")
        new.append(f"{sum(unseen) / len(unseen):.1%}")
    return entries, losses, new


def num_weights(notebook, layer, hidden_dim=128):
    model = notebook["RNN"](100, 100, hidden_dim, layer, 1)
    return f"{sum(weight.numel() for weight in model.parameters()):,}"


@pytest.fixture(scope="module")
def figures(fresh_lesson, fresh_laboratory):
    """All figures as they should be written: {name: [figure, ...]}."""
    lesson, lab = fresh_lesson, fresh_laboratory
    text = lesson["text"]
    uniform, frequencies, previous = lesson["baselines"].values()
    entries, losses, new = tables(text)
    right = lesson["losses"]

    def tenth(mistake):
        return [f"{lecture_losses(lesson, 10, mistake)[9]:.3f}"]

    cut = len(text) * 9 // 10
    table = [lab["table_loss"](text[:cut], text[cut:], length) for length in (5, 6, 7)]
    tuned = lab["table_loss"](text[:cut], text[cut:], 7, 20)
    times = 5000 * 200 / len(text)
    new_c = 0.9 * 2 + 0.1 * -1
    letters = 10 * math.log(4)
    return {
        "uniform": [f"{uniform:.3f}"],
        "frequencies": [f"{frequencies:.3f}"],
        "previous character": [f"{previous:.3f}"],
        "rows of an LSTM": ["512", "4", "128"],
        "a memory fades": [f"{fade(0.5, 1, 1):.2f}", f"{fade(0.5, 1, 2):.2f}"],
        "a memory is gone": [f"{fade(0.5, 1, 10):.4f}"],
        "a memory saturates": [f"{fade(2, 1, 30):.2f}"],
        "a new number of c": ["-1", f"{new_c:.1f}"],
        "a new number of h": [f"{new_c:.1f}", f"{0.5 * math.tanh(new_c):.2f}"],
        "losses of the loop": [f"{right[n - 1]:.3f}" for n in (1, 10, 50)],
        "loss without zero_grad": tenth("no zero_grad"),
        "loss without the state": tenth("no state"),
        "loss without the division": [
            f"{lecture_losses(lesson, 1, 'no division')[0]:.3f}"
        ],
        "loss with the state handed on": tenth("state handed on"),
        "entries of tables": entries,
        "losses of tables": losses,
        "new to tables": new,
        "a refined probability": [f"{(2 + 10 * 0.5) / (3 + 10):.2f}"],
        "the best table": [f"{min(table):.2f}"],
        "a guess at a digit": [f"{math.log(10):.2f}"],
        "lowest loss with memory": [f"{(math.log(10) + letters) / 14:.2f}"],
        "lowest loss without memory": [f"{(2 * math.log(10) + letters) / 14:.2f}"],
        "weights with nn.LSTM": [num_weights(lab, nn.LSTM)],
        "weights with nn.GRU": [num_weights(lab, nn.GRU)],
        "weights with nn.RNN": [num_weights(lab, nn.RNN)],
        "weights with nn.RNN, 256": [num_weights(lab, nn.RNN, 256)],
        "times that a batch reads the text": [f"{8 * times:.0f}", f"{times:.0f}"],
        "a batch of eight": [f"{5000 / 8:.0f}"],
        "the tuned table": [f"{tuned:.2f}"],
    }


def says(paragraph, expected, tolerance):
    """Return whether a paragraph has the expected figures one right after the other."""
    found = numbers(paragraph)
    for start in range(len(found) - len(expected) + 1):
        pairs = list(zip(found[start:], expected))
        if all(same(a, b, tolerance) for a, b in pairs):
            return True
    return False


def same(found, expected, tolerance):
    """Return whether two figures are written alike; 0.001 is left to the rounding of a
    training."""
    if len(found) != len(expected):
        return False
    return abs(value(found) - value(expected)) <= tolerance


@pytest.mark.parametrize("name, figure, words", CLAIMS)
def test_an_exact_figure_of_the_prose(figures, name, figure, words):
    expected = figures[figure]
    tolerance = 0.00101 if figure.startswith("loss") and len(expected) < 4 else 0
    about_it = [paragraph for paragraph in paragraphs(name) if words in paragraph]
    assert about_it, (
        f"No paragraph of the notebook {name!r} has {words!r}. If it was reworded, or "
        f"no longer says “{figure}”, change CLAIMS in tests/test_prose.py."
    )
    right = any(says(paragraph, expected, tolerance) for paragraph in about_it)
    assert right, (
        f"“{figure}” is {', '.join(expected)} by text and code, but no paragraph of "
        f"the notebook {name!r} that has {words!r} says so. Correct the prose (or, if "
        "it no longer gives this figure, CLAIMS in tests/test_prose.py)."
    )
