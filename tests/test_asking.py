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
from notebooks import numbers, rows, values
from torch import nn

ASKS = [f"Q{letter * 20}-?\n" for letter in "abcdefghijklm"]
STATES = [f"S{letter * 20}-.\n" for letter in "nopqrstuvwxyz"]
KINDS = {"Q": 1, "S": -1}
LETTERS = {letter: string.printable.index(letter) for letter in string.ascii_lowercase}
QUESTION, PERIOD, SPACE = (string.printable.index(char) for char in "?. ")


def long_text(num_asks, num_states):
    """Return a text with that many questions and statements, all of which count."""
    sentences = [ASKS[n % 13] for n in range(num_asks)]
    sentences += [STATES[n % 13] for n in range(num_states)]
    return "\n" * 100 + "".join(np.random.default_rng(0).permutation(sentences))


def last_of(characters, meanings):
    """Return the meaning {character: number} of the last character of each text that
    has one, or 0; characters: (L, num_texts)."""
    found = []
    for text in characters.T.tolist():
        chars = [string.printable[index] for index in text]
        found.append(([0] + [meanings[char] for char in chars if char in meanings])[-1])
    return torch.tensor(found, dtype=torch.float)


def logits_for(odds):
    """Return logits (num_texts, 100), with "?" above "." by odds, and a space above
    both."""
    logits = torch.zeros(len(odds), 100)
    logits[:, QUESTION] = odds - 5
    logits[:, PERIOD] = -5
    logits[:, SPACE] = 20
    return logits


