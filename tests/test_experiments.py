"""The experiments, with networks whose answers are known beforehand; what is trained
on what is held by the transcript."""

import functools
import math
import re
import string
from collections import Counter

import numpy as np
import pytest
import torch
from notebooks import numbers, rows, values
from torch import nn


def as_text(indices):
    """Return the characters of indices, a tensor or a list."""
    return "".join(string.printable[index] for index in indices)


def legend(axes):
    """Return {name: [list of x, list of y]} for the named curves of axes."""
    curves, names = axes.get_legend_handles_labels()
    return {
        name: [list(curve.get_xdata()), list(curve.get_ydata())]
        for curve, name in zip(curves, names)
    }


# --- `unread`


def test_the_losses_at_the_end_are_named_for_what_they_are(lab):
    """Here, a character costs 3 nats in the last tenth and 2 in the other, and later 1
    more. At the end is not at its best."""
    test_text = lab["text"][len(lab["text"]) * 9 // 10 :]
    measured = []

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs) + as_text(targets[-1:]) == test_text)
        return torch.full((len(inputs),), 2.0 + measured[-1] + (len(measured) > 2))

    lab.update(character_losses=character_losses, NUM_ITER=30)
    lab.run("table")
    best = min(lab["tables"])
    printed = re.findall(r"(training|test|table)\D*(\d\.\d\d)", lab.run("unread"))
    expected = [("training", "3.00"), ("test", "4.00"), ("table", f"{best:.2f}")]
    assert sorted(printed) == sorted(expected), "the losses after the last iteration"
    curves = legend(lab.figures["unread"][0].axes[0])
    names = {"network.*test": [3, 4], "network.*train": [2, 3], "table": [best] * 2}
    for words, heights in names.items():
        (name,) = (name for name, points in curves.items() if points[1] == heights)
        assert re.search(words, name), f"{name!r} should be named {words!r}."


# --- `table-writes`


def test_a_table_gives_the_characters_a_probability_of_1_together(lab):
    lab.run("table")
    for context in ("", "t", "cat", "xyz", "zat sat on"):
        p = [
            lab["table_probability"](lab["seen"], context, char)
            for char in string.printable
        ]
        assert sum(p) == pytest.approx(1) and min(p) > 0
    nats = lab["table_loss"](Counter(), "A test text.", 3)  # a table of nothing
    assert nats == pytest.approx(math.log(100)), "The loss should be a mean."


@pytest.mark.parametrize("seed", range(4))
def test_one_of_the_two_is_written_by_the_table_and_one_by_the_network(lab, seed):
    """In an order that depends on the seed. In this text, each letter has one that
    follows, so the table follows the text."""
    asked = []

    def generate(model, prime_str, predict_len, temperature):
        asked.append((model, prime_str, predict_len, temperature))
        return f"{prime_str}the network's"

    lab.update(text="abcdefg" * 400, reader=object(), generate=generate)
    lab["RANDOM_SEED"] = seed
    lab.run("table")
    _, first, second = lab.run("table-writes").split("---")
    ((model, prime, num_written, temperature),) = asked
    assert model is lab["reader"] and temperature == 1
    assert [first.split()[0], second.split()[0]] == ["A", "B"]
    by_network = [part for part in (first, second) if "the network's" in part]
    by_table = [part for part in (first, second) if part not in by_network]
    assert len(by_network) == len(by_table) == 1
    written = by_table[0].partition(prime)[2].strip()
    assert len(written) == num_written, "Both should write as much, after one prime."
    assert written[10:] in lab["text"]
    assert lab["by_table"] in by_table[0], "The fold tells the reader to print it."


# --- A text that needs a memory


def test_the_memory_is_measured_on_new_lines_and_each_layer_writes(lab):
    """Here, a character costs 1 nat, and one that follows a space 15."""
    lab.run("memory-text")
    drawn, measured = lab.watch("draw_example"), []

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs))
        return 1 + 14.0 * (inputs == string.printable.index(" "))

    def generate(model, *_):
        return f"\nwritten by {type(model.recurrent).__name__}"

    lab.update(character_losses=character_losses, generate=generate)
    out = lab.run("memory")
    known = {line for (text, *_), _ in drawn for line in text.splitlines()}
    new = {line for text in measured for line in text.splitlines()}
    assert not new & known, "The lines to measure on should be new to the network."
    costs = re.findall(r"(second|all)\D*(\d+\.\d\d)", out)
    assert costs == [("second", "15.00"), ("all", "2.00")] * 2, "Each should be named."
    layers = re.findall(r"LSTM|RNN", out)
    assert layers == ["LSTM", "LSTM", "RNN", "RNN"], "A sample of the other layer."


