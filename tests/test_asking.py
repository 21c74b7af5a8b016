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
from notebooks import rows, values
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
    logits[..., PERIOD] = -5
    logits[..., SPACE] = 20
    return logits


class ByHand:
    """A network that goes by the numbers of c in weights, {number: weight}.

    In a question, such a number is 1 with the sign of its weight, in a statement the
    opposite. Number 1 is 60 and 80, and not used. Numbers 7 and 8 of h and c are kind
    and letter; `found` holds in how many texts h and c agree on them.
    """

    recurrent = nn.LSTM(1, 16)

    def __init__(self, weights, bias=0.0):
        self.weights, self.bias, self.found = weights, bias, []

    def __call__(self, characters, state=None):
        if state is None:
            kind = torch.where(characters[-12] == Q, 1.0, -1.0)
            h, c = torch.zeros(2, 1, len(kind), 16)
            for n, weight in self.weights.items():
                c[..., n] = math.copysign(1, weight) * kind
            c[..., 1] = 70 - 10 * kind
            h[..., 7] = c[..., 7] = kind
            h[..., 8] = c[..., 8] = characters[-1]
            return None, (h, c)
        assert len(characters) == 10, "It should read on ten characters before the end."
        (h,), (c,) = state
        self.found.append((h == c).float().mean(dim=0)[7:9].tolist())
        odds = sum(weight * c[:, n] for n, weight in self.weights.items())
        second_half = torch.arange(len(c)) % (len(c) // 2) >= len(c) / 4
        odds = torch.where(second_half, 0.9 * odds, odds)  # of the pairs
        return logits_for(odds + 0.2 * h[:, 7] + self.bias), state


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, on such a text; `asker` is untrained."""
    lab["text"] = long_text(100, 100)
    lab.run("asking")
    lab["asker"] = lab["model"]
    return lab


def exchange(asking, asker, model=None):
    """Return {label: [moved, "?" in questions, in statements]}."""
    asking.update(asker=asker, model=model or ByHand({3: 1.0}, bias=-0.5))
    asking.run("exchange-pairs")
    table = rows(asking.run("exchange"), ["moved", "asking", "stating"])
    return {label: list(row.values()) for label, row in table.items()}


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


@pytest.mark.parametrize("num_asks, num_states", [(19, 50), (50, 19)])
def test_a_text_with_too_few_of_either_is_refused(lab, num_asks, num_states):
    """Sentences of up to ten characters do not count."""
    short = "".join("x" * n + "?\n" + "x" * n + ".\n" for n in range(1, 11))
    lab.update(text=long_text(num_asks, num_states) + short, TEXT_FILE="my_text.txt")
    counted = f"my_text.txt .*{num_asks} questions.*{num_states} statements.*20"
    with pytest.raises(ValueError, match=counted):
        lab.run("asking")


def test_most_of_the_weight_is_taken_back_and_each_loss_is_named(asking):
    """Of the logits of "?" and "." alone. This network never expects a "?"."""
    network = asking.new_model()
    network.linear.bias.data[PERIOD] = 50
    expected = network.linear.bias.detach().clone()
    expected[[QUESTION, PERIOD]] -= math.log(50)

    def character_losses(model, inputs, targets):
        return torch.tensor([3.0 if model is network else 2.0])

    asking.update(learn=lambda *_, **__: network, character_losses=character_losses)
    out = asking.run("asker")
    torch.testing.assert_close(asking["asker"].linear.bias, expected)
    shares = [list(row.values()) for row in rows(out, range(4)).values()]
    assert shares[1:] == [[0] * 4] * 2
    losses = dict(re.findall(r"(with|without) the reward\D*(\d\.\d\d)", out))
    assert losses == {"with": "3.00", "without": "2.00"}


SAME, OTHER = [1, 1], [0, 0]  # kind and letter, in how many texts h and c agree
TABLE = [  # words; moved, "?" in questions and in statements; kind and letter
    ("^nothing", [0, 100, 0], SAME),
    ("same kind", [0, 100, 0], [1, 0]),
    ("^c$", [7.2, 100, 100], OTHER),
    ("decide", [7.2, 100, 100], SAME),
    ("others", [0, 100, 0], OTHER),
    (r"c\[1\]", [0, 100, 0], SAME),
    ("reward.*nothing", [0, 100, 0], SAME),
    (r"reward.*\bc$", [1.8, 0, 100], OTHER),
]


@pytest.mark.parametrize("weights", [{3: 4.0}, {3: 2.5, 5: -1.5}])
def test_the_numbers_that_decide_are_found_and_the_table_is_right(asking, weights):
    asker, model = ByHand(weights, bias=3.7), ByHand({3: 1.0}, bias=-0.5)
    table = exchange(asking, asker, model)
    assert list(asking["decide"]) == list(weights)
    effects = [2 * abs(weight) for weight in weights.values()]
    assert asking["effects"][asking["decide"]] == pytest.approx(effects)
    num_of_model = sum("reward" in label for label in table)
    found = asker.found[num_of_model - len(table) :] + model.found[-num_of_model:]
    agree = dict(zip(table, found))
    for words, expected, agreeing in TABLE:
        (label,) = [label for label in table if re.search(words, label)]
        assert table[label] == pytest.approx(expected, abs=0.01), f"the row {label!r}"
        partner = pytest.approx(agreeing, abs=0.2)
        assert agree[label] == partner, f"{label!r}: which partner?"
    heading, medians = asking.out["exchange"].split("medians")
    for words in (heading, medians):
        assert words.index("questions") < words.index("statements")
    assert values(medians.split("c[1]")[1]) == [60, 80]


def test_no_number_decides_no_sentence_to_read_and_20_of_each(lab):
    lab.update(text=long_text(20, 20), generate=lambda *_: "", sentences="\n")
    lab.run("asking")
    exchange(lab, ByHand({3: 0.2}))
    assert "No number decides" in lab.out["exchange"]
    lab["asker"] = lab.new_model()
    for cell_id in ("exchange-pairs", "exchange", "seen", "turned"):
        lab.run(cell_id)


def test_layers_without_a_cell_state(asking):
    gru = asking.new_model()
    gru.recurrent = nn.GRU(12, 16)
    assert len(exchange(asking, ByHand({3: 4.0}), gru)) == 6
    with pytest.raises(ValueError, match="asker.*LSTM"):
        exchange(asking, gru)


EXPECTED = {  # sentence: the mark that is expected, and whether that is wrong
    "Catnip??": ("?", False),
    "Cat?": (".", True),
    "It's Oz.": ("?", True),
    "no": (".", False),
}


def counting(characters, state=None):
    """c[5] is how many characters were read; a "?" is expected from seven on."""
    c = torch.zeros(1, 16) if state is None else state[1].clone()
    c[0, 5] += len(characters)
    return logits_for(c[:, 5] - 6.5)[0], (torch.zeros_like(c), c)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_letter_has_the_color_of_what_was_just_read(asking, sign):
    """From statements, 0, to questions, 1. Of the two that decide, by the stronger."""
    exchange(asking, ByHand({3: 1.5, 5: 2.5 * sign}))
    asking.update(asker=counting, sentences="\n\n".join(EXPECTED).replace("'", "’"))
    last_line = asking.run("seen").splitlines()[-1]
    assert re.findall("[?.]", last_line) == [mark for mark, _ in EXPECTED.values()]
    axes, scale = asking.figures["seen"][0].axes
    (image,) = axes.images
    squares = np.ma.filled(image.get_array(), np.nan)
    for row, (sentence, (mark, wrong)) in enumerate(EXPECTED.items()):
        texts = [text for text in axes.texts if round(text.get_position()[1]) == row]
        *letters, last = sorted(texts, key=lambda text: text.get_position()[0])
        assert "".join(letter.get_text() for letter in letters) == sentence
        assert (last.get_text(), bool(last.get_bbox_patch())) == (mark, wrong)
        numbers = np.arange(3, 3 + len(sentence.rstrip("?.")))
        places = [round(letter.get_position()[0]) for letter in letters[: len(numbers)]]
        colors = pytest.approx((sign * numbers + 1) / 2)
        assert squares[row][places] == colors, f"The colors of {sentence!r} differ."
    dark, light = image.to_rgba(np.array([[1.0, 0.0]]))[0, :, :3].mean(axis=1)
    assert dark < light, "In gray, too, questions should be the darker ones."
    names = [label.get_text() for label in scale.get_xticklabels()]
    assert re.search("statement.*question", " ".join(names)), "the scale"


FREE, AS_ASKING, AS_STATING = None, [1, -1], [-1, 1]  # the numbers 3 and 5 of c


def held_at(layer):
    """Return what the numbers 3 and 5 of c are held at, or FREE, after a call."""
    inputs = torch.rand(3, 12)
    _, (h, c) = layer.forward(inputs)  # without a hook
    _, (held_h, held_c) = layer(inputs)
    changed = (c != held_c)[0].nonzero().flatten().tolist()
    assert torch.equal(held_h, h) and changed in ([], [3, 5]), "No other may change."
    return held_c[0, changed].tolist() or FREE


def test_what_decides_is_held_while_the_network_writes(asking):
    exchange(asking, ByHand({3: 2.5, 5: -1.5}))
    network = asking["asker"] = asking.new_model().requires_grad_(False)
    order = []

    def generate(model, prime_str, predict_len, temperature):
        assert model is network and temperature == asking["TEMPERATURE"]
        order.append(held_at(model.recurrent))
        return ["?.?..", "?????", "......"][len(order) - 1] + "x" * 200

    asking["generate"] = generate
    parts = asking.run("turned").split("---")[1:]
    assert order == [FREE, AS_ASKING, AS_STATING], "c[3] and c[5], held at others"
    expected = {"free": [2, 3], "questions": [5, 0], "statements": [0, 6]}
    for part, (name, counts) in zip(parts, expected.items(), strict=True):
        assert name in part and values(part) == counts, "of each mark"
    assert held_at(network.recurrent) is FREE, "afterwards"
