"""*Does it know that it is asking?*, with networks made by hand.

The text has one sentence a line: Q, a letter from a to m twenty times, and "-?"; or S,
a letter from n to z twenty times, and "-.".
"""

import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import rows
from torch import nn

QUESTION, PERIOD, SPACE, Q = (string.printable.index(char) for char in "?. Q")


def long_text(num_asks, num_states):
    """Return a text with that many questions and statements."""
    asks = [f"Q{'abcdefghijklm'[n % 13] * 20}-?\n" for n in range(num_asks)]
    states = [f"S{'nopqrstuvwxyz'[n % 13] * 20}-.\n" for n in range(num_states)]
    return "\n" * 100 + "".join(np.random.default_rng(0).permutation(asks + states))


def logits_for(odds):
    """Return logits (1, len(odds), 100), with "?" above "." by odds."""
    logits = torch.zeros(1, len(odds), 100)
    logits[..., QUESTION] = odds - 5
    logits[..., [PERIOD, SPACE]] = torch.tensor([-5.0, 20.0])
    return logits


class ByHand:
    """A network that goes by the units of c in weights, {unit: weight}.

    In a question, such a unit is 1 with the sign of its weight, in a statement the
    opposite. In capital letters, only unit 9 counts. Unit 1 is 60 and 80, and not used.
    Units 7 and 8 are kind and letter; `found` keeps in what share h and c agree.
    """

    def __init__(self, weights, bias=0.0):
        self.weights, self.bias, self.found = weights, bias, []

    def __call__(self, characters, state=None):
        if state is None:
            kind = torch.where(characters[-12] == Q, 1.0, -1.0)
            h, c = torch.zeros(2, 1, len(kind), 16)
            for n, weight in self.weights.items():
                c[..., n] = math.copysign(1, weight) * kind
            c[..., 9] = kind
            c[..., 1] = 70 - 10 * kind
            c[0, 0, 1] = 999  # in one text, so that mean and median differ
            h[..., 7] = c[..., 7] = kind
            h[..., 8] = c[..., 8] = characters[-1]
            return None, (h, c)
        assert len(characters) == 10, "It should read on ten characters before the end."
        (h,), (c,) = state
        self.found.append((h == c).float().mean(dim=0)[7:9].tolist())
        odds = sum(weight * c[:, n] for n, weight in self.weights.items())
        capital = characters[0] >= string.printable.index("A")
        return logits_for(torch.where(capital, 3 * c[:, 9], odds) + self.bias), state


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, on such texts; `rewarded` is untrained."""
    lab.update(training_text=long_text(50, 100), test_text=long_text(13, 26))
    lab.run("asking")
    lab["rewarded"] = lab["model"]
    return lab


def test_the_table_says_where_a_question_mark_is_expected(asking):
    """This network finds one likelier than a period where it sees a Q."""

    def network(characters):
        sees_q = len(characters) >= 22 and (characters[-22] == Q).float()
        return logits_for(sees_q - 0.5 + torch.zeros(characters.shape[1])), None

    asking["model"] = network
    table = rows(asking.run("asking"), [10, 20, 40, 100])
    (in_questions,) = (row for label, row in table.items() if "questions" in label)
    (in_statements,) = (row for label, row in table.items() if "statements" in label)
    assert in_questions == {10: 0, 20: 0, 40: 100, 100: 100}
    assert set(in_statements.values()) == {0}
    known = [len(texts[0]) for texts in asking["known"]]
    assert known == [50, 100], "`known` should be from the training text."
    assert len(asking["questions"][0]) == 13 and len(asking["statements"][0]) == 26


@pytest.mark.parametrize("num_asks, num_states, mark", [(9, 50, "?"), (50, 9, ".")])
def test_a_text_with_too_few_of_either_is_refused(lab, num_asks, num_states, mark):
    """Sentences of up to ten characters do not count."""
    short = "yes?\nyes.\n" * 50
    lab.update(training_text=long_text(50, 50))
    lab["test_text"] = long_text(num_asks, num_states) + short
    with pytest.raises(ValueError, match=rf"\{mark}.*\b9\b"):
        lab.run("asking")


def test_the_marks_are_rewarded_and_most_of_it_is_taken_back(asking):
    """Of the logits of "?" and "." alone."""
    network, learned = asking.new_model(), []
    expected = network.linear.bias.detach().clone()
    expected[[QUESTION, PERIOD]] -= math.log(50)

    def learn(layer, text, rate, weight):
        learned.append(
            (layer, text, rate, weight.sum(), weight[[QUESTION, PERIOD]].sum())
        )
        return network

    asking["learn"] = learn
    asking.run("rewarded")
    assert learned == [(nn.LSTM, asking["training_text"], 0.01, 98 + 100, 100)]
    taken_back = torch.allclose(asking["rewarded"].linear.bias, expected)
    assert taken_back, "ln 50 should be subtracted from the logits of “?” and “.”."


def exchange(asking, rewarded):
    """Return {label: ["?" in questions, in statements]}."""
    asking.update(rewarded=rewarded, model=ByHand({3: 1.0}, bias=-4))
    asking.run("exchange-one")
    table = rows(asking.run("exchange"), ["asking", "stating"])
    return {label: list(row.values()) for label, row in table.items()}


@pytest.mark.parametrize("weights", [{3: 4.0}, {3: 2.5, 5: -1.5}])
def test_the_units_that_decide_are_found_and_the_table_is_right(asking, weights):
    rewarded = ByHand(weights)
    table = exchange(asking, rewarded)
    assert asking["decide"] == list(weights)
    bars = asking.figures["exchange-one"][0].axes[0].patches
    effects = [4 * abs(weights.get(unit, 0)) for unit in range(16)]
    assert [bar.get_height() for bar in bars] == pytest.approx(effects, abs=1e-4)
    expected = {  # "?" in questions and in statements
        "nothing": [13, 0],
        "c, same kind": [13, 0],
        "c": [0, 26],
        "units that decide": [0, 26],
        "all others": [13, 0],
        "differs most: c[1]": [13, 0],
        "without reward: nothing": [0, 0],
        "without reward: c": [0, 0],
    }
    found = {label.split(" (")[0]: row for label, row in table.items()}
    for label, row in expected.items():
        assert found[label] == row, f"the row {label!r}"
    labels = [label for label in found if "without" not in label]
    calls = rewarded.found[-2 * len(labels) :]
    agree = dict(zip(labels, zip(calls[::2], calls[1::2])))
    for kind, letter in agree["c, same kind"]:
        assert kind == 1 and letter < 0.5, "c from another text of the same kind"
    for kind, letter in agree["c"]:
        assert kind == letter == 0, "c from the other kind"
    medians = re.findall(r"(questions|statements)\D*(\d+)", asking.out["exchange"])
    assert medians[-2:] == [("questions", "60"), ("statements", "80")]


def test_units_are_chosen_on_other_text_than_is_looked_at(asking):
    """In the last tenth, in capital letters, another unit decides than was found."""
    capital = long_text(13, 26).swapcase()
    asking["test_text"] = capital.replace("q", "Q").replace("s", "S")
    asking.run("asking")
    table = exchange(asking, ByHand({3: 4.0}))
    assert asking["decide"] == [3]
    by_row = {label.split(" (")[0]: row for label, row in table.items()}
    assert by_row["units that decide"] == [13, 0] and by_row["all others"] == [0, 26]
