"""Portions: every start, inputs and targets, what does not fit, the generators."""

import numpy as np
import pytest
from notebooks import Lesson

SHORT = "0123456789abcdefghij"


def test_every_start_is_reached_and_no_other(cells):
    rng = np.random.default_rng(0)
    found = {cells["random_portion"](SHORT, 5, rng) for _ in range(2000)}
    assert found == {SHORT[i : i + 6] for i in range(15)}


@pytest.mark.parametrize("size", [1, 7, 19])
def test_targets_are_the_inputs_shifted_by_one(cells, size):
    rng = np.random.default_rng(0)
    for _ in range(100):
        inputs, targets = cells["draw_example"](SHORT, size, rng)
        assert inputs.shape == targets.shape == (size,)
        assert (targets == inputs + 1).all()  # SHORT counts up


@pytest.mark.parametrize("size", [20, 200, 0, -1])
def test_a_portion_that_does_not_fit(cells, size):
    message = f"portion of {size} does not fit in a text of 20: choose "
    with pytest.raises(ValueError, match=f"{message}TEXT_PORTION_SIZE from 1 to 19"):
        cells["random_portion"](SHORT, size, np.random.default_rng(0))


def test_the_cells_show_the_two_starts_and_the_shift(capsys):
    lesson = Lesson("lstm", "text")
    capsys.readouterr()
    lesson.run("portions")
    assert capsys.readouterr().out == "['abcd', 'bcde']\n"
    lesson.run("shift")
    rows = [line.split("->") for line in capsys.readouterr().out.splitlines()[1:]]
    assert len(rows) == 8 and len(lesson["inputs"]) == 200
    for row, following in zip(rows, rows[1:]):
        assert row[1].split() == following[0].split()
    index, char = rows[0][0].split(maxsplit=1)
    assert repr(lesson["ALPHABET"][int(index)]) == char.strip()


@pytest.mark.parametrize("seed", [123, 124])
def test_demonstrations_do_not_see_the_portions_of_the_training(seed):
    lesson = Lesson("lstm", "portions", RANDOM_SEED=seed)
    twin = np.random.default_rng(lesson["RANDOM_SEED"])  # as the training's
    for _ in range(100):  # what the cell has drawn by now
        lesson["random_portion"]("abcde", 3, twin)
    one, other = (
        lesson["random_portion"](lesson["text"], 200, rng)
        for rng in (twin, lesson["demo_rng"])
    )
    assert one != other
