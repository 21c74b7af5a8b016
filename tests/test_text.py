"""The text: how it is read and converted, cut into portions, and what is counted."""

import re

import numpy as np
import pytest
from notebooks import LABORATORY, LESSON, Notebook

DIGITS = "0123456789"  # in the alphabet, the index of each digit is the digit


@pytest.mark.parametrize(
    "original, converted",
    [
        pytest.param("‘a’ ‚b‘ “c” „d“", "'a' 'b' \"c\" \"d\"", id="quotes"),
        pytest.param("a‐b‑c–d—e−f • one", "a-b-c-d-e-f * one", id="dashes"),
        pytest.param("café naïve cafe\u0301", "cafe naive cafe", id="accents"),
        pytest.param("1½ … x² ﬁn", "11/2 ... x2 fin", id="several for one"),
        pytest.param("a \u00a0b\u202fc   d", "a b c d", id="spaces"),
        pytest.param("\ufeffhi\n\t你好 мир 🙂", "hi\n\t ", id="dropped"),
    ],
)
def test_conversion(untrained, original, converted):
    assert untrained["to_printable"](original) == converted


def test_a_file_that_is_not_utf_8_is_refused(name, tmp_path):
    file = tmp_path / "own.txt"
    file.write_bytes("café\n".encode("latin-1") * 100)
    with pytest.raises(ValueError, match="own.txt is not UTF-8.*save"):
        Notebook(name, "text", TEXT_FILE=str(file))


@pytest.mark.parametrize(
    "name, portion_size, shortest, last",
    [(LESSON, 8, 9, "train"), (LABORATORY, 80, 90, "unread")],
)
def test_a_text_that_is_too_short_is_refused_in_a_sentence(
    tmp_path, name, portion_size, shortest, last
):
    """With no more than that, the cells run."""
    file = tmp_path / "own.txt"
    settings = {"TEXT_FILE": str(file), "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    settings |= {"TEXT_PORTION_SIZE": portion_size, "NUM_ITER": 1}
    file.write_text("x" * shortest, encoding="utf-8")
    Notebook(name, last, **settings)
    file.write_text("x" * (shortest - 1), encoding="utf-8")
    with pytest.raises(ValueError, match="own.txt is too short.*longer text"):
        Notebook(name, "text", **settings)


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(untrained, portion_size):
    """And each input has a target, the character that follows it."""
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(500):
        inputs, targets = untrained["draw_example"](DIGITS, portion_size, rng)
        assert len(inputs) == portion_size, "A portion that starts too late is cut off."
        first = inputs[0].item()
        starts.add(first)
        assert inputs.tolist() == list(range(first, first + portion_size))
        after = list(range(first + 1, first + portion_size + 1))
        assert targets.tolist() == after, "A target is the character after its input."
    assert starts == set(range(10 - portion_size)), "A portion can start anywhere."


def test_each_baseline_writes_by_what_it_knows(lesson):
    """Nine tenths of this text are "a"; the third baseline writes pairs of the text."""
    lesson["text"] = ("a" * 46 + "bcdef") * 40
    _, uniform, frequencies, previous = re.split("---.*", lesson.run("baselines-write"))
    assert uniform.count("a") < 20 and 75 < frequencies.count("a") < 100
    assert re.search("[b-f]", previous), "Something else than “a” should occur."
    for pair in zip(previous.strip(), previous.strip()[1:]):
        assert "".join(pair) in lesson["text"], "A pair that never occurs in the text."
