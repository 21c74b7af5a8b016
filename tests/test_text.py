"""The text: how it is read, held back, and cut into portions."""

import contextlib
from string import digits

import numpy as np
import pytest
import torch
from notebooks import LESSON, Notebook, as_text


@pytest.mark.parametrize(
    "original, converted",
    [
        ("‘a’ ‚b‘ “c” „d“", "'a' 'b' \"c\" \"d\""),
        ("a‐b‑c–d—e−f • one", "a-b-c-d-e-f * one"),
        ("café cafe\u0301 1½ … x² ﬁn", "cafe cafe 11/2 ... x2 fin"),
        ("a \u00a0b\u202fc   d", "a b c d"),
        ("\ufeffhi\n\t你好 мир 🙂", "hi\n\t "),
    ],
)
def test_quotes_dashes_accents_spaces_and_other_alphabets(fresh, original, converted):
    assert fresh["to_printable"](original) == converted


def test_the_last_tenth_of_the_text_is_held_back(fresh):
    text, cut = fresh["text"], len(fresh["text"]) * 9 // 10
    assert fresh["training_text"] == text[:cut]
    assert fresh["test_text"] == text[cut:]
    assert as_text(fresh["test_inputs"]) == text[cut:-1]
    assert as_text(fresh["test_targets"]) == text[cut + 1 :], "of the test loss"


@pytest.mark.parametrize(
    "text, portion, refused",
    [
        ("x" * 3000, 200, None),
        ("x" * 2900, 200, "3,000 characters"),
        ("x" * 3100, 2789, None),
        ("x" * 3100, 2790, "TEXT_PORTION_SIZE.* 2789"),
        ("x" * 3100, 0, "TEXT_PORTION_SIZE.* 2789"),
        ("мир x" * 9000, 9, "Latin"),  # most of it is dropped
    ],
)
def test_which_texts_are_taken(tmp_path, text, portion, refused):
    file = tmp_path / "own.txt"
    file.write_text(text, encoding="utf-8")
    expected = pytest.raises(ValueError, match=refused)
    with expected if refused else contextlib.nullcontext():
        Notebook(LESSON, "text", TEXT_FILE=str(file), TEXT_PORTION_SIZE=portion)


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(fresh, portion_size):
    """And each input has a target, the character that follows it."""
    rng, starts = np.random.default_rng(0), set()
    for _ in range(500):
        inputs, targets = fresh["draw_example"](digits, portion_size, rng)
        assert len(inputs) == portion_size, "A portion that starts too late is cut off."
        starts.add(inputs[0].item())
        assert as_text(inputs) in digits
        assert torch.equal(targets, inputs + 1), "A target is what follows its input."
    assert starts == set(range(10 - portion_size)), "A portion can start anywhere."
