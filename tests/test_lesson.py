"""The lesson's cells after its training, with networks made by hand."""

import math
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


def test_what_an_untrained_network_predicts(lesson):
    logits, _ = lesson["read_along"](lesson["untrained"], lesson["char_to_tensor"]("t"))
    assert not logits.requires_grad, "Reading along should store no gradients."
    num_weights = 100 * 12 + 4 * 16 * (12 + 16 + 2) + 100 * (16 + 1)
    assert [num_weights] in printed(lesson.out["step"], "weights", 1), "all layers"
    p = torch.softmax(logits[0], dim=-1)[printable.index("h")].item()
    row = [pytest.approx(p, abs=1e-4), pytest.approx(-math.log(p), abs=0.006)]
    assert row in printed(lesson.out["step"], "p('h')...loss", 2), "p(“h”), its loss"


def test_what_counts_for_longer_contexts_reach(lesson):
    lesson["training_text"] = digits = str(3**2000)
    rows = dict(printed(lesson.run("counts"), "training text...nats", 2))
    for length in (2, 8):
        nats = pytest.approx(lesson["counting_loss"](digits, length), abs=0.006)
        assert rows.get(length) == nats, f"training text, counts for {length}: {nats}"


def test_what_each_baseline_writes(lesson):
    lesson["training_text"] = "abcabcabcabd" * 70
    headed = r"(?s)(uniform|frequencies|previous).*?\n(.*?)\n\n"
    written = dict(re.findall(headed, lesson.run("baselines-write")))
    uniform, frequent, chain = map(written.get, ("uniform", "frequencies", "previous"))
    told = "any of 100 characters; a, b, c, d, as often as they occur"
    assert len({*uniform}) > 20 > len({*frequent}) and "ba" in frequent, told
    often, seldom, never = (chain.count(pair) for pair in ("bc", "bd", "ba"))
    assert often > seldom > 0 == never, f"“bc” often, “bd” seldom, no “ba”: {chain!r}"


