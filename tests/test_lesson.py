"""The lesson's cells after its training, with networks made by hand."""

import re
import string

import numpy as np
import pytest
import torch
from notebooks import as_text, legend, numbers, rows, values


def test_each_bar_has_the_probability_of_its_letter(lesson):
    """At the temperature that stands above; so do the numbers beside."""
    logits = torch.zeros(100)
    logits[10:16] = torch.tensor([3.0, 6.0, 2.0, 5.0, 4.0, 1.0])  # a to f
    lesson["model"] = lambda character, state=None: (logits[None], None)
    out = lesson.run("temperature").splitlines()
    (figure,) = lesson.figures["temperature"]
    figure.canvas.draw()  # or there would be no letters yet
    letters = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    places = [string.printable.index(letter) for letter in letters]
    for line, axes in zip(out, figure.axes, strict=True):
        temperature = values(axes.get_title())[-1]
        expected = torch.softmax(logits / temperature, dim=0)[places].tolist()
        bars = list(axes.containers[0].datavalues)
        assert bars == pytest.approx(expected, abs=1e-4), "A bar has another letter."
        labels = [float(text.get_text()) for text in axes.texts]
        assert labels == pytest.approx(expected, abs=0.006), "beside the bars"
        found = values(line)[0], values(line)[-1]
        assert found == pytest.approx((temperature, sum(expected)), abs=0.006)


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
    for n, line in enumerate(lines):
        assert words[: n + 1] in line, "what was read"
        assert f"{string.ascii_uppercase[n]!r} 1.00" in line, "what is expected then"
        assert n + 1 == len(words) or repr(words[n + 1]) in line, "what follows"


def test_each_prime_begins_its_sample(lesson):
    primes = []

    def generate(model, prime_str, *_):
        assert model is lesson["model"]
        primes.append(prime_str)
        return f"{prime_str}<sample>"

    lesson["generate"] = generate
    *parts, _ = lesson.run("primes").split("<sample>")
    assert len(set(primes)) == len(primes) == len(parts) >= 3, "several, all different"
    for prime, part in zip(primes, parts):
        assert part.endswith(prime) and repr(prime) in part
        assert str(lesson["text"].count(prime)) in numbers(part), part


def test_the_loss_by_how_many_characters_are_seen(lesson):
    read = []

    def network(characters, state=None):
        read.append(as_text(characters))
        state = torch.zeros(len(characters)) if state is None else state
        logits = torch.zeros(len(characters), 100)
        logits[:, string.printable.index("~")] = 10 * (state + 1)  # not in the text
        return logits, state + 1

    lesson["model"] = network
    found = [values(line) for line in lesson.run("context").splitlines()]
    assert [found[0][0], found[-1][0]] == [1, 100]
    for n, nats in found:
        assert nats == pytest.approx(10 * n, abs=0.01)
    ends = np.cumsum([int(n) for n, _ in found]) - 1
    assert len({read[end] for end in ends}) == 1, "Each should read up to the end."
    drawn = legend(lesson.figures["context"][0].axes[0])["network"]
    assert np.allclose(drawn, np.transpose(found), atol=0.01)


@pytest.mark.parametrize("keeps, lasts", [(8, 110), (0, 100)])
def test_what_is_left_of_the_past_and_where_it_shows(lesson, keeps, lasts):
    """This network knows its past by `keeps` numbers of c, and shows it in h and in
    what it expects until it has read `lasts` characters."""
    pasts = []  # what was read from the zero state on

    def network(character, state=None):
        if state is None:
            pasts.append("")
            state = None, torch.tensor([0.05 * (len(pasts) % 2), 0.0])[None]
        h, c, logits = torch.zeros(1, 16), torch.zeros(1, 16), torch.zeros(1, 100)
        past, num_read = state[1][0, 0], int(state[1][0, 1]) + 1  # 0.05 does not count
        if num_read <= 100:
            pasts[-1] += as_text(character)
        c[0, 0], c[0, 1], c[0, 2 : 2 + keeps] = past, num_read, 90 * past
        if num_read <= lasts:
            h[0, :2] = torch.tensor([20 * past, -20 * past])
        logits[0, 10 + round(h[0, 0].item())] = 50
        return logits, (h, c)

    lesson["model"] = network
    out = lesson.run("past")
    assert len(set(pasts)) > len(pasts) / 2, "The two of a pair should be different."
    assert re.findall(r"\bc\b|\bh\b", out) == ["c", "h"], "the heading of the columns"
    for same, row in rows(out, ["c", "h", "predictions"]).items():
        shown = [2, 1] if 100 + int(same) <= lasts else [0, 0]
        assert list(row.values()) == [keeps, *shown], f"after {same}"


def test_the_loss_as_it_is_and_with_the_numbers_cut_off(lesson):
    """After n characters, two numbers of c are n and -n, or if cut off, 6 and -6; the
    loss is ten times that."""

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
    assert found == pytest.approx(expected, abs=0.01), "as they are, and cut off"
