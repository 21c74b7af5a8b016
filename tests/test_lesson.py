"""The lesson's cells after its training, with networks made by hand."""

import re
import textwrap
from itertools import accumulate
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
    told = f"p('t') after “The test”, at the temperatures {temperatures}: {p}"
    assert printed(out, "'t'") == [p], told
    pattern = r"(?m)^ *(\S.*?) [^\w\s]+ '(.)'.*?'(.)' +([\d.]+)"
    found = re.findall(pattern, lesson.run("predictions"))
    assert len(found) > 3, "one line at each point of the phrase"
    for (seen, follows, first, given), (longer, *_) in zip(found, found[1:]):
        assert seen + follows == longer, "what follows, in the phrase"
        assert (first, given) == (seen[-1], "0.60"), f"expected after {seen!r}"


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """After n of these characters, this network's loss is 10n nats."""

    def network(characters, state):
        n = (state or 0) + 1
        logits = torch.zeros(len(characters), 100)
        logits[range(len(characters)), (characters - 9) % 10 + 10] = 90
        logits[:, 99] = 90 + 10 * n
        return logits, n

    lesson.update(model=by_hand(network), test_text="jabcdefghi" * 50)
    lesson.run("context")
    (axes,) = lesson.figures["context"][0].axes
    sizes, nats = max((line.get_xydata() for line in axes.lines), key=len).T
    told = "The loss at n is that of the last n characters, read from a state of zeros."
    assert nats == pytest.approx(10 * sizes, abs=0.01), told
    assert len(lesson["following"]) == 100, "every fourth place of the test text"


def test_the_solutions_of_exercises_2_and_5(lesson):
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
    forward, one = lesson["model"].lstm.forward, torch.eye(1, 16)  # in one unit
    lesson["model"].lstm.forward = lambda *args: [new + one for new in forward(*args)]
    ((difference,),) = printed(lesson.run("by-hand"), "difference")
    assert rounding < 1e-4 and difference > 0.9, "to the layer, and to another one"
    (code,) = re.findall(r"(?s)( +def longest_copy.*?)\n +```", sources["exercises"])
    exec(textwrap.dedent(code), lesson)
    lesson["training_text"] = "the cat sat on the mat"
    assert lesson["longest_copy"]("on a cat sat") == " cat sat", "Exercise 5"


def test_the_loss_by_the_place_in_a_word_and_on_the_text(lesson):
    """ "Catss" is new to a training text that has "catss"."""
    line = "catss zebra. Catss$"
    nats = "1234674567829456783"  # what each of these characters costs
    lines = "".join(f"{line}\x0b{n}\n" for n in range(10, 60))
    costs = torch.tensor([float(one) for one in nats + "9999"] * 50)

    @by_hand
    def network(character, n):
        n = n or 0  # characters read
        logits = torch.full((1, 100), -1e9)
        logits[0, 99] = torch.log(torch.expm1(costs[n]))
        logits[0, lesson["test_targets"][n]] = 0
        return logits, n + 1

    lesson.update(training_text="A catss", test_text=" " + lines)
    lesson.run("setup")
    lesson["model"] = network
    out = lesson.run("loss-map")
    assert printed(out, "1st...2nd...3rd...others...after"), "columns, in this order"
    told = "how many words; the mean losses of their letters, and of what follows"
    assert printed(out, "read in training", 6) == [[50, 1, 2, 3, 5, 7]], told
    assert printed(out, "new words", 6) == [[100, 4, 5, 6, 7.5, 2.5]], told
    lesson["training_text"] = lines
    costs[:], costs[777], costs[9] = 0.01, 6, 8  # 777 is painted, 9 is not
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
        5: {",": 0.06, "cd": 0.08, "b": 0.2},  # "cd": at a d after a c
        6: {",": 0, "x": 0},  # drops less than 5, where there are many x
        7: dict.fromkeys(printable, 0),  # does not drop
        9: {".": 0, "?": 0},
    }

    def forget(unit, old, new):
        at = gates.get(unit, {})
        return at.get(old + new, at.get(new, 0.95))

    def gates_of(layer, x, h):
        f = [forget(unit, printable[h], printable[x]) for unit in range(16)]
        return [torch.tensor([f])]

    def lstm(x, state):  # its h is the character that it reads, its c is f * c - 1
        return x, gates_of(None, x, state[0])[0] * state[1] - 1

    zeros = torch.tensor([0]), torch.zeros(1, 16)
    model = SimpleNamespace(embedding=lambda x: x, lstm=lstm)
    model.init_zero_state = lambda: zeros
    text, painted = "ab,, cd. dd? " * 30 + 40 * "y", []
    training_text = 250 * "xxxxxxab,, cd. dd? a" + 50 * text  # x in the first 5,000
    lesson.update(model=model, gates_of=gates_of, training_text=training_text)
    lesson.update(target_text=text, part=slice(50, 290))
    lesson["paint"] = lambda *given: painted.append(given)
    rows = printed(lesson.run("cell-state"), "unit...there...elsewhere...erased")
    panels = lesson.figures["cell-state"][0].axes
    assert len(rows) == len(painted) == 3, "a line and a picture for each sign"
    erased = {3: [90, 90], 5: [60, 60, 30, 90], 9: [30, 30, 30, 30]}  # at n of all
    for n, (unit, sign) in enumerate(zip(erased, " ,.")):
        f = np.array([forget(unit, *pair) for pair in zip("0" + text, text)])
        there = np.array([*text]) == sign
        row = [unit, f[there].mean(), f[~there].mean(), *erased[unit]]
        told = f"unit {unit}, {sign!r}: f there, and elsewhere; erased at n of all"
        assert rows[n][: len(row)] == pytest.approx(row, abs=0.006), told
        axes, shown, far, _, title = painted[n]
        c = [*accumulate(f, lambda c, gate: gate * c - 1, initial=0)][51:291]
        assert axes is panels[n] and shown == text[50:290], "painted on the stretch"
        assert far == pytest.approx(-np.array(c), abs=1e-3), "how far it is from zero"
        assert values(title)[:2] == [unit, round(-min(c))], "unit, up to how far"
    lesson["target_text"] = text.replace(".", "d")
    lesson["training_text"] = training_text.replace(",", "d")
    told = "Signs that one of the texts lacks are left out."
    assert printed(lesson.run("cell-state"), "unit...there", 1) == [[3]], told
