"""Writing with `generate`: how characters are drawn, and what is refused."""

import string

import pytest
import torch
from notebooks import read_text


def parrot(logits):
    """Return a model that always predicts the same."""
    return lambda characters, state=None: (logits.repeat(len(characters), 1), state)


def test_characters_are_drawn_as_often_as_the_softmax_says(fresh):
    """At a temperature of 0.5, by a model that knows only the letters from a to e."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])
    torch.manual_seed(0)
    drawn = fresh["generate"](parrot(logits), "the", 5000, 0.5).removeprefix("the")
    assert len(drawn) == 5000, f"{len(drawn)} characters are written, of 5000."
    shares = [drawn.count(char) / 5000 for char in "abcde"]
    expected = torch.softmax(logits[10:15] / 0.5, dim=0)
    assert shares == pytest.approx(expected.tolist(), abs=0.03), "a to e, how often"


def test_a_low_temperature_takes_what_a_real_network_finds_likeliest(fresh):
    """After the whole prime, and after each character written."""
    model, prime = fresh["model"], "The Safer Badgers app "
    written = fresh["generate"](model, prime, 30, 1e-9)
    logits = read_text(model, fresh["char_to_tensor"](written[:-1]))
    likeliest = [string.printable[index] for index in logits.argmax(dim=1)]
    assert written[len(prime) :] == "".join(likeliest[len(prime) - 1 :]), (
        "Each character should follow from all before it, the whole prime included."
    )


def test_control_characters_are_made_visible(fresh):
    written = fresh["generate"](parrot(torch.zeros(100)), "a\tb\r\x0b\x0c\n", 0, 1)
    assert written == "a⇥b⇤↧⇟\n"


@pytest.mark.parametrize(
    "prime, temperature, named",
    [
        ("th", 0, "temperature"),
        ("th", -0.5, "temperature"),
        ("", 0.8, "prime"),
        ("é", 1, "é"),
    ],
)
def test_what_cannot_be_written_is_refused(fresh, prime, temperature, named):
    with pytest.raises(ValueError, match=named):
        fresh["generate"](fresh["model"], prime, 5, temperature)
