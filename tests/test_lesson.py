"""The lesson's cells after its training, with networks made by hand."""

import math
import re
import textwrap
from itertools import accumulate
from string import printable
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from notebooks import LESSON, by_hand, hue, printed, read, values


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


def test_what_is_printed_before_the_training(lesson):
    logits, _ = lesson["read_along"](lesson["untrained"], lesson["char_to_tensor"]("t"))
    assert not logits.requires_grad, "Reading along should store no gradients."
    num_weights = 100 * 12 + 4 * 16 * (12 + 16 + 2) + 100 * (16 + 1)
    assert [num_weights] in printed(lesson.out["step"], "weights", 1), "all layers"
    p = torch.softmax(logits[0], dim=-1)[printable.index("h")].item()
    row = [pytest.approx(p, abs=1e-4), pytest.approx(-math.log(p), abs=0.006)]
    assert row in printed(lesson.out["step"], "p('h')...loss", 2), "p(“h”), its loss"
    lesson["training_text"] = digits = str(3**2000)
    rows = dict(printed(lesson.run("counts"), "training text...nats", 2))
    for length in (2, 8):
        nats = pytest.approx(lesson["counting_loss"](digits, length), abs=0.006)
        assert rows.get(length) == nats, f"training text, counts for {length}: {nats}"
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


def painted(axes):
    """Return the text that is painted, how bright each place is, the darkest hue."""
    (image,) = axes.images
    colors = image.to_rgba(image.get_array())[..., :3]
    signs = {text.get_position(): text.get_text() for text in axes.texts}
    text = "".join(signs[x, y] for y in range(len(colors)) for x in range(60))
    bright = colors.mean(axis=-1).flatten()
    return text, bright, hue(colors.reshape(-1, 3)[bright.argmin()])


def test_the_loss_by_the_place_in_a_word_and_on_the_text(lesson):
    """This network has these losses. "Catss" is new to a text that has "catss"."""
    lines = "".join(f"catss {n}zebra? Catss$\x0b\n" for n in range(10, 60))
    nats = torch.tensor([float(n) for n in "12346999567899934567999"] * 50)

    @by_hand
    def network(character, n):
        logits = torch.full((1, 100), -1e9)
        logits[0, 99] = torch.log(torch.expm1(nats[n or 0]))
        logits[0, lesson["test_targets"][n or 0]] = 0
        return logits, (n or 0) + 1

    lesson.update(training_text="A catss", test_text=" " + lines)
    lesson.run("setup")
    lesson["model"] = network
    out = lesson.run("loss-map")
    assert printed(out, "1st...2nd...3rd...others"), "columns, in this order"
    told = "how many words, and the mean losses of their letters"
    assert printed(out, "read in training") == [[50, 1, 2, 3, 5]], told
    assert printed(out, "new words") == [[100, 4, 5, 6, 7.5]], told
    lesson["training_text"] = lines
    nats[:], nats[777], nats[9] = 0.01, 6, 8
    assert re.search(r"0 new words.*nan.*nan.*nan.*nan", lesson.run("loss-map")), "none"
    (axes,) = lesson.figures["loss-map"][0].axes
    text, bright, _ = painted(axes)
    start = lines.translate(lesson["SIGNS"] | {10: "↵"}).index(text)
    dark = start + np.flatnonzero(bright < bright.max() - 0.01)
    assert list(dark) == [777], "Dark is what costs 6 nats, and no neighbor."
    assert printed(axes.get_title(), "loss...nats") == [[6]], "up to 6, in this part"


def test_each_unit_and_its_forget_gate_are_those_of_a_character(lesson):
    """Three units of this layer count, up or down, and forget after q, w, or z."""
    text = "ab" * 50 + "w" + "cd" * 25 + "q" + "ef" * 24 + "z" + "gh" * 19 + "i"
    units = {4: ("q", 5, -2, 1), 5: ("w", 6, -1, -1), 2: ("z", 4, 0, 1)}
    lesson["test_text"] = "x" + text
    lesson.run("setup")
    embedding, lstm = lesson["model"].embedding, lesson["model"].lstm
    for weight in (embedding.weight, *lstm.parameters()):
        weight.data.zero_()
    i, f, g, _ = lstm.bias_ih.data.split(16)
    i[:], f[:] = -100, -100
    for unit, (char, kept, forgotten, sign) in units.items():
        see = unit + 10  # sees the character; by its h, tanh(1) / 2, f falls next
        i[[unit, see]], f[unit], g[unit] = 100, kept, 100 * sign
        embedding.weight.data[printable.index(char), unit] = 1
        lstm.weight_ih.data[32 + see, unit] = 100
        lstm.weight_hh.data[16 + unit, see] = (forgotten - kept) / math.tanh(1) * 2
    lesson.run("loss-map")
    largest = printed(lesson.run("by-hand"), "largest unit of c", 1)
    assert largest == [[round(lesson["c"].abs().max().item())]], "of c, before the step"
    out = lesson.run("cell-state")
    above, *panels = lesson.figures["cell-state"][0].axes
    curves = {hue(line.get_color()): list(line.get_ydata()) for line in above.lines}
    assert len(above.lines) >= 16 and len(curves) == 4, "all units, three in color"
    hues = "blue", "orange", "green"  # the farthest fall comes first
    for color, axes, (unit, row) in zip(hues, panels, units.items(), strict=True):
        char, kept, forgotten, sign = row
        sums = [forgotten if before == char else kept for before in "x" + text[:-1]]
        f = [1 / (1 + math.exp(-one)) for one in sums]
        _, *c = accumulate(f, lambda c, gate, s=sign: gate * c + s, initial=0)
        told = f"unit {unit}, {color}: where it is, and on the text, how far from zero"
        assert curves[color] == pytest.approx(c, abs=0.01), told
        shown, bright, darkest = painted(axes)
        assert (shown, darkest) == (text, color), told
        assert (np.diff(bright[np.abs(c).argsort()]) <= 0).all(), told
        assert values(axes.get_title())[:2] == [unit, round(max(map(abs, c)))], told
        n = text.index(char) + 1
        gates = pytest.approx([unit, f[n], np.mean(f[:n])], abs=0.006)
        told = f"unit {unit} at {text[n]!r}: its forget gate there, and the mean before"
        assert [gates] == printed(out, f"unit {unit}...{text[n]!r}...before", 3), told
