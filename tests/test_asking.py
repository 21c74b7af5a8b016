"""*Does it know that it is asking?*, with networks made by hand.

The text has one sentence a line: Q, a letter from a to m twenty times, and "-?"; or S,
a letter from n to z twenty times, and "-.". So whoever sees twenty characters cannot
know what whoever sees forty can.
"""

import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import rows, values
from torch import nn

ASKS = [f"Q{letter * 20}-?\n" for letter in "abcdefghijklm"]
STATES = [f"S{letter * 20}-.\n" for letter in "nopqrstuvwxyz"]
KINDS = {"Q": 1, "S": -1}
LETTERS = {letter: string.printable.index(letter) for letter in string.ascii_lowercase}
QUESTION, PERIOD, SPACE = (string.printable.index(char) for char in "?. ")
NONE = "(?i)no number|none"


def long_text(num_asks, num_states):
    """Return a text with that many questions and statements, all of which count."""
    sentences = [ASKS[n % 13] for n in range(num_asks)]
    sentences += [STATES[n % 13] for n in range(num_states)]
    return "\n" * 100 + "".join(np.random.default_rng(0).permutation(sentences))


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, on such a text; `asker` is untrained."""
    lab["text"] = long_text(100, 100)
    lab.run("asking")
    lab["asker"] = lab["model"]
    return lab


def last_of(characters, meanings):
    """Return the meaning of the last character of each text that has one, or 0.

    characters: (L, num_texts); meanings: {character: number}.
    """
    found = []
    for text in characters.T.tolist():
        chars = [string.printable[index] for index in text]
        found.append(([0] + [meanings[char] for char in chars if char in meanings])[-1])
    return torch.tensor(found, dtype=torch.float)


def logits_for(odds):
    """Return logits (num_texts, 100), with "?" above "." by odds; but others, first of
    all a space, are likelier than both."""
    logits = torch.zeros(len(odds), 100)
    logits[:, QUESTION] = odds - 5
    logits[:, PERIOD] = -5
    logits[:, SPACE] = 20
    return logits


def made_by_hand(weights, strength=lambda letter: 1.0):
    """Return a network that goes by the numbers of c in weights, {number: weight}.

    In a question, such a number is strength(letter) with the sign of its weight, in a
    statement the opposite. Number 1 is 60 and 80, and not used. Of the last letters,
    the first three are that of number 0 of h, and five that of number 7 of c; number 2
    of h counts for the mark, a little.
    """

    def network(characters, state=None):
        if state is None:
            kind = last_of(characters, KINDS)
            letter = last_of(characters, LETTERS)
            h, c = torch.zeros(2, 1, len(kind), 16)
            for n, weight in weights.items():
                c[..., n] = math.copysign(1, weight) * kind * strength(letter)
            c[..., 1] = 70 - 10 * kind
            c[..., 7] = h[..., 0] = letter
            h[..., 2] = kind
            return None, (h, c)
        assert len(characters) == 10, "It should read on ten characters before the end."
        (h,), (c,) = state
        logits = torch.zeros(10, len(c), 100)
        for place, predicted in enumerate(3 * [h[:, 0]] + 5 * [c[:, 7]]):
            logits[place, torch.arange(len(c)), predicted.long()] = 20
        logits[8, :, string.printable.index("-")] = 20
        odds = sum(weight * c[:, n] for n, weight in weights.items())
        logits[-1] = logits_for(odds + 0.2 * h[:, 2] + 3.9)
        return logits, state

    network.recurrent = nn.LSTM(1, 16)
    return network


def exchange(asking, weights, **options):
    """Run the cells of the exchange with such a network; return what they print."""
    asking["asker"] = made_by_hand(weights, **options)
    return [asking.run(key) for key in ("exchange-pair", "exchange", "exchange-figure")]


# --- `asking` and `asker`


def shares(out):
    """Return the rows of the table, {label: {characters seen: percent}}."""
    found = rows(out, [5, 10, 20, 40, 100])
    return {label: row for label, row in found.items() if "?" in label}


def test_the_table_says_where_a_question_mark_is_expected(asking):
    """This network finds one likelier than a period where it sees a Q: with 40 or 100
    characters, but not with 5, 10, or 20."""
    asking["model"] = lambda characters, _=None: (
        logits_for(last_of(characters, KINDS) - 0.5)[None],
        None,
    )
    (first, in_questions), (second, in_statements) = shares(
        asking.run("asking")
    ).items()
    assert "questions" in first and "statements" in second
    assert in_questions == {5: 0, 10: 0, 20: 0, 40: 100, 100: 100}
    assert set(in_statements.values()) == {0}


def test_short_sentences_are_left_out_and_counted(lab):
    """Of up to ten characters."""
    short = "".join("x" * n + "?\n" for n in range(1, 11))
    lab["text"] = long_text(23, 37) + short + "x" * 11 + "?\n"
    counted = lab.run("asking").splitlines()[0]
    assert sorted(values(counted)) == [10, 24, 37], "short ones, questions, statements"


@pytest.mark.parametrize("num_asks, num_states", [(19, 50), (50, 19), (0, 50)])
def test_a_text_with_too_few_of_either_is_refused_in_a_sentence(
    lab, num_asks, num_states
):
    lab["text"], lab["TEXT_FILE"] = long_text(num_asks, num_states), "my_text.txt"
    counted = f"my_text.txt .*{num_asks} questions.*{num_states} statements.*20"
    with pytest.raises(AssertionError, match=counted):
        lab.run("asking")


def test_most_of_the_weight_is_taken_back(asking):
    """The logits of "?" and "." become ln 50 lower, and no other. Here, that network
    never expects a "?", and the one as it is always does."""
    network = asking.new_model()
    network.linear.bias.data[PERIOD] = 50
    before = network.linear.bias.detach().clone()
    asking["learn"] = lambda *_, **__: network
    with torch.no_grad():
        asking["model"].linear.bias[QUESTION] = 50
    table = shares(asking.run("asker"))
    taken = torch.zeros(100)
    taken[[QUESTION, PERIOD]] = math.log(50)
    torch.testing.assert_close(asking["asker"].linear.bias, before - taken)
    for label, row in table.items():
        expected = 0 if "50" in label else 100
        assert set(row.values()) == {expected}, f"{label!r} is of another network."


# --- `exchange-pair`, `exchange`, `exchange-figure`


def test_one_real_pair_is_shown_with_its_text_and_its_odds(asking):
    """Here, the log odds depend on the letter. After the exchange of c, each has the
    odds that the other had, but for what h counts."""

    def odds(letter, h):
        sign = 1 if letter < "n" else -1
        return pytest.approx(sign * LETTERS[letter] + 0.2 * h + 3.9, abs=0.06)

    out, *_ = exchange(asking, {3: 1.0}, strength=lambda letter: letter)
    found = re.findall(r"(?i)\b(question|statement)\b.*\[(\w)\2{8}-\](.*\n.*)", out)
    shown = {kind.lower(): (letter, values(rest)) for kind, letter, rest in found}
    assert shown.keys() == {"question", "statement"}, "each with its last ten in [...]"
    (asks, odds_asks), (states, odds_states) = shown["question"], shown["statement"]
    assert asks < "n" <= states, "The question should have the words of a question."
    assert odds_asks == [odds(asks, 1), odds(states, 1)], "before and after"
    assert odds_states == [odds(states, -1), odds(asks, -1)], "before and after"


TABLE = [  # exchanged; by how many nats the marks moved; "?" in each kind; the letters
    ("nothing", 0, 100, 0, 0),
    (r"\bc\b.*\bh\b", 8.4, 0, 100, 20 * 8 / 9),
    (r"\bc\b", 8, 100, 100, 20 * 5 / 9),
    ("decide", 8, 100, 100, 0),
    ("others", 0, 100, 0, 20 * 5 / 9),
    (r"\bh\b", 0.4, 100, 100, 20 * 3 / 9),
]


@pytest.mark.parametrize("weights", [{3: 4.0}, {3: 2.5, 5: -1.5}])
def test_the_numbers_that_decide_are_found_and_the_table_is_right(asking, weights):
    """And no number that merely differs, or that serves the letters, is among them."""
    _, out, _ = exchange(asking, weights)
    effects = {
        int(n): float(effect)
        for n, effect in re.findall(r"c\[(\d+)\].*?(-?\d+\.\d+)", out)
    }
    assert effects == {n: 2 * abs(weight) for n, weight in weights.items()}

    columns = ["moved", "questions", "statements", "letters"]
    heading = out[: out.index("nothing")]
    words = re.findall("questions|statements|letters", heading)
    assert words == columns[1:], "the heading of the columns"
    table = rows(out, columns)
    assert len(table) == len(TABLE)
    for (label, row), (words, *expected) in zip(table.items(), TABLE):
        assert re.search(words, label), f"The row {label!r} should be that of {words!r}"
        assert list(row.values()) == pytest.approx(expected, abs=0.01), (
            f"the row {label!r}: moved, in questions, in statements, letters"
        )
        if "decide" in label:
            assert values(label) == [len(weights)]


def test_what_is_chosen_on_one_half_is_shown_on_the_other(asking):
    """If the effect, of one half, differs from what is shown, and the mean of the two
    is that of all pairs, then the halves have nothing in common."""
    _, out, _ = exchange(asking, {3: 0.1}, strength=lambda letter: letter)
    effect = float(re.search(r"c\[3\].*?(\d+\.\d+)", out)[1])
    table = rows(out, ["moved", "questions", "statements", "letters"])
    (shown,) = (row["moved"] for label, row in table.items() if "decide" in label)
    letters = [string.printable.index(line[1]) for line in asking["text"].split()]
    assert effect != shown, "The table should be of the other half of the pairs."
    assert effect + shown == pytest.approx(2 * 0.2 * np.mean(letters), abs=0.02)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_dot_is_as_high_as_its_effect_and_as_far_as_its_medians_differ(asking, sign):
    """On the left those of c, on the right those of tanh(c)."""
    exchange(asking, {3: 4.0 * sign})
    (figure,) = asking.figures["exchange-figure"]
    left, right = figure.axes
    in_tanh = ["tanh" in axes.get_xlabel() for axes in (left, right)]
    assert in_tanh == [False, True], "c is on the left, tanh(c) on the right."
    assert "effect" in left.get_ylabel()
    for axes, distance, of_number_1 in ((left, 2, 20), (right, 2 * math.tanh(1), 0)):
        dots = axes.lines[0].get_xydata()
        assert dots[3] == pytest.approx([distance, 8])
        assert dots[1] == pytest.approx([of_number_1, 0])
        (label,) = axes.texts
        assert label.get_text().strip() == "c[3]"
        assert label.get_position() == pytest.approx([distance, 8])


def test_where_no_number_decides_each_cell_says_so_and_runs(asking):
    _, out, _ = exchange(asking, {})
    asking.update(asker=asking["model"], generate=lambda *_: "", sentences="A cat?")
    for printed in (out, asking.run("seen"), asking.run("turned")):
        assert re.search(NONE, printed)


def test_a_layer_without_a_cell_state_is_refused_in_a_sentence(asking):
    exchange(asking, {3: 4.0})
    asking["asker"].recurrent = nn.RNN(1, 16)
    for cell_id in ("exchange-pair", "seen", "turned"):
        with pytest.raises(AssertionError, match="LSTM"):
            asking.run(cell_id)


def test_a_text_with_20_of_each_is_enough(lab):
    lab["text"] = long_text(20, 20)
    lab["generate"] = lambda *_: ""
    lab.run("asking")
    lab["asker"] = lab["model"]
    for cell_id in ("exchange-pair", "exchange", "exchange-figure", "sentences"):
        lab.run(cell_id)
    lab.run("seen")
    lab.run("turned")


# --- `seen`

EXPECTED = {  # sentence: the mark that is expected, and whether that is wrong
    "abz?": ("?", False),
    "abc?": (".", True),
    "bad.": (".", False),
    "It's Oz.": ("?", True),
    "no": (".", False),
    "buzz": ("?", False),
}


def adding_up(characters, state=None):
    """The number 3 of c of this network is the sum of the indices of all characters
    that it has read, and it expects a "?" where that is above 240."""
    c = torch.zeros(1, 16) if state is None else state[1].clone()
    c[0, 3] += characters.sum()
    return logits_for(c[:, 3] - 240), (torch.zeros_like(c), c)


adding_up.recurrent = nn.LSTM(1, 16)


@pytest.fixture(params=[1, -1])
def seen(asking, request):
    """The laboratory after `seen`, with the network above and those sentences, blank
    lines between; c[3] is asking["sign"] in questions, the opposite in statements."""
    exchange(asking, {3: 4.0 * request.param})
    asking["sign"] = request.param
    asking["asker"] = adding_up
    asking["sentences"] = "\n\n".join(EXPECTED).replace("'", "’") + "\n"
    asking.run("seen")
    return asking


def test_each_sentence_is_printed_with_the_mark_that_is_expected(seen):
    lines = seen.out["seen"].splitlines()
    for line, (sentence, (mark, wrong)) in zip(lines, EXPECTED.items(), strict=True):
        assert line.startswith(sentence)
        assert re.findall("[?.]", line.removeprefix(sentence)) == [mark], line
        assert ("wrong" in line) == wrong, line


def test_a_letter_has_the_color_of_what_was_just_read_and_no_other_line_counts(seen):
    """On the right is the mark, with a frame if it is wrong."""
    (figure,) = seen.figures["seen"]
    axes = figure.axes[0]
    (image,) = axes.images
    squares = np.ma.filled(image.get_array(), np.nan)
    for row, (sentence, (mark, wrong)) in enumerate(EXPECTED.items()):
        texts = [text for text in axes.texts if round(text.get_position()[1]) == row]
        *letters, last = sorted(texts, key=lambda text: text.get_position()[0])
        assert "".join(letter.get_text() for letter in letters) == sentence
        assert last.get_text() == mark
        assert (last.get_bbox_patch() is not None) == wrong
        read = "\n\n" + sentence.rstrip("?.")  # after a blank line
        sums = np.cumsum([string.printable.index(char) for char in read])[2:]
        drawn = squares[row][~np.isnan(squares[row])]
        assert drawn.tolist() == sums.tolist(), f"The colors of {sentence!r}"
        places = [round(letter.get_position()[0]) for letter in letters[: len(sums)]]
        assert np.flatnonzero(~np.isnan(squares[row])).tolist() == places


def test_red_is_as_in_questions_and_the_scale_says_so(seen):
    (figure,) = seen.figures["seen"]
    (image,) = figure.axes[0].images
    (red, _, blue, _), (other_red, _, other_blue, _) = image.to_rgba(
        np.array([[seen["sign"], -seen["sign"]]])
    )[0]
    assert red - blue > other_red - other_blue, "Questions should be the redder ones."
    scale = figure.axes[1]
    names = [label.get_text() for label in scale.get_xticklabels()]
    for place, name in zip(scale.get_xticks(), names, strict=True):
        kind = "question" if place == seen["sign"] else "statement"
        assert kind in name and values(name) == [place], f"{name!r} is at {place}"


# --- `turned`

FREE, AS_ASKING, AS_STATING = None, [1, -1], [-1, 1]  # the numbers 3 and 5 of c


@pytest.fixture
def turning(asking):
    """Where 3 and 5 decide; but `asker` is an untrained LSTM again."""
    exchange(asking, {3: 2.5, 5: -1.5})
    asking["asker"] = asking["model"]
    return asking


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


def test_what_decides_is_held_while_the_network_writes(turning):
    """The counts and the end that are printed belong to what was written so; it begins
    from the same random numbers each time."""
    order, random_numbers = [], set()
    ends = [".?. Why f?.", "????? Whyq", "......\nCan s Do"]
    ends = [end.rjust(200, "~") for end in ends]

    def generate(network, prime_str, predict_len, temperature):
        random_numbers.add(torch.rand(1).item())
        order.append(held_at(network))
        return "x" * 300 + ends[[FREE, AS_ASKING, AS_STATING].index(order[-1])]

    turning["generate"] = generate
    parts = turning.run("turned").split("---")[1:]
    assert order == [FREE, AS_ASKING, AS_STATING]
    assert len(random_numbers) == 1, "Each should start from the same random numbers."
    names = ["free", "questions", "statements"]
    counts = [[2, 3, 1], [5, 0, 0], [0, 6, 1]]  # "?", ".", begun like a question
    for part, name, count, end in zip(parts, names, counts, ends, strict=True):
        heading, written = part.split("\n", maxsplit=1)
        printed = re.findall(r"(\d+)\W*([?.])'?", heading)
        assert printed == [(str(count[0]), "?"), (str(count[1]), ".")], "of each mark"
        assert name in heading and values(heading) == count
        assert written.strip() == end, "the last 200 characters"
    assert held_at(turning["asker"]) is FREE, "afterwards"


def test_nothing_is_held_after_an_interrupt(turning):
    def generate(network, *_):
        if held_at(network) == AS_ASKING:
            raise KeyboardInterrupt
        return ""

    turning["generate"] = generate
    with pytest.raises(KeyboardInterrupt):
        turning.run("turned")
    assert held_at(turning["asker"]) is FREE