def test_a_transplant_whose_answer_is_known(lab):
    """Both vectors of this network's state hold the last digit that it has read. It
    goes by the hidden state where that is 0, 1, or 2, by neither where it is 3, and
    otherwise by the cell state."""
    joined = []

    def network(characters, state=None):
        logits = torch.zeros(len(characters), 100)
        if state is None:
            last = re.findall(r"\d", as_text(characters))[-1]
            vector = torch.tensor([[float(last)]])
            return logits, (vector, vector)
        hidden, cell = (int(vector) for vector in state)
        joined.append((hidden, cell))
        expected = "x" if hidden == 3 else str(hidden if hidden < 3 else cell)
        logits[-1, string.printable.index(expected)] = 1
        return logits, state

    lab.run("memory-text")
    lab.update(carriers={nn.LSTM: network}, costs={nn.LSTM: 0.5})
    lines = lab.run("transplant").splitlines()
    assert "not" not in lines[0], "This network has learned the digit."
    pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
    assert sorted(joined) == pairs, "(hidden state, cell state), of two lines each"
    counts = [values(line)[0] for line in lines if numbers(line)]
    assert counts == [27, 54, 9], (
        "The hidden state should come from one line, the cell state from the other, "
        "and each answer be counted for the line that it is from."
    )
    lab["costs"] = {nn.LSTM: 1.1}
    assert "not learned" in lab.run("transplant"), "There is no digit to follow."


# --- The lesson after its training


def test_each_bar_has_the_probability_of_its_letter(lesson):
    """At the temperature that stands above, and in order; so do the numbers beside."""
    logits = torch.zeros(100)
    logits[10:16] = torch.tensor([3.0, 6.0, 2.0, 5.0, 4.0, 1.0])  # a to f
    lesson["model"] = lambda character, state=None: (logits[None], None)
    out = lesson.run("temperature").splitlines()
    (figure,) = lesson.figures["temperature"]
    figure.canvas.draw()  # or there would be no letters yet
    letters = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert letters == list("bdeacf"), "the likeliest first"
    for line, axes in zip(out, figure.axes, strict=True):
        temperature = values(axes.get_title())[-1]
        p = torch.softmax(logits / temperature, dim=0)
        expected = [p[string.printable.index(letter)].item() for letter in letters]
        (bars,) = axes.containers
        assert list(bars.datavalues) == pytest.approx(expected, abs=1e-4)
        labels = [float(text.get_text()) for text in axes.texts]
        assert labels == pytest.approx(expected, abs=0.006), "beside the bars"
        assert axes.get_xlabel() == "probability"
        assert values(line)[0] == temperature
        assert values(line)[-1] == pytest.approx(sum(expected), abs=0.006)


def test_a_sample_of_each_temperature_stands_under_it(lesson):
    lesson["generate"] = lambda model, prime_str, n, temperature: f"<{temperature}>"
    parts = lesson.run("temperature-samples").split("---")[1:]
    found = [re.findall(r"(?<=T = )[\d.]+|(?<=<)[\d.]+", part) for part in parts]
    assert len({heading for heading, _ in found}) == len(parts) == 3
    assert all(heading == sample for heading, sample in found)


