"""Writing with `generate`: how characters are drawn, and what is refused."""

import pytest
import torch
from notebooks import parrot


def test_characters_are_drawn_as_often_as_the_softmax_says(fresh):
    """By a model that knows only the letters from a to e. Controls stay as they are."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])
    torch.manual_seed(0)
    written = fresh["generate"](parrot(logits), "\t\r\x0b\x0c\n", 5000, 0.5)
    drawn = written.removeprefix("\t\r\x0b\x0c\n")
    assert len(drawn) == 5000, "The prime as it is, and 5000 characters, are returned."
    shares = [drawn.count(char) / 5000 for char in "abcde"]
    expected = torch.softmax(logits[10:15] / 0.5, dim=0)
    told = "a to e, as often as the softmax of the logits divided by T says"
    assert shares == pytest.approx(expected.tolist(), abs=0.03), told


def test_each_character_follows_from_all_before_it(fresh):
    """This model counts what it has read, and expects the digit of that number."""

    def counting(characters, state=None):
        n = (state or 0) + len(characters)
        logits = torch.full((len(characters), 100), -torch.inf)
        logits[-1, n] = 0
        return logits, n

    written = fresh["generate"](counting, "the", 5, 1)
    assert written == "the34567", "Is all of the prime read, and the state passed on?"


@pytest.mark.parametrize(
    "prime, temperature, named",
    [("th", 0, None), ("th", -0.5, None), ("", 0.8, None), ("é", 1, "é")],
)
def test_what_cannot_be_written_is_refused(fresh, prime, temperature, named):
    with pytest.raises(ValueError, match=named):
        fresh["generate"](parrot(torch.zeros(100)), prime, 5, temperature)
