"""Portions of the text: where they start, and how inputs and targets are cut."""

import re
import string

import numpy as np
import pytest
from notebooks import LESSON, Notebook

DIGITS = "0123456789"  # in the alphabet, the index of each digit is the digit


def draw_many(notebook, portion_size):
    """Return 500 pairs of inputs and targets drawn from DIGITS."""
    rng = np.random.default_rng(0)
    return [notebook["draw_example"](DIGITS, portion_size, rng) for _ in range(500)]


@pytest.fixture(scope="module")
def rows():
    """The rows that the lesson's cell `shift` prints, as index, character, index,
    character."""
    out = Notebook(LESSON, "shift").out["shift"]
    return re.findall(r"^ *(\d+) +(.+?) +-> +(\d+) +(.+)$", out, re.M)


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_a_portion_starts_at_every_place_where_it_fits(untrained, portion_size):
    starts = {inputs[0].item() for inputs, _ in draw_many(untrained, portion_size)}
    assert starts == set(range(10 - portion_size))


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_a_portion_has_as_many_inputs_as_asked_for(untrained, portion_size):
    for inputs, _ in draw_many(untrained, portion_size):
        assert inputs.shape == (portion_size,)


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_the_targets_are_the_inputs_shifted_by_one(untrained, portion_size):
    for inputs, targets in draw_many(untrained, portion_size):
        next_digits = [digit + 1 for digit in inputs.tolist()]
        assert targets.tolist() == next_digits


@pytest.mark.parametrize("portion_size", [0, -1, 1240, 5000])
def test_a_portion_that_does_not_fit_is_refused(untrained, portion_size):
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError) as error:
        untrained["draw_example"]("a" * 1240, portion_size, rng)
    expected = f"Portions can have 1 to 1239 inputs, not {portion_size}."
    assert str(error.value) == expected


def test_the_cell_prints_both_portions_of_three_inputs(untrained):
    """A portion takes up one character more than it has inputs."""
    assert untrained.out["portions"] == "['abcd', 'bcde']\n"


def test_the_rows_of_shift_begin_with_the_target_of_the_row_above(rows):
    assert len(rows) == 8
    for row, row_below in zip(rows, rows[1:]):
        assert row[2:] == row_below[:2]


def test_the_rows_of_shift_show_each_index_with_its_character(rows):
    for index, char, target_index, target_char in rows:
        assert char == repr(string.printable[int(index)])
        assert target_char == repr(string.printable[int(target_index)])