def test_predictions_show_what_follows_and_what_was_expected(lesson):
    """After n characters of the words, this network expects the n-th letter."""
    read = []

    def network(character, state=None):
        read.append(as_text(character))
        logits = torch.zeros(1, 100)
        place = len("".join(read).lstrip())  # a blank line comes before the words
        logits[0, string.printable.index(" ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place])] = 50
        return logits, None

    lesson["model"] = network
    lines = lesson.run("predictions").splitlines()
    words = "".join(read).removeprefix("\n\n")
    assert len(lines) == len(words) > 1
    for n, line in enumerate(lines, start=1):
        expected = f"{string.ascii_uppercase[n - 1]!r} 1.00"
        assert words[:n] in line and expected in line
        assert n == len(words) or repr(words[n]) in line, "what follows"


def test_each_prime_begins_its_sample(lesson):
    """And above it stands how often that prime occurs in the text."""
    primes = []

    def generate(model, prime_str, *_):
        assert model is lesson["model"]
        primes.append(prime_str)
        return f"{prime_str}<sample>"

    lesson["generate"] = generate
    *parts, _ = lesson.run("primes").split("<sample>")
    assert len(set(primes)) == len(primes) == len(parts) >= 3, "several, all different"
    for prime, part in zip(primes, parts):
        assert part.endswith(prime), f"The sample should begin with {prime!r}: {part!r}"
        assert str(lesson["text"].count(prime)) in numbers(part), (
            f"{prime!r} is not the prime whose count stands above its sample: {part!r}"
        )


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """This network counts what it has read since the zero state. What it expects costs
    about ten nats per character read, after the last one and in all 500 portions."""

    def network(characters, state=None):
        state = torch.zeros(len(characters)) if state is None else state
        logits = torch.zeros(len(characters), 100)
        logits[:, string.printable.index("~")] = 10 * (state + 1)  # not in the text
        return logits, state + 1

    lesson["model"] = network
    found = [values(line) for line in lesson.run("context").splitlines()]
    sizes = [n for n, _ in found]
    assert sizes[0] == 1 and sizes[-1] == 100
    assert [nats for _, nats in found] == pytest.approx(
        [10 * n for n in sizes], abs=0.01
    )
    (axes,) = lesson.figures["context"][0].axes
    (network,) = (y for name, (_, y) in legend(axes).items() if "network" in name)
    assert network == pytest.approx([10 * n for n in sizes], abs=0.01)


# --- `past` and `counting`


@pytest.mark.parametrize("keeps, lasts", [(True, 110), (True, 200), (False, 100)])
def test_what_is_left_of_the_past_and_where_it_shows(lesson, keeps, lasts):
    """This network knows the past that it began with by 8 numbers of c. Two numbers of
    h, and what it expects, depend on it until it has read `lasts` characters. If it
    keeps nothing, nothing is left."""
    pasts = []  # what was read from the zero state on

    @functools.cache
    def after(num_read, past, last):
        h, c, logits = torch.zeros(1, 16), torch.zeros(1, 16), torch.zeros(1, 100)
        c[0, :8] = 50 + past
        c[0, 14], c[0, 15] = last, num_read
        if num_read <= lasts:
            h[0, :2] = torch.tensor([past, -past])
        logits[0, 10 + int(h[0, 0])] = 50
        return logits, (h, c)

    def network(character, state=None):
        if state is None:
            pasts.append("")
            return after(1, len(pasts) % 2, int(character))
        num_read, past = int(state[1][0, 15]), int(state[1][0, 5]) - 50
        if num_read < 100:
            pasts[-1] += as_text(character)
        known = past if keeps or num_read < 100 else 0
        return after(num_read + 1, known, int(character))

    lesson["model"] = network
    out = lesson.run("past")
    assert len(set(pasts)) > len(pasts) / 2, "The two of a pair should be different."
    heading = re.findall(r"\bc\b|\bh\b", out)
    assert heading == ["c", "h"], "the heading of the columns"
    for same, row in rows(out, ["c", "h", "predictions"]).items():
        shown = [2, 1] if 100 + int(same) <= lasts else [0, 0]
        assert list(row.values()) == [8 if keeps else 0, *shown], f"after {same}"


def test_the_loss_as_it_is_and_with_the_numbers_cut_off(lesson):
    """After n characters, a number of this network's c is n, another one is -n, and the
    loss is 10 n. If they are cut off at 5 and -5 each time, they come to 6 and -6."""

    def network(characters, state=None):
        c = torch.zeros(len(characters), 16) if state is None else state[1].clone()
        c[:, 0] += 1
        c[:, 1] -= 1
        logits = torch.zeros(len(c), 100)
        logits[:, string.printable.index("~")] = 5 * (c[:, 0] - c[:, 1])  # not in text
        return logits, (c, c)

    lesson["model"] = network
    out = lesson.run("counting")
    assert values(out.splitlines()[0]) == [100, 2, 50, -50, 14, 5], "far, and near zero"
    *_, as_it_is, cut_off = out.splitlines()
    n = np.arange(1, 201)
    expected = [np.mean(10 * n), np.mean(10 * n.clip(max=6))]
    found = [values(as_it_is)[-1], values(cut_off)[-1]]
    assert found == pytest.approx(expected, abs=0.01), (
        "The last two lines should give the mean loss as they are, and cut off."
    )
    (axes,) = lesson.figures["counting"][0].axes
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert list(range(101)) in drawn and [0, 100] in drawn, "numbers, and limits"
