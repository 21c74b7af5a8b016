"""Writing: temperature, primes, the characters drawn."""

import math

import pytest
import torch


class Parrot(torch.nn.Module):
    """Predicts by the same logits always; the state counts the characters read."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.fed = logits, []

    def init_zero_state(self):
        return torch.zeros(1), torch.zeros(1)

    def forward(self, characters, hidden, cell_state):
        assert hidden.item() == cell_state.item() / 2 == len(self.fed)
        self.fed += characters.tolist()
        logits = torch.full((len(characters), 100), math.nan)
        logits[-1] = self.logits  # only the last prediction may be used
        new = torch.tensor([float(len(self.fed))])
        return logits, new, 2 * new


@pytest.mark.parametrize("temperature", [0.8, 3.0])
def test_characters_come_as_often_as_softmax_says(lesson, temperature):
    """A chi-square test with a fixed seed: 99.9 % quantile for 4 degrees is 18.47."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])
    torch.manual_seed(0)
    written = lesson["generate"](Parrot(logits), "t", 5000, temperature)[1:]
    expected = torch.softmax(logits[10:15] / temperature, dim=0) * 5000
    observed = torch.tensor([float(written.count(char)) for char in "abcde"])
    assert observed.sum() == 5000
    assert ((observed - expected) ** 2 / expected).sum() < 18.47


def test_the_prime_and_what_is_written_is_fed_back_in(lesson):
    parrot = Parrot(torch.randn(100))
    written = lesson["generate"](parrot, "the", 20, 1.0)
    fed = "".join(lesson["ALPHABET"][index] for index in parrot.fed)
    assert len(written) == 23 and written.startswith("the")
    assert written.startswith(fed[:22])


def test_temperature_towards_zero_takes_the_most_likely_character(lesson):
    model = lesson["untrained"]
    written = lesson["generate"](model, "th", 30, 1e-9)
    states = model.init_zero_state()
    for i, character in enumerate(lesson["char_to_tensor"](written[:-1]).split(1)):
        logits, *states = model(character, *states)
        if i >= 1:
            assert lesson["ALPHABET"][logits[-1].argmax()] == written[i + 1]


@pytest.mark.parametrize("temperature", [1e-30, 1e-6, 1e6, math.inf])
def test_no_temperature_overflows(lesson, temperature):
    logits = torch.linspace(-400, 400, 100)
    written = lesson["generate"](Parrot(logits), "t", 50, temperature)[1:]
    assert set(written) == {"\x0c"} if temperature < 1 else len(set(written)) > 20


@pytest.mark.parametrize("length", [0, 1, 40])
@pytest.mark.parametrize("prime", ["t", "th", "What do I do?\n"])
def test_prime_length_and_alphabet(lesson, prime, length):
    written = lesson["generate"](lesson["untrained"], prime, length, 0.8)
    assert written.startswith(prime) and len(written) == len(prime) + length
    assert set(written) <= set(lesson["ALPHABET"])


def test_same_seed_same_text_and_no_gradients(lesson):
    written = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        written.append(lesson["generate"](lesson["untrained"], "th", 50, 0.8))
    assert written[0] == written[1] != written[2]
    assert not lesson["read_prime"](lesson["untrained"], "th")[0].requires_grad


def test_no_graph_is_kept_while_writing(lesson, monkeypatch):
    recorded = []
    exact = lesson["untrained"].forward

    def forward(*args):
        recorded.append(torch.is_grad_enabled())
        return exact(*args)

    monkeypatch.setattr(lesson["untrained"], "forward", forward)
    lesson["generate"](lesson["untrained"], "th", 3, 0.8)
    assert recorded and not any(recorded)


@pytest.mark.parametrize("temperature", [0, 0.0, -1])
def test_a_temperature_that_is_not_above_zero(lesson, temperature):
    with pytest.raises(ValueError, match=f"above 0, not {temperature}"):
        lesson["generate"](lesson["untrained"], "th", 5, temperature)


def test_an_empty_prime_and_an_unknown_character(lesson):
    with pytest.raises(ValueError, match="prime is empty"):
        lesson["generate"](lesson["untrained"], "", 5, 0.8)
    with pytest.raises(ValueError, match="'é' is not in"):
        lesson["generate"](lesson["untrained"], "th\u00e9", 5, 0.8)
