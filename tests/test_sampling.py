"""Random portions: every start, inputs and targets, the generator."""

import numpy as np
import pytest

SHORT = "0123456789abcdefghij"


def test_every_start_is_reached_and_no_other(cells):
    size = 5
    rng = np.random.default_rng(0)
    portions = {cells["random_portion"](SHORT, size, rng) for _ in range(2000)}
    expected = {SHORT[i : i + size + 1] for i in range(len(SHORT) - size)}
    assert portions == expected
    assert SHORT[:6] in portions and SHORT[-6:] in portions


def test_targets_are_the_inputs_shifted_by_one(cells):
    rng = np.random.default_rng(0)
    for _ in range(500):
        inputs, targets = cells["draw_random_sample"](SHORT, 7, rng)
        assert inputs.shape == targets.shape == (7,)
        assert (targets == inputs + 1).all()  # SHORT counts up


@pytest.mark.parametrize("size", [1, 19])
def test_smallest_and_largest_portion(cells, size):
    rng = np.random.default_rng(0)
    inputs, targets = cells["draw_random_sample"](SHORT, size, rng)
    assert len(inputs) == len(targets) == size


def test_a_text_of_201_characters_has_just_one_portion_of_200(cells):
    text, rng = cells["text"][:201], np.random.default_rng(0)
    for _ in range(20):
        assert cells["random_portion"](text, 200, rng) == text


@pytest.mark.parametrize("size", [20, 200, 0, -1])
def test_a_portion_that_does_not_fit(cells, size):
    with pytest.raises(ValueError, match=f"TEXT_PORTION_SIZE = {size} .*from 1 to 19"):
        cells["random_portion"](SHORT, size, np.random.default_rng(0))


def test_same_seed_same_draws(cells):
    def draws(seed):
        rng = np.random.default_rng(seed)
        return [cells["random_portion"](cells["text"], 200, rng) for _ in range(10)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
