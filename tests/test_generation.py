"""Writing text: temperature, primes, the characters drawn."""

import math

import pytest
import torch


def test_softmax_at_temperature_one(lesson):
    logits = torch.randn(100)
    probabilities = lesson["next_char_probabilities"](logits, 1.0)
    expected = torch.softmax(logits.double(), dim=0)
    torch.testing.assert_close(probabilities, expected)


def test_low_temperature_sharpens_and_high_flattens(lesson):
    """The lecture slips once here: a low temperature gives less variety."""
    logits = torch.tensor([2.0, 1.0, 0.0])

    def entropy(temperature):
        p = lesson["next_char_probabilities"](logits, temperature)
        return -(p * p.log()).sum().item()

    assert 0 < entropy(0.2) < entropy(0.8) < entropy(1.0) < entropy(5.0) < math.log(3)
    p = lesson["next_char_probabilities"](logits, 0.5)
    assert (p[0] / p[1]).item() == pytest.approx(math.exp(2))


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 0.1, 1.0, 1e6, math.inf])
def test_no_overflow_at_any_temperature(lesson, temperature):
    logits = torch.linspace(-400, 400, 100)
    probabilities = lesson["next_char_probabilities"](logits, temperature)
    assert torch.isfinite(probabilities).all()
    assert probabilities.sum().item() == pytest.approx(1)
    if temperature <= 0.1:
        assert probabilities[-1] == 1
    if temperature >= 1e6:
        assert probabilities.max() / probabilities.min() < 1.01


@pytest.mark.parametrize("temperature", [0, 0.0, -1, math.nan])
def test_temperature_not_above_zero_is_refused(lesson, temperature):
    with pytest.raises(ValueError, match="temperature is .*above 0"):
        lesson["evaluate"](lesson["untrained"], "th", 5, temperature)


def test_prime_is_kept_length_is_exact_and_characters_are_in_the_alphabet(lesson):
    for prime, length in [("th", 100), ("t", 1), ("What do I do?\n", 20), ("th", 0)]:
        written = lesson["evaluate"](lesson["untrained"], prime, length, 0.8)
        assert written.startswith(prime)
        assert len(written) == len(prime) + length
        assert set(written) <= set(lesson["ALPHABET"])


def test_empty_prime_and_unknown_character(lesson):
    with pytest.raises(ValueError, match="prime is empty"):
        lesson["evaluate"](lesson["untrained"], "", 5, 0.8)
    with pytest.raises(ValueError, match="'é' is not in the alphabet"):
        lesson["evaluate"](lesson["untrained"], "th\u00e9", 5, 0.8)


def test_same_seed_same_text(lesson):
    def write():
        torch.manual_seed(5)
        return lesson["evaluate"](lesson["untrained"], "th", 50, 0.8)

    assert write() == write()


class Parrot(torch.nn.Module):
    """A model that gives the same logits always and remembers what it was fed."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.fed = logits, []

    def init_zero_state(self):
        return torch.zeros(1), torch.zeros(1)

    def forward(self, characters, hidden, cell_state):
        assert characters.shape == (1,)
        assert hidden.item() == len(self.fed)  # the state is carried on
        self.fed.append(characters.item())
        return self.logits[None], hidden + 1, cell_state


def test_characters_come_as_often_as_softmax_says(lesson):
    """A chi-square test with a fixed seed: 99.9 % quantile for 4 degrees is 18.47."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])
    torch.manual_seed(0)
    written = lesson["evaluate"](Parrot(logits), "t", 5000, 0.8)[1:]
    expected = torch.softmax(logits[10:15] / 0.8, dim=0) * 5000
    observed = torch.tensor([float(written.count(char)) for char in "abcde"])
    assert observed.sum() == 5000
    assert ((observed - expected) ** 2 / expected).sum() < 18.47


def test_what_is_written_is_fed_back_in(lesson):
    parrot = Parrot(torch.randn(100))
    written = lesson["evaluate"](parrot, "the", 20, 1.0)
    fed = "".join(lesson["ALPHABET"][index] for index in parrot.fed)
    assert written.startswith(fed[:22]) and fed.startswith("the")


def test_temperature_towards_zero_takes_the_most_likely_character(lesson):
    model = lesson["untrained"]
    written = lesson["evaluate"](model, "th", 30, 1e-9)
    states = model.init_zero_state()
    for i, character in enumerate(lesson["char_to_tensor"](written[:-1]).split(1)):
        logits, *states = model(character, *states)
        if i >= 1:
            assert lesson["ALPHABET"][logits[-1].argmax()] == written[i + 1]
