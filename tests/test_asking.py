"""*Does it know that it is asking?*, with networks whose answers are known beforehand.

The text has one sentence a line: Q, twenty letters, and "?", or S, twenty letters, and
".". So whoever sees twenty characters cannot know what whoever sees forty can.
"""

import math
import string

import numpy as np
import pytest
import torch
from notebooks import values

ASKS, STATES = "Q" + "x" * 20 + "?\n", "S" + "x" * 20 + ".\n"
QUESTION, PERIOD = (string.printable.index(char) for char in "?.")


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, on the text above, with an untrained `asker`."""
    rng = np.random.default_rng(0)
    lab["text"] = "".join(rng.choice([ASKS, STATES], 200))
    lab.run("asking")
    lab["asker"] = lab["model"]
    return lab


def last_kind(characters):
    """Return 1, -1, or 0 for each text, (num_texts,): its last capital letter is a Q,
    an S, or there is none. characters: (L, num_texts)."""
    kind = torch.zeros(characters.shape[1])
    for row in characters:
        kind[row == string.printable.index("Q")] = 1
        kind[row == string.printable.index("S")] = -1
    return kind


def logits_for(leaning):
    """Return logits (1, num_texts, 100) with "?" above "." where leaning is above 0."""
    logits = torch.zeros(1, len(leaning), 100)
    logits[0, :, QUESTION] = leaning
    return logits


# --- `asking` and `asker`


def test_the_table_says_where_a_question_mark_is_expected(asking):
    """This network expects one where it sees a Q: with 40 or 100 characters, but not
    with 5, 10, or 20."""
    asking["model"] = lambda characters, _: (logits_for(last_kind(characters)), None)
    out = asking.run("asking")
    shares = [line for line in out.splitlines() if "%" in line]
    assert [values(line)[-5:] for line in shares] == [[0, 0, 0, 100, 100], [0] * 5]


@pytest.mark.parametrize("sentence", [ASKS, STATES])
def test_a_text_with_too_few_of_either_stops_with_a_sentence(lab, sentence):
    lab["text"] = sentence * 100
    lab["TEXT_FILE"] = "my_text.txt"
    few = "period" if sentence == ASKS else "question mark"
    with pytest.raises(AssertionError, match=f"my_text.txt .*fewer than 20.*{few}"):
        lab.run("asking")


def test_most_of_the_weight_is_taken_back(asking):
    """The logits of "?" and "." become ln 50 lower, and no other."""
    network = asking.new_model()
    before = network.linear.bias.detach().clone()
    asking["learn"] = lambda *_, **__: network
    asking.run("asker")
    taken = torch.zeros(100)
    taken[[QUESTION, PERIOD]] = math.log(50)
    torch.testing.assert_close(asking["asker"].linear.bias, before - taken)


# --- `number`


@pytest.mark.parametrize("sign, best", [(1, 3), (-1, 3), (0, 0)])
def test_the_number_that_matters_is_found_and_one_that_only_tells_is_not(
    asking, sign, best
):
    """Number 3 of this network's c is sign in questions and -sign in statements, and
    decides. Number 1 is 60 and 80, and is not used. If sign is 0, no number matters:
    the cell says so, and those after it run."""
    halfway = []

    def network(characters, state=None):
        if state is None:
            kind = last_kind(characters)
            cell_state = torch.zeros(1, len(kind), 16)
            cell_state[..., 3] = sign * kind
            cell_state[..., 1] = 70 - 10 * kind
            halfway.append((len(characters), cell_state.clone()))
            return None, (torch.zeros_like(cell_state), cell_state)
        num_read, original = halfway[-1]
        assert num_read + len(characters) == 100, "It should read on where it stopped."
        others = (state[1] != original).any(dim=1).sum()
        assert others <= 1, "One number should be set, and the others be as they were."
        return logits_for(sign * state[1][0, :, 3]), state

    asking["asker"] = network
    lines = asking.run("number").splitlines()
    assert [values(line) for line in lines] == [
        [best, abs(sign), abs(sign), sign, -sign],
        [1, 1, 0, 60, 80],
    ], "number, how well it tells, how much it matters, its two medians"
    (figure,) = asking.drawn("number")
    axes = figure.axes[0]
    assert "tells" in axes.get_xlabel() and "matters" in axes.get_ylabel()
    heights = {label.get_text(): label.get_position()[1] for label in axes.texts}
    assert heights[f"c[{best}]"] == pytest.approx(abs(sign), abs=0.2), "its label"
    assert heights["c[1]"] == pytest.approx(0, abs=0.2), "its label"

    asking["asker"] = asking["model"]
    asking["generate"] = lambda *_: ""
    asking.run("seen")
    asking.run("turned")


# --- `seen`


@pytest.mark.parametrize("medians", [(0, 99), (99, 0)])
def test_a_square_has_the_color_of_its_letter(asking, medians):
    """The number of this network is the index of the character just read, and it
    expects a "?" after a letter from n to z. Dark is as in questions."""
    best = 3

    def network(characters, state=None):
        indices = characters.view(len(characters), -1)
        cell_state = torch.zeros(1, 16)
        cell_state[0, best] = float(indices[-1, 0])
        leaning = indices[-1] - string.printable.index("m") - 0.5
        return logits_for(leaning)[-1:], (torch.zeros(1, 16), cell_state)

    asking.update(asker=network, best=best)
    for name, median in zip(("in_questions", "in_statements"), medians):
        asking[name] = np.full(16, float(median))
    asking.run("seen")
    (figure,) = asking.drawn("seen")
    axes = figure.axes[0]
    (image,) = axes.images
    squares = image.get_array()
    rows = [""] * len(squares)
    for label in axes.texts:
        column, row = (round(place) for place in label.get_position())
        char = label.get_text().replace("↵", "\n")
        if np.ma.getmaskarray(squares)[row, column]:
            sign = "?" if rows[row].rstrip()[-2:] > "m" else "."
            assert char == sign, f"what is expected at the end of {rows[row]!r}"
        else:
            rows[row] += char
            assert squares[row, column] == string.printable.index(char), (
                f"The color of {char!r} is not its number of the cell state."
            )
    assert "".join(rows) == asking["sentences"]
    dark, light = (sum(image.to_rgba(np.array([[m]]))[0, 0, :3]) for m in medians)
    assert dark < light, "The medians have each other's color."


# --- `turned`


@pytest.fixture
def turning(asking):
    """With number 2 of c as the one that matters."""
    asking.update(
        best=2, in_questions=np.full(16, 7.0), in_statements=np.full(16, -7.0)
    )
    return asking


def read_with(network, text):
    """Return c after each character of text, (len(text), 16), read one a call."""
    state, rows = None, []
    for index in [string.printable.index(char) for char in text]:
        _, state = network(torch.tensor([index]), state)
        rows.append(state[1][0].detach())
    return torch.stack(rows)


def test_one_number_is_held_while_the_network_writes(turning):
    """Through the prime and what follows, and no other number is set. Each count
    belongs to what was written at that value, from the same random numbers."""
    free = read_with(turning["asker"], "The cat")
    held, random_numbers = [], set()

    def generate(network, prime_str, predict_len, temperature):
        random_numbers.add(torch.rand(1).item())
        c = read_with(network, "The cat")
        held.append(c[:, 2].tolist())
        assert len(c) == 7 and not torch.equal(c[:, 2], c[:, 3])
        return {7: "?" * 5, -7: "." * 6}.get(c[0, 2].item(), "?.." * 3)

    turning["generate"] = generate
    lines = turning.run("turned").splitlines()
    counts = [values(line)[-2:] for line in lines if line.startswith("---")]
    assert held == [free[:, 2].tolist(), [7] * 7, [-7] * 7]
    assert counts == [[3, 6], [5, 0], [0, 6]], "how many of each sign: free, held, held"
    assert len(random_numbers) == 1, "Each should start from the same random numbers."


def test_nothing_is_held_after_an_interrupt(turning):
    free = read_with(turning["asker"], "The cat")

    def generate(network, *_):
        if read_with(network, "T")[0, 2] == 7:
            raise KeyboardInterrupt
        return ""

    turning["generate"] = generate
    with pytest.raises(KeyboardInterrupt):
        turning.run("turned")
    assert torch.equal(read_with(turning["asker"], "The cat"), free)
