"""The text: how it is read, held back, cut into portions, and written."""

import math
import re
from string import digits

import numpy as np
import pytest
import torch
from notebooks import LESSON, Notebook, as_text, by_hand, parrot, printed, values
from torch.nn import functional as F


def test_how_the_text_is_read_and_its_last_tenth_held_back(fresh):
    original = "\ufeff‘a’ ‚b‘ “c” „d“ a‐b‑c–d—e−f • café cafe\u0301 1½ … x² ﬁn"
    original += " a \u00a0b\u202fc\n\t你好 мир 🙂"
    converted = "'a' 'b' \"c\" \"d\" a-b-c-d-e-f * cafe cafe 11/2 ... x2 fin a b c\n\t "
    assert fresh["to_printable"](original) == converted
    text, cut = fresh["text"], len(fresh["text"]) * 9 // 10
    assert fresh["training_text"] == text[:cut]
    out = fresh.out["text"]
    assert [len(fresh["original"]), len(text)] in printed(out, "read...kept", 2)
    assert [cut, len(text) - cut] in printed(out, "train...test", 2)
    assert fresh["test_text"] == text[cut:]
    assert as_text(fresh["test_inputs"]) == text[cut:-1]
    assert as_text(fresh["test_targets"]) == text[cut + 1 :], "of the test loss"


def test_a_text_that_is_refused_replaces_nothing(tmp_path):
    notebook, file = Notebook(LESSON, "text"), tmp_path / "own.txt"
    before, size = dict(notebook), "TEXT_PORTION_SIZE.* 2789"
    short, own, mir = "x" * 2900, "x" * 3100, "мир x" * 9000  # most of it is dropped
    cases = (short, 200, "3,000"), (mir, 9, "Latin"), (own, 2790, size), (own, 0, size)
    for text, portion, named in cases:
        file.write_text(text, encoding="utf-8")
        notebook.update(TEXT_FILE=str(file), TEXT_PORTION_SIZE=portion)
        with pytest.raises(ValueError, match=named):
            notebook.run("text")
            pytest.fail(f"{len(text)} characters, portions of {portion}: refuse it.")
        for name in ("training_text", "test_text"):
            assert notebook[name] == before[name], f"Refused, but it replaces {name}."
    notebook["TEXT_PORTION_SIZE"] = 2789
    notebook.run("text")
    assert notebook["training_text"] == "x" * 2790, "3,100 characters are enough."


def test_each_input_stands_beside_its_target(lesson):
    assert as_text(lesson["inputs"]).split()[0] in lesson.out["portions"]
    assert [10, 11, 12, 94] in printed(lesson.out["alphabet"], "'abc ", 4), "indices"
    indices = lesson["char_to_tensor"]("abcdefghij")
    lesson.update(inputs=indices[:-1], targets=indices[1:])
    rows = [row for row in lesson.run("shift").splitlines() if "'" in row]
    assert len(rows) > 3 and printed(lesson.out["shift"], "input...target"), "heading"
    for n, row in enumerate(rows):
        assert re.findall("'(.)'", row) == list("abcdefghij"[n : n + 2]), row
        assert values(row) == [n + 10, n + 11], f"{row}, but a is 10, b is 11, ..."


def test_the_losses_before_the_training(small):
    """Of an untrained network, and of counts: half of the characters are "a"."""
    read = small.get("read_along", lambda model, inputs: model(inputs))
    logits, _ = read(small["untrained"], small["inputs"])
    nats = pytest.approx(F.cross_entropy(logits, small["targets"]).item(), abs=0.006)
    out = small.out["step"] + small.out.get("read-along", "")
    assert [nats] in printed(out, "loss", 1), "the mean loss of the portion"
    small["training_text"], log = "abac" * 100, math.log
    out = small.run("baselines")
    for words, nats in zip(small["baselines"], (log(100), 1.5 * log(2), log(2) / 2)):
        row = [pytest.approx(nats, abs=0.01), pytest.approx(math.exp(nats), abs=0.06)]
        told = f"{words}, in the training text: nats, and the perplexity, {row}"
        assert row in printed(out, f"{words}...nats...perplexity", 2), told


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(fresh, portion_size):
    rng = np.random.default_rng(0)
    drawn = [fresh["draw_example"](digits, portion_size, rng) for _ in range(500)]
    for inputs, targets in drawn:
        assert len(inputs) == portion_size and as_text(inputs) in digits, "a portion"
        assert torch.equal(targets, inputs + 1), "A target is what follows its input."
    starts = {inputs[0].item() for inputs, _ in drawn}
    assert starts == set(range(10 - portion_size)), "A portion can start anywhere."


def test_what_is_written_follows_from_all_before_it(fresh):
    """This model knows five letters, each likelier than the next; which comes first
    moves on with each character that it reads. Controls stay as they are."""
    five = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])

    def moving(characters, state):
        assert not torch.is_grad_enabled(), "Writing should store no gradients."
        n = (state or 0) + len(characters)
        logits = torch.full((len(characters), 100), -torch.inf)
        logits[-1, 10:15] = five.roll(n)
        return logits, n

    torch.manual_seed(0)
    written = fresh["generate"](by_hand(moving), "\t\r\x0b\x0c\n", 5000, 0.5)
    assert written.startswith("\t\r\x0b\x0c\n") and len(written) == 5005
    places = [("abcde".index(char) - n) % 5 for n, char in enumerate(written) if n > 4]
    shares = [places.count(place) / 5000 for place in range(5)]
    expected = pytest.approx(torch.softmax(five / 0.5, dim=0).tolist(), abs=0.03)
    assert shares == expected, "as often as the softmax of logits / T says"


def test_what_cannot_be_written_is_refused(fresh):
    cases = ("th", 0, "."), ("th", -0.5, "."), ("", 0.8, "."), ("é", 1, "é")
    for prime, temperature, named in cases:
        told = f"Refuse the prime {prime!r} at T = {temperature}, in one sentence."
        with pytest.raises(Exception, match=named) as raised:
            fresh["generate"](parrot(torch.zeros(100)), prime, 5, temperature)
            pytest.fail(told)
        assert raised.type is ValueError, told
