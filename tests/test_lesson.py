"""The lesson's cells after its training, with networks made by hand."""

import re

import numpy as np
import pytest
import torch
from notebooks import as_text, curves, values


def test_each_sample_is_of_its_heading_and_of_the_trained_network(lesson):
    asked = []

    def generate(model, prime_str, predict_len, temperature):
        assert model is lesson["model"]
        asked.append((prime_str, temperature))
        return f"{prime_str}<{temperature}>"

    lesson.update(generate=generate, training_text="th vaccin th", PRIME_STR="th")
    headings = re.findall(r"T = ([\d.]+)\n.*<\1>", lesson.run("temperature-samples"))
    assert len(headings) == len(asked), "Each sample is of the temperature above it."
    assert {"0.3", "0.8", "1.3"} <= set(headings), "as the prose says"
    *parts, _ = lesson.run("primes").split("<0.5>")
    for (prime, _), part in zip(asked[len(headings) :], parts, strict=True):
        assert part.endswith(prime) and repr(prime) in part
        assert lesson["training_text"].count(prime) in values(part), part


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """In this test text, "b" follows "a", and so on. This network expects what follows,
    and after n characters, by 10n nats more, something that never does."""
    num_places = []

    def network(characters, state=None):
        n = (state or 0) + 1
        logits = torch.zeros(len(characters), 100)
        logits[range(len(characters)), (characters - 9) % 10 + 10] = 90
        logits[:, 99] = 90 + 10 * n
        num_places.append(len(characters))
        return logits, n

    lesson.update(model=network, test_text="jabcdefghi" * 50)
    lesson.run("context")
    sizes, nats = curves(lesson.figures["context"][0].axes[0])["this network"]
    expected = [10 * n for n in sizes]
    assert list(nats) == pytest.approx(expected, abs=0.01), "for the next character"
    assert set(num_places) == {100}, "every fourth place of the test text"


def test_what_is_left_of_two_pasts_and_where_it_shows(lesson):
    """This network knows its past by 6 of 16 units of c, of which 2 are small. It shows
    that in one unit of h, and in what it expects, for ten characters."""
    read = []

    def network(characters, state=None):
        read.append(as_text(characters))
        n = len(read)
        past = torch.arange(40) // 20  # 0 in one text of each pair, 1 in the other
        h, c, logits = torch.zeros(40, 16), torch.zeros(40, 16), torch.zeros(40, 100)
        c[:, :4] = 50 + 40 * past[:, None]
        c[:, 4:6] = 0.5 * past[:, None]
        c[:, 15] = n
        if n <= 110:
            h[:, 0] = past
            logits[range(40), past] = 50
        return logits, (h, c)

    letters = np.random.default_rng(0).choice(list("abcdefgh"), 900)
    lesson.update(model=network, test_text="".join(letters))
    lesson.run("keeps")
    texts = ["".join(text) for text in zip(*read)]
    for a, b in zip(texts[:20], texts[20:]):
        assert a[:100] != b[:100] and a[100:] == b[100:], "pasts, then the same"
        assert a[:100] in lesson["test_text"] and a[100:] in lesson["test_text"]
    left, right = lesson.figures["keeps"][0].axes
    expected = {"c": [37.5, 37.5], "tanh(c)": [12.5, 12.5], "h": [6.25, 0]}
    for name, (before, after) in (expected | {"predictions": [100, 0]}).items():
        x, y = curves(left)[name]
        assert x == list(range(1, 101)), "same characters read"
        assert y == pytest.approx([before] * 10 + [after] * 90), name
    assert list(right.lines[15].get_ydata()) == list(range(1, 201)), "a unit of c"
