"""The lesson's cells after its training, with networks made by hand."""

import math
import re
import textwrap
from string import printable
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from notebooks import LESSON, by_hand, printed, read, values


def test_each_sample_is_of_its_heading_and_of_the_trained_network(lesson):
    generate = Mock(side_effect="{1}<{3}>".format)
    lesson.update(generate=generate, training_text="th vaccin th", PRIME_STR="th")
    headings = re.findall(r"T\W+([\d.]+)\W*\n.*<\1>", lesson.run("temperature-samples"))
    told = "Each sample is of the temperature above it; 0.3, 0.8, 1.3 are among these."
    assert {"0.3", "0.8", "1.3"} <= {*headings}, told
    assert generate.call_count == len(headings), told
    *parts, _ = lesson.run("primes").split("<0.5>")
    models, primes, lengths, _ = zip(*(call.args for call in generate.mock_calls))
    assert {*models} == {lesson["model"]}, "The samples are of the trained network."
    for prime, part in zip(primes[len(headings) :], parts, strict=True):
        assert part.endswith(prime) and repr(prime) in part and lengths[-1] == 33
        assert ["th vaccin th".count(prime)] in printed(part, "training text", 1), part


def test_what_is_expected_at_each_temperature_and_beside_what_was_read(lesson):
    """This network expects what it has just read, by 5 nats."""
    lesson["model"] = by_hand(lambda read, state: (5 * torch.eye(100)[read], state))
    out = lesson.run("temperature")
    temperatures = next(row for row in printed(out) if len(row) > 2)
    p = [pytest.approx(1 / (1 + 99 * np.exp(-5 / t)), abs=0.006) for t in temperatures]
    assert printed(out, "'t'") == [p], f"p('t') after “The test” at {temperatures}"
    pattern = r"(?m)^ *(\S.*?) [^\w\s]+ '(.)'.*?'(.)' +([\d.]+)"
    found = re.findall(pattern, lesson.run("predictions"))
    assert len(found) > 3, "one line at each point of the phrase"
    for (seen, follows, first, given), (longer, *_) in zip(found, found[1:]):
        assert seen + follows == longer, "what follows, in the phrase"
        assert (first, given) == (seen[-1], "0.60"), f"expected after {seen!r}"


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """After n of these characters, this network's loss is 10n nats."""

    def network(characters, state):
        """Go by how many have been read since a state of zeros."""
        n = (state or 0) + 1
        logits = torch.zeros(len(characters), 100)
        logits[range(len(characters)), (characters - 9) % 10 + 10] = 90
        logits[:, 99] = 90 + 10 * n
        return logits, n

    lesson.update(model=by_hand(network), test_text="jabcdefghi" * 50)
    lesson.run("context")
    (axes,) = lesson.figures["context"][0].axes
    sizes, nats = max((line.get_xydata() for line in axes.lines), key=len).T
    assert nats == pytest.approx(10 * sizes, abs=0.01), "the last n, read from zeros"
    assert len(lesson["following"]) == 100, "every fourth place of the test text"


def test_one_step_by_hand_and_the_solutions_of_exercises_2_and_6(lesson):
    sources = {cell.id: cell.source for cell in read(LESSON).cells}
    (solution,) = re.findall(r"(?m)^ +(\S.*lstm_step\(self.*)", sources["exercises"])
    (by_layer,) = re.findall(r"\S.*self\.lstm\(.*", sources["model"])
    lesson.run("train")
    expected = pytest.approx(lesson["losses"], abs=1e-4)
    lesson.cells["model"] = sources["model"].replace(by_layer, solution)
    for cell_id in ("by-hand", "model", "setup", "train"):
        lesson.run(cell_id)
    assert lesson["losses"] == expected, "Exercise 2: with its line, the same losses"
    ((rounding,),) = printed(lesson.run("by-hand"), "difference")
    lesson["model"].lstm.register_forward_hook(lambda _, x, new: (new[0], new[1] + 9))
    ((difference,),) = printed(lesson.run("by-hand"), "difference")
    assert rounding < 1e-4 and difference > 0.9, "to the layer, and to another one"

    (code,) = re.findall(r"(?s)\n( +@torch.no_grad.*?)\n +```", sources["exercises"])
    lesson.cells["exercise 6"] = textwrap.dedent(code).replace("77", "3")  # a unit
    given, expected = values(lesson.run("exercise 6")), []
    biases = lesson["model"].lstm.bias_hh.data[16:32]  # of the forget gates
    for units, bias in (([], 0), (3, 100), (slice(16), -100)):  # f is 1 in 3, then 0
        biases[units] = bias
        logits, _ = lesson["read_along"](lesson["model"], lesson["test_inputs"])
        loss = torch.nn.functional.cross_entropy(logits, lesson["test_targets"])
        expected.append(loss.item())
    assert given == pytest.approx(expected, abs=1e-4), "Exercise 6"
    h, c = torch.zeros(1, 16), -40 * torch.eye(1, 16)
    lesson["read_along"] = lambda *_: (None, (h, c))
    assert printed(lesson.run("by-hand"), "largest unit of c") == [[40]], "of c"