def test_what_is_expected_at_each_temperature_and_beside_what_was_read(lesson):
    """This network expects what it has read, the more, the shorter ago it was."""

    @by_hand
    def network(character, state):
        logits = 5 * torch.eye(100)[character] + (0 if state is None else 0.6 * state)
        return logits, logits

    def after(text, char, temperature=1):
        indices = lesson["char_to_tensor"]("\n\n" + text)
        logits, _ = lesson["read_along"](network, indices)
        p = torch.softmax(logits[-1] / temperature, dim=0).tolist()
        return pytest.approx(p[printable.index(char)], abs=0.006)

    lesson["model"] = network
    out = lesson.run("temperature")
    temperatures = next(row for row in printed(out) if len(row) > 2)
    for char in "tse hT":
        p = [after("The test", char, t) for t in temperatures]
        told = f"p({char!r}) after “The test”, at the temperatures {temperatures}: {p}"
        assert printed(out, repr(char)) == [p], told
    pattern = r"(?m)^ *(\S.*?) [^\w\s]+ '(.)'.*?'(.)' +([\d.]+)"
    found = re.findall(pattern, lesson.run("predictions"))
    assert len(found) > 3, "one line at each point of the phrase"
    for (seen, follows, first, p), (longer, *_) in zip(found, found[1:]):
        assert seen + follows == longer, "what follows, in the phrase"
        assert first == seen[-1] and float(p) == after(seen, first), f"after {seen!r}"


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """After n of these characters, this network's loss is 10n nats."""
    num_places = []

    def network(characters, state):
        n = (state or 0) + 1
        logits = torch.zeros(len(characters), 100)
        logits[range(len(characters)), (characters - 9) % 10 + 10] = 90
        logits[:, 99] = 90 + 10 * n
        num_places.append(len(characters))
        return logits, n

    lesson.update(model=by_hand(network), test_text="jabcdefghi" * 50)
    lesson.run("context")
    (axes,) = lesson.figures["context"][0].axes
    sizes, nats = max((line.get_xydata() for line in axes.lines), key=len).T
    named = "characters" in axes.get_xlabel() and "nats" in axes.get_ylabel()
    assert named, "The axes say what is counted: characters, nats."
    told = "The loss at n is that of the last n characters, read from a state of zeros."
    assert nats == pytest.approx(10 * sizes, abs=0.01), told
    assert set(num_places) == {100}, "every fourth place of the test text"


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
    copied = lesson["longest_copy"]("on a cat sat")
    assert copied == " cat sat", "Exercise 5: the longest that is in training_text"


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
    assert printed(out, "read in training") == [[50, 1, 2, 3, 5, 7]], told
    assert printed(out, "new words") == [[100, 4, 5, 6, 7.5, 2.5]], told
    lesson["training_text"] = lines
    costs[:], costs[777], costs[9] = 0.01, 6, 8
    assert re.search(r"0 new words( +nan){5}", lesson.run("loss-map")), "no new words"
    (axes,) = lesson.figures["loss-map"][0].axes
    (image,) = axes.images
    bright = image.to_rgba(image.get_array())[..., :3].mean(axis=-1).flatten()
    signs = {text.get_position(): text.get_text() for text in axes.texts}
    text = "".join(signs[n % 60, n // 60] for n in range(len(bright)))
    start = lines.translate(lesson["SIGNS"] | {10: "↵"}).index(text)
    dark = start + np.flatnonzero(bright < bright.max() - 0.01)
    assert list(dark) == [777], "Dark is what costs 6 nats, and no neighbor."
    assert printed(axes.get_title(), "loss...nats") == [[6]], "up to 6, in this part"


def with_gates(lesson, forget):
    """Give the lesson a layer whose unit n has the forget gate forget(n, old, new).

    Its h is the newest character; each unit of c becomes f * c - 1.
    """

    def gates_of(layer, x, h):
        f = [forget(unit, printable[h], printable[x]) for unit in range(16)]
        return torch.tensor([f]), "i", "g", "o"

    def lstm(x, state):
        f, *_ = gates_of(lstm, x, state[0])
        return x, f * state[1] - 1

    zeros = torch.tensor([0]), torch.zeros(1, 16)
    model = SimpleNamespace(embedding=lambda character: character, lstm=lstm)
    model.init_zero_state = lambda: zeros
    lesson.update(model=model, gates_of=gates_of, painted=[])
    lesson.update(paint=lambda *given: lesson["painted"].append(given))


def test_f_and_c_are_those_of_each_character(lesson):
    with_gates(lesson, lambda unit, old, new: 0.2 if unit == 3 and old < new else 1)
    lesson.update(target_text="a, b. " * 40, part=slice(0, 240))
    lesson.run("cell-state")
    f, c = lesson["look_inside"]("abba")  # from "0", the zero of h
    assert f[:, 3].tolist() == pytest.approx([0.2, 0.2, 1, 1]), "f, read by read"
    assert c[:, 3].tolist() == pytest.approx([-1, -1.2, -2.2, -3.2]), "the c after it"
    assert c.shape == (4, 16) and c[:, 8].tolist() == [-1, -2, -3, -4], "all units"


def test_the_units_that_are_erased_at_a_sign(lesson):
    """They are chosen by 5,000 characters of training text, and shown on test text."""
    units = {  # of which sign, and its forget gates: after, or at, these characters
        3: (" ", {" ": 0.02}),
        5: (",", {",": 0.06, "cd": 0.08, "b": 0.2}),
        6: (None, {",": 0.0, "x": 0.0}),  # drops less than 5, where there are "x"
        7: (None, dict.fromkeys(printable, 0.0)),  # does not drop
        9: (".", {".": 0.0, "?": 0.0}),
    }

    def forget(unit, old, new):
        _, gates = units.get(unit, (None, {}))
        return gates.get(old + new, gates.get(new, 0.95))

    with_gates(lesson, forget)
    text = "ab,, cd. dd? " * 30
    expected = {3: [90, 90], 5: [60, 60, 30, 90], 9: [30, 30, 30, 30]}  # n of all
    lesson["training_text"] = ("xxxxxx" + text)[:20] * 250 + text * 50
    lesson.update(target_text=text, part=slice(50, 290))
    rows = printed(lesson.run("cell-state"), "unit...there...elsewhere...erased")
    panels = lesson.figures["cell-state"][0].axes
    painted = zip(rows, lesson["painted"], panels, strict=True)
    for (unit, *given), (axes, shown, far, _, title), panel in painted:
        sign, _ = units[unit]
        f = [forget(unit, old, new) for old, new in zip("0" + text, text)]
        there, elsewhere = (
            np.mean([gate for gate, new in zip(f, text) if (new == sign) is is_there])
            for is_there in (True, False)
        )
        means = [pytest.approx(mean, abs=0.006) for mean in (there, elsewhere)]
        told = f"unit {unit}, {sign!r}: f there, and elsewhere; erased at n of all"
        assert given == means + expected.pop(unit), told
        _, *c = accumulate(f, lambda c, gate: gate * c - 1, initial=0)
        distances = pytest.approx([-one for one in c[50:290]], abs=1e-3)
        told = f"unit {unit}: painted on that stretch, how far it is from zero"
        assert (axes, shown, far.tolist()) == (panel, text[50:290], distances), told
        assert values(title)[:2] == [unit, round(-min(c[50:290]))], told
    assert not expected, f"Not printed: units {[*expected]}"
    lesson["target_text"] = text.replace(".", ";")
    lesson["training_text"] = lesson["training_text"].replace(",", ";")
    rows = printed(lesson.run("cell-state"), "unit...there", 1)
    assert rows == [[3]], "Signs that one of the texts lacks are left out."
