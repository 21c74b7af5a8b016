"""The experiments, with networks whose answers are known beforehand; what is trained
on what is held by the transcript."""

import re
import string

import numpy as np
import pytest
import torch
from notebooks import numbers, values
from torch import nn


def as_text(indices):
    """Return the characters of indices, a tensor or a list."""
    return "".join(string.printable[index] for index in indices)


# --- `unread`


def test_the_curves_are_named_for_what_they_are(lab):
    """Here, a character costs 3 nats in the last tenth, and 2 in the other."""
    test_text = lab["text"][len(lab["text"]) * 9 // 10 :]

    def character_losses(model, inputs, targets):
        part = as_text(inputs) + as_text(targets[-1:])
        return torch.full((len(inputs),), 3.0 if part == test_text else 2.0)

    lab["character_losses"] = character_losses
    lab.run("table")
    lab.run("unread")
    (figure,) = lab.drawn("unread")
    curves, labels = figure.axes[0].get_legend_handles_labels()
    names = {"test|unread": 3.0, r"train|\bread": 2.0, "table": min(lab["tables"])}
    for words, height in names.items():
        at = [
            label
            for curve, label in zip(curves, labels)
            if set(curve.get_ydata()) == {height}
        ]
        assert len(at) == 1 and re.search(words, at[0]), (
            f"The curve at {height:.2f} should be named {words!r}, not {at}."
        )


# --- A text that needs a memory


def test_the_memory_is_measured_on_new_lines(lab):
    lab.run("memory-text")
    drawn, measured = lab.watch("draw_example"), lab.watch("character_losses")
    lab.run("memory")
    known = {line for (text, *_), _ in drawn for line in text.splitlines()}
    for (_, inputs, _), _ in measured:
        new = set(as_text(inputs).splitlines())
        assert not new & known, "The lines to measure on should be new to the network."


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
    lab["carriers"] = {nn.LSTM: network}
    lines = lab.run("transplant").splitlines()
    pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
    assert sorted(joined) == pairs, "(hidden state, cell state), of two lines each"
    counts = [values(line)[0] for line in lines if numbers(line)]
    assert counts == [27, 54, 9], (
        "The hidden state should come from one line, the cell state from the other, "
        "and each answer be counted for the line that it is from."
    )


# --- The lesson after its training


def test_the_bar_under_a_letter_has_its_probability(lesson):
    """At the temperature that stands above the bars."""
    logits = torch.zeros(100)
    logits[10:16] = torch.tensor([3.0, 6.0, 2.0, 5.0, 4.0, 1.0])  # a to f
    lesson["model"] = lambda character, state=None: (logits[None], None)
    lesson.run("temperature")
    (figure,) = lesson.drawn("temperature")
    figure.canvas.draw()  # or there would be no letters yet
    for axes in figure.axes:
        temperature = values(axes.get_title())[-1]
        p = torch.softmax(logits / temperature, dim=0)
        places = list(axes.get_xticks())
        letters = [label.get_text() for label in axes.get_xticklabels()]
        assert sorted(letters) == list("abcdef")
        for bar in axes.patches:
            letter = letters[places.index(bar.get_x() + bar.get_width() / 2)]
            expected = p[string.printable.index(letter)].item()
            assert bar.get_height() == pytest.approx(expected, abs=1e-4), (
                f"The bar under {letter} is not its probability at T = {temperature}."
            )


def test_predictions_show_what_follows_and_what_was_expected(lesson):
    """After n characters, this network expects the n-th letter."""
    read = []

    def network(character, state=None):
        read.append(as_text(character))
        logits = torch.zeros(1, 100)
        nth_letter = string.ascii_uppercase[len(read) - 1]
        logits[0, string.printable.index(nth_letter)] = 50
        return logits, None

    lesson["model"] = network
    lines = lesson.run("predictions").splitlines()
    assert len(lines) == len(read) > 1
    for line, letter, following in zip(lines, string.ascii_uppercase, read[1:]):
        assert f"{letter!r} 1.00" in line and repr(following) in line


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


# --- `counting`


def test_the_loss_as_it_is_and_with_the_numbers_cut_off(lesson):
    """After n characters, a number of this network's c is n, another one is -n, and the
    loss is 10 n. If they are cut off at 5 and -5 each time, they come to 6 and -6."""

    def network(character, state=None):
        c = torch.zeros(1, 16) if state is None else state[1].clone()
        c[0, 0] += 1
        c[0, 1] -= 1
        logits = torch.zeros(1, 100)
        logits[0, string.printable.index("~")] = 5 * (c[0, 0] - c[0, 1])  # not in text
        return logits, (c, c)

    lesson["model"] = network
    *_, as_it_is, cut_off = lesson.run("counting").splitlines()
    found = [values(as_it_is)[-1], values(cut_off)[-1]]
    n = np.arange(1, 21)
    expected = [np.mean(10 * n), np.mean(10 * n.clip(max=6))]
    assert found == pytest.approx(expected, abs=0.01)