def test_the_loss_by_the_place_in_a_word_and_on_the_text(lesson):
    """Words are known in the very spelling in which the training text has them."""
    line = "catss zebra. Catss$"
    nats = "1234674567829456783"  # what each of these characters costs
    lines = "".join(f"{line}\x0b{n}\n" for n in range(10, 60))
    costs = [int(one) for one in nats + "9999"] * 50

    @by_hand
    def network(character, n):
        """Expect what comes next so much that its loss is its cost."""
        n = n or 0  # characters read
        p = math.exp(-costs[n])
        logits = torch.full((1, 100), -1e9)
        logits[0, 99] = math.log(1 - p)
        logits[0, lesson["test_targets"][n]] = math.log(p)
        return logits, n + 1

    lesson.update(training_text="A catss Zebra", test_text=" " + lines)
    lesson.run("setup")
    lesson["model"] = network
    out = lesson.run("loss-map")
    assert printed(out, "loss (nats)...1st...2nd...3rd...others...after"), "columns"
    told = "how many words; the mean losses of their letters, and of what follows"
    assert printed(out, "read in training", 6) == [[50, 1, 2, 3, 5, 7]], told
    assert printed(out, "new words", 6) == [[100, 4, 5, 6, 7.5, 2.5]], told
    lesson["training_text"] = lines
    costs[:] = [0.01] * len(costs)
    costs[777], costs[9] = 6, 8  # the first of these is painted
    assert re.search(r"0 new words( +nan){5}", lesson.run("loss-map")), "no new words"
    (axes,) = lesson.figures["loss-map"][0].axes
    (image,) = axes.images
    bright = image.to_rgba(image.get_array())[..., :3].mean(axis=-1).flatten()
    signs = {text.get_position(): text.get_text() for text in axes.texts}
    text = "".join(signs[n % 60, n // 60] for n in range(len(bright)))
    start = lines.translate(lesson["SIGNS"] | {10: "↵"}).index(text)
    dark = start + np.flatnonzero(bright < bright.max() - 0.01)
    assert list(dark) == [777], "Dark is what costs 6 nats, and no neighbor."
    assert 6 in values(axes.get_title()), "The title has the largest of this part."


def test_the_units_that_are_erased_at_a_sign(lesson):
    """They are chosen by 5,000 characters of training text, and shown on test text."""
    gates = {  # the forget gates of these units at a character; elsewhere, 0.95
        3: {" ": 0.02},
        5: {",": 0.06, "cd": 0.08, "dd": 0.08, "b": 0.09},  # "cd": at a d after a c
        6: {",": 0, "x": 0},  # drops less than 5, where there are many x
        7: dict.fromkeys(printable, 0),  # does not drop
        9: {".": 0, ",,": 0, "c": 0.2},  # 0.2: not erased
    }
    erased = [["90 of 90 ' '"], ["60 of 60 ','", "60 of 90 'd'"], ["30 of 30 '.'"]]
    text = "ab,, cd. dd? " * 30 + 40 * "y"
    training_text = text[:390] * 3 + 3830 * "x" + 50 * text  # x in the first 5,000
    painted = []

    def forget(unit, old, new):
        at = gates.get(unit, {})
        return at.get(old + new, at.get(new, 0.95))

    def gates_of(layer, x, h):
        """Return four gates; f goes by the character that is read, x, and h."""
        f = torch.tensor([forget(n, printable[h], printable[x]) for n in range(16)])
        return [gate[None] for gate in (f, 1 - f, f, f)]

    model = SimpleNamespace(embedding=lambda x: x)
    # its h is the character that it reads; each unit moves away from zero by its number
    model.lstm = lambda x, state: (x, state[1] - torch.arange(16))
    model.init_zero_state = lambda: (torch.tensor([0]), torch.zeros(1, 16))
    lesson.update(model=model, gates_of=gates_of, training_text=training_text)
    lesson.update(target_text=text, part=slice(50, 290))
    lesson["paint"] = lambda *given: painted.append(given)
    out = lesson.run("cell-state")
    rows = printed(out, "unit...there...elsewhere", 3)
    most = [re.findall(r"\d+ of \d+ '.'", line) for line in out.splitlines()]
    for n, (unit, sign) in enumerate(zip((3, 5, 9), " ,.")):
        f = np.array([forget(unit, *pair) for pair in zip("0" + text, text)])
        there = np.array([*text]) == sign
        row = [unit, f[there].mean(), f[~there].mean()]
        assert rows[n] == pytest.approx(row, abs=0.006), "unit; f there, elsewhere"
        assert most[n] == erased[n], "more often than not, and two at most"
        _, shown, far, _, title = painted[n]
        assert shown == text[50:290], "painted on the stretch"
        assert far.tolist() == [unit * k for k in range(51, 291)], "far from zero"
        assert values(title)[:2] == [unit, unit * 290], "unit, up to how far"