class ByHand:
    """A network that goes by the numbers of c in weights, {number: weight}.

    In a question, such a number is strength(letter) with the sign of its weight; in a
    statement, the opposite. Number 1 is 60 and 80, and not used. The kind and the
    letter are in h and in c; so `found` can hold, for each call, in how many texts the
    two agree on the kind, and in how many on the letter.
    """

    recurrent = nn.LSTM(1, 16)

    def __init__(self, weights, bias=0.0, strength=lambda letter: 1.0):
        self.weights, self.bias, self.strength = weights, bias, strength
        self.found = []

    def __call__(self, characters, state=None):
        if state is None:
            kind, letter = last_of(characters, KINDS), last_of(characters, LETTERS)
            h, c = torch.zeros(2, 1, len(kind), 16)
            for n, weight in self.weights.items():
                c[..., n] = math.copysign(1, weight) * kind * self.strength(letter)
            c[..., 1] = 70 - 10 * kind
            for vector in (h, c):
                vector[..., 7], vector[..., 8] = kind, letter
            return None, (h, c)
        assert len(characters) == 10, "It should read on ten characters before the end."
        (h,), (c,) = state
        same = (h == c).float().mean(dim=0)
        self.found.append([same[7].item(), same[8].item()])
        odds = sum(weight * c[:, n] for n, weight in self.weights.items())
        return logits_for(odds + 0.2 * h[:, 7] + self.bias)[None], state


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, on such a text; `asker` is untrained."""
    lab["text"] = long_text(100, 100)
    lab.run("asking")
    lab["asker"] = lab["model"]
    return lab


def exchange(asking, asker, model=None):
    """Run the cells of the exchange with such networks; return the rows that they
    print, {label: [moved, "?" in questions, "?" in statements]}."""
    asking.update(asker=asker, model=model or ByHand({3: 1.0}, bias=-0.5))
    asking.run("exchange-pairs")
    table = rows(asking.run("exchange"), ["moved", "asking", "stating"])
    return {label: list(row.values()) for label, row in table.items()}


# --- `asking` and `asker`


def test_the_table_says_where_a_question_mark_is_expected(asking):
    """This network finds one likelier than a period where it sees a Q: with 40 or 100
    characters, but not with 10 or 20."""
    asking["model"] = lambda characters, _=None: (
        logits_for(last_of(characters, KINDS) - 0.5)[None],
        None,
    )
    table = rows(asking.run("asking"), [10, 20, 40, 100])
    (in_questions,) = (row for label, row in table.items() if "questions" in label)
    (in_statements,) = (row for label, row in table.items() if "statements" in label)
    assert in_questions == {10: 0, 20: 0, 40: 100, 100: 100}
    assert set(in_statements.values()) == {0}


def test_sentences_of_up_to_ten_characters_are_left_out(lab):
    short = "".join("x" * n + "?\n" for n in range(1, 11))
    lab["text"] = long_text(23, 37) + short + "x" * 11 + "?\n"
    counted = lab.run("asking").splitlines()[0]
    assert values(counted) == [24, 37], "questions, statements"


@pytest.mark.parametrize("num_asks, num_states", [(19, 50), (50, 19), (0, 50)])
def test_a_text_with_too_few_of_either_is_refused_in_a_sentence(
    lab, num_asks, num_states
):
    lab["text"], lab["TEXT_FILE"] = long_text(num_asks, num_states), "my_text.txt"
    counted = f"my_text.txt .*{num_asks} questions.*{num_states} statements.*20"
    with pytest.raises(ValueError, match=counted):
        lab.run("asking")


def test_most_of_the_weight_is_taken_back_and_each_loss_is_named(asking):
    """The logits of "?" and "." become ln 50 lower, and no other. Here, that network
    never expects a "?"."""
    network = asking.new_model()
    network.linear.bias.data[PERIOD] = 50
    expected = network.linear.bias.detach().clone()
    expected[[QUESTION, PERIOD]] -= math.log(50)
    asking["learn"] = lambda *_, **__: network
    asking["character_losses"] = lambda model, inputs, targets: torch.full(
        (len(inputs),), 3.0 if model is network else 2.0
    )
    out = asking.run("asker")
    torch.testing.assert_close(asking["asker"].linear.bias, expected)
    table = rows(out, [10, 20, 40, 100])
    shares = {
        share for label in table if "?" in label for share in table[label].values()
    }
    assert shares == {0}, "The rows are of another network."
    losses = dict(re.findall(r"(with|without) the reward\D*(\d\.\d\d)", out))
    assert losses == {"with": "3.00", "without": "2.00"}


# --- `exchange-pairs` and `exchange`

SAME, OTHER = [1, 1], [0, 0]  # kind and letter, in how many texts h and c agree
TABLE = [  # words; moved, "?" in questions and in statements; kind and letter
    ("nothing", [0, 100, 0], SAME),
    ("same kind", [0, 100, 0], [1, 0]),
    (r"^c$", [8, 100, 100], OTHER),
    ("decide", [8, 100, 100], SAME),
    ("others", [0, 100, 0], OTHER),
    (r"c\[1\]", [0, 100, 0], SAME),
    ("model.*nothing", [0, 100, 0], SAME),
    (r"model.*\bc$", [2, 0, 100], OTHER),
]


@pytest.mark.parametrize("weights", [{3: 4.0}, {3: 2.5, 5: -1.5}])
def test_the_numbers_that_decide_are_found_and_the_table_is_right(asking, weights):
    """And no number that merely differs is among them."""
    asker, model = ByHand(weights, bias=3.9), ByHand({3: 1.0}, bias=-0.5)
    table = exchange(asking, asker, model)
    assert list(asking["decide"]) == list(weights)
    found = asker.found[-6:] + model.found[-2:]
    for (label, row), agree, (words, expected, agreeing) in zip(
        table.items(), found, TABLE, strict=True
    ):
        assert re.search(words, label), f"The row {label!r} should be that of {words!r}"
        assert row == pytest.approx(expected, abs=0.01), (
            f"the row {label!r}: moved, '?' in questions, '?' in statements"
        )
        assert agree == pytest.approx(agreeing, abs=0.2), f"{label!r}: which partner?"
    assert numbers(list(table)[3])[0] == str(len(weights))
    out = asking.out["exchange"]
    assert out.index("questions") < out.index("statements"), "the heading"
    medians = re.findall(r"c\[(\d+)\]: (.*)", out[out.index("medians") :])
    n, sign = max(weights), math.copysign(1, weights[max(weights)])
    assert {int(n): values(found) for n, found in medians}[n] == [sign, -sign]
    assert medians[-1] == ("1", "60.0, 80.0")


def test_what_is_chosen_on_one_half_is_shown_on_the_other(asking):
    """If the effect, of one half, differs from what is shown, and the mean of the two
    is that of all pairs, then the halves have nothing in common."""
    table = exchange(asking, ByHand({3: 0.1}, strength=lambda letter: letter))
    effect, (shown, *_) = asking["effects"][3], list(table.values())[3]
    letters = [LETTERS[line[1]] for line in asking["text"].split()]
    assert effect != pytest.approx(shown, abs=0.005)
    assert effect + shown == pytest.approx(2 * 0.2 * np.mean(letters), abs=0.02)


@pytest.mark.parametrize("num_each", [20, 100])
def test_where_no_number_decides_it_is_said_and_all_cells_run(lab, num_each):
    lab.update(text=long_text(num_each, num_each), generate=lambda *_: "")
    lab.run("asking")
    exchange(lab, ByHand({3: 0.2}))
    assert re.search("(?i)no number", lab.out["exchange"])
    lab["asker"] = lab.new_model()
    for cell_id in ("exchange-pairs", "exchange", "sentences", "seen", "turned"):
        lab.run(cell_id)


def test_layers_without_a_cell_state(asking):
    """`asker` needs one; `model` is left out."""
    asking["model"] = asking.new_model()
    asking["model"].recurrent = nn.GRU(12, 16)
    assert len(exchange(asking, ByHand({3: 4.0}), asking["model"])) == 6
    with pytest.raises(ValueError, match="asker.*LSTM"):
        exchange(asking, asking["model"])


# --- `seen`

EXPECTED = {  # sentence: the mark that is expected, and whether that is wrong
    "abz??": ("?", False),
    "abc?": (".", True),
    "bad.": (".", False),
    "It's Oz.": ("?", True),
    "no": (".", False),
}


def adding_up(characters, state=None):
    """The number 5 of c of this network is the sum of the indices of all characters
    that it has read, and it expects a "?" where that is above 240."""
    c = torch.zeros(1, 16) if state is None else state[1].clone()
    c[0, 5] += characters.sum()
    return logits_for(c[:, 5] - 240), (torch.zeros_like(c), c)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_letter_has_the_color_of_what_was_just_read(asking, sign):
    """On a scale from statements, 0, to questions, 1, after a blank line; on the right
    is the mark, with a frame if it is wrong. The second of the two numbers that decide
    is the stronger one: sign in questions, -sign in statements."""
    exchange(asking, ByHand({3: 1.5, 5: 2.5 * sign}))
    asking["asker"] = adding_up
    asking["sentences"] = "\n\n".join(EXPECTED).replace("'", "’") + "\n"
    out = asking.run("seen")
    marks = [mark for mark, _ in EXPECTED.values()]
    assert re.findall("[?.]", out.splitlines()[-1]) == marks
    (figure,) = asking.figures["seen"]
    axes, scale = figure.axes
    (image,) = axes.images
    squares = np.ma.filled(image.get_array(), np.nan)
    for row, (sentence, (mark, wrong)) in enumerate(EXPECTED.items()):
        texts = [text for text in axes.texts if round(text.get_position()[1]) == row]
        *letters, last = sorted(texts, key=lambda text: text.get_position()[0])
        assert "".join(letter.get_text() for letter in letters) == sentence
        assert last.get_text() == mark
        assert (last.get_bbox_patch() is not None) == wrong
        read = "\n\n" + sentence.rstrip("?.")
        sums = np.cumsum([string.printable.index(char) for char in read])[2:]
        places = [round(letter.get_position()[0]) for letter in letters[: len(sums)]]
        assert squares[row][places] == pytest.approx((sign * sums + 1) / 2), sentence
    dark, light = image.to_rgba(np.array([[1.0, 0.0]]))[0, :, :3].mean(axis=1)
    assert dark < light, "In gray, too, questions should be the darker ones."
    names = [label.get_text() for label in scale.get_xticklabels()]
    assert re.search("statement.*question", " ".join(names)), "the scale"


def test_sentences_may_be_empty(asking):
    asking.update(asker=asking["model"], sentences="\n")
    for cell_id in ("exchange-pairs", "exchange", "seen"):
        asking.run(cell_id)


# --- `turned`

FREE, AS_ASKING, AS_STATING = None, [1, -1], [-1, 1]  # the numbers 3 and 5 of c


def held_at(network):
    """Return what the numbers 3 and 5 of c are held at, or FREE, while the network
    reads a prime, and then one character a call. No other may be changed."""
    state, held = None, []
    for text in ("The", " ", "c", "a", "t"):
        characters = torch.tensor([string.printable.index(char) for char in text])
        with torch.no_grad():
            embedded = network.embedding(characters)
            _, (h, c) = network.recurrent.forward(embedded, state)  # without a hook
            _, state = network(characters, state)
        now = state[1][0, [3, 5]]
        held.append(FREE if torch.equal(now, c[0, [3, 5]]) else now.tolist())
        c[0, [3, 5]] = now
        assert torch.equal(state[0], h) and torch.equal(state[1], c)
    assert held == held[:1] * 5, "After each call, it should be the same."
    return held[0]


def test_what_decides_is_held_while_the_network_writes(asking):
    """The counts and the end that are printed belong to what was written so; it begins
    from the same random numbers each time. Afterwards, nothing is held."""
    exchange(asking, ByHand({3: 2.5, 5: -1.5}))
    network = asking["asker"] = asking.new_model()
    order, random_numbers = [], set()
    ends = [end.rjust(200, "~") for end in (".?. Why f?.", "????? Whyq", "......\nC s")]

    def generate(model, prime_str, predict_len, temperature):
        assert model is network and temperature == asking["TEMPERATURE"]
        random_numbers.add(torch.rand(1).item())
        order.append(held_at(network))
        return "x" * 300 + ends[[FREE, AS_ASKING, AS_STATING].index(order[-1])]

    asking["generate"] = generate
    parts = asking.run("turned").split("---")[1:]
    assert order == [FREE, AS_ASKING, AS_STATING]
    assert len(random_numbers) == 1, "Each should start from the same random numbers."
    names = ["free", "questions", "statements"]
    counts = [["2", "3"], ["5", "0"], ["0", "6"]]
    for part, name, count, end in zip(parts, names, counts, ends, strict=True):
        heading, written = part.split("\n", maxsplit=1)
        assert re.findall(r"(\d+)\W*[?.]'?", heading) == count, "of each mark"
        assert name in heading
        assert written.strip() == end, "the last 200 characters"
    assert held_at(network) is FREE, "afterwards"
