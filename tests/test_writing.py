"""Writing with `generate`: how characters are drawn, and what is refused."""

import math
import string

import pytest
import torch
from notebooks import read_text


class Parrot:
    """A model that always predicts the same."""

    def __init__(self, logits):
        self.logits = logits
        self.records_graph = False

    def __call__(self, characters, state=None):
        self.records_graph |= torch.is_grad_enabled()
        return self.logits.repeat(len(characters), 1), state


@pytest.fixture
def five_chars():
    """A parrot that knows only the characters from a to e."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])
    return Parrot(logits)


@pytest.mark.parametrize("temperature", [0.8, 3.0])
def test_characters_are_drawn_as_often_as_the_softmax_says(
    untrained, five_chars, temperature
):
    """A chi-square test with a fixed seed; one seed in 1,000 would exceed 18.47. No
    graph is recorded: that of all steps would fill the memory."""
    torch.manual_seed(0)
    written = untrained["generate"](five_chars, "the", 5000, temperature)
    drawn = written.removeprefix("the")
    assert set(drawn) == set("abcde")
    observed = torch.tensor([float(drawn.count(char)) for char in "abcde"])
    expected = 5000 * torch.softmax(five_chars.logits[10:15] / temperature, dim=0)
    chi_square = ((observed - expected) ** 2 / expected).sum()
    assert chi_square < 18.47, (
        f"At a temperature of {temperature}, a to e were drawn {observed.tolist()} "
        f"times; the softmax expects {expected.tolist()}"
    )
    assert not five_chars.records_graph, "`generate` should record no graph."


@pytest.mark.parametrize("prime", ["t", "The Safer Badgers app "])
def test_a_low_temperature_takes_what_a_real_network_finds_likeliest(fresh, prime):
    """After the whole prime, and after each character written."""
    model = fresh["model"]
    written = fresh["generate"](model, prime, 30, 1e-9)
    logits, _ = read_text(model, fresh["char_to_tensor"](written[:-1]))
    likeliest = [string.printable[index] for index in logits.argmax(dim=1)]
    assert written[len(prime) :] == "".join(likeliest[len(prime) - 1 :]), (
        "Each character should follow from all before it, the whole prime included."
    )


def test_the_lowest_temperature_does_not_overflow(untrained):
    """The exponential of a large logit would be infinite; a softmax takes care."""
    parrot = Parrot(torch.linspace(-400, 400, 100))  # the last character is likeliest
    written = untrained["generate"](parrot, "t", 50, 1e-30)
    assert written == "t" + string.printable[-1] * 50


@pytest.mark.parametrize(
    "prime, temperature, message",
    [
        ("th", 0, "temperature.*0"),
        ("th", -0.5, "temperature.*-0.5"),
        ("th", math.nan, "temperature.*nan"),
        ("", 0.8, "prime"),
        ("café", 0.8, "café"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_sentence(
    untrained, prime, temperature, message
):
    with pytest.raises(AssertionError, match=message):
        untrained["generate"](untrained["model"], prime, 5, temperature)
