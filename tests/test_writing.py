"""Writing with `generate`: how characters are drawn, and what it refuses."""

import math
import string

import pytest
import torch
from notebooks import read_along


class Parrot:
    """A model that always predicts the same; its state is all that it has read."""

    def __init__(self, logits):
        self.logits = logits
        self.read = []

    def __call__(self, character, state=None):
        before = [] if state is None else state
        self.read = before + character.tolist()
        return self.logits.unsqueeze(0), self.read


@pytest.fixture
def extreme():
    """A parrot whose logits lie far apart; its favorite is the last character."""
    return Parrot(torch.linspace(-400, 400, 100))


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
    """A chi-square test with a fixed seed; one seed in 1,000 would exceed 18.47."""
    torch.manual_seed(0)
    written = untrained["generate"](five_chars, "the", 5000, temperature)
    drawn = written.removeprefix("the")
    assert len(drawn) == 5000
    assert set(drawn) == set("abcde")
    observed = torch.tensor([float(drawn.count(char)) for char in "abcde"])
    expected = 5000 * torch.softmax(five_chars.logits[10:15] / temperature, dim=0)
    chi_square = ((observed - expected) ** 2 / expected).sum()
    assert chi_square < 18.47, (
        f"a to e were drawn {observed.tolist()} times; "
        f"the softmax expects {expected.tolist()}"
    )


def test_all_that_is_written_is_read(untrained, five_chars):
    """The prime first, and then, with the state passed along, each character drawn."""
    written = untrained["generate"](five_chars, "the", 50, 0.8)
    read = "".join(string.printable[index] for index in five_chars.read)
    assert written.startswith("the")
    assert read == written


def test_a_low_temperature_takes_the_most_likely_character(untrained):
    model = untrained["untrained"]
    written = untrained["generate"](model, "th", 30, 1e-9)
    logits, _ = read_along(model, untrained["char_to_tensor"](written[:-1]))
    likeliest = [string.printable[index] for index in logits.argmax(dim=1)]
    # the first prediction, after "t", is that of the prime's "h"
    assert written == "th" + "".join(likeliest[1:])


def test_the_lowest_temperature_does_not_overflow(untrained, extreme):
    """The exponential of a large logit would be infinite; a softmax takes care."""
    written = untrained["generate"](extreme, "t", 50, 1e-30)
    assert written == "t" + string.printable[-1] * 50


def test_an_infinite_temperature_makes_all_characters_equally_likely(
    untrained, extreme
):
    """Of 100 equally likely characters, 50 draws find about 39 different ones."""
    torch.manual_seed(0)
    written = untrained["generate"](extreme, "t", 50, math.inf)
    assert len(set(written)) > 20


def test_writing_records_no_graph(untrained, monkeypatch):
    """A graph of all steps would fill the memory, and nothing is learned from it."""
    model = untrained["untrained"]
    exact = model.forward
    grad_enabled = []

    def forward(character, state=None):
        grad_enabled.append(torch.is_grad_enabled())
        return exact(character, state)

    monkeypatch.setattr(model, "forward", forward)
    untrained["generate"](model, "th", 3, 0.8)
    assert set(grad_enabled) == {False}


def test_the_sample_of_the_cell_depends_only_on_the_seed(untrained):
    """It is shown with signs for control characters."""
    torch.manual_seed(untrained["RANDOM_SEED"])
    sample = untrained["generate"](untrained["untrained"], "th", 100, 0.8)
    assert untrained.out["generate"] == sample.translate(untrained["SIGNS"]) + "\n"


@pytest.mark.parametrize(
    "prime_str, temperature, message",
    [
        ("th", 0, "The temperature must be above 0, not 0."),
        ("th", -0.5, "The temperature must be above 0, not -0.5."),
        ("th", math.nan, "The temperature must be above 0, not nan."),
        ("", 0.8, "The prime is empty: it needs at least one character."),
        ("café", 0.8, "'café' is not all in string.printable."),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_sentence(
    untrained, prime_str, temperature, message
):
    with pytest.raises(AssertionError) as error:
        untrained["generate"](untrained["untrained"], prime_str, 5, temperature)
    assert str(error.value) == message
