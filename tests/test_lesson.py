"""The lesson's cells after its training, with networks made by hand."""

import math
import re
import string

import notebooks
import pytest
import torch
from matplotlib.colors import to_hex
from notebooks import LESSON, as_text, by_hand, printed


def test_each_sample_is_of_its_heading_and_of_the_trained_network(lesson):
    asked = []

    def generate(model, prime_str, predict_len, temperature):
        assert model is lesson["model"], "The samples are of the trained network."
        asked.append((prime_str, predict_len))
        return f"{prime_str}<{temperature}>"

    lesson.update(generate=generate, training_text="th vaccin th", PRIME_STR="th")
    headings = re.findall(r"T\W+([\d.]+)\W*\n.*<\1>", lesson.run("temperature-samples"))
    assert len(headings) == len(asked), "Each sample is of the temperature above it."
    assert {"0.3", "0.8", "1.3"} <= set(headings), "as the prose says"
    *parts, _ = lesson.run("primes").split("<0.5>")
    for (prime, length), part in zip(asked[len(headings) :], parts, strict=True):
        assert part.endswith(prime) and repr(prime) in part and length == 33
        assert ["th vaccin th".count(prime)] in printed(part, "training text", 1), part


def test_what_is_printed_before_the_training(lesson):
    logits, _ = lesson["read_along"](lesson["untrained"], lesson["char_to_tensor"]("t"))
    assert not logits.requires_grad, "Reading along should store no gradients."
    num_weights = 100 * 12 + 4 * 16 * (12 + 16 + 2) + 100 * (16 + 1)
    assert [num_weights] in printed(lesson.out["step"], "weights", 1), "all layers"
    p = torch.softmax(logits[0], dim=-1)[string.printable.index("h")].item()
    row = [pytest.approx(p, abs=1e-4), pytest.approx(-math.log(p), abs=0.006)]
    assert row in printed(lesson.out["step"], "p('h')...loss", 2), "p(“h”), its loss"
    lesson["training_text"] = digits = str(3**2000)
    rows = dict(printed(lesson.run("counts"), "training text...nats", 2))
    for length in (2, 8):
        nats = pytest.approx(lesson["counting_loss"](digits, length), abs=0.006)
        assert rows.get(length) == nats, f"training text, counts for {length}: {nats}"


def test_what_each_baseline_writes(lesson):
    """In this text, "c" follows "b" three times of four, else "d", and "a" never."""
    lesson["training_text"] = "abcabcabcabd" * 70
    out = lesson.run("baselines-write")
    _, uniform, frequent, chain = re.split("uniform|frequencies|previous", out)
    assert len(set(uniform)) > 20 > len(set(frequent)), "all characters; a, b, c, d"
    assert frequent.count("a") > frequent.count("d"), "as often as they occur"
    assert "ba" in frequent, "A frequency does not depend on what came before."
    often, seldom, never = (chain.count(pair) for pair in ("bc", "bd", "ba"))
    told = f"In {chain!r}, “bc” should occur more often than “bd”, and “ba” never."
    assert often > seldom > 0 == never, told


def test_the_table_of_temperatures(lesson):
    """This network has these logits after “The test”, and others elsewhere."""
    logits = torch.zeros(100)
    logits[10:16] = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.5, 1.0])  # from a to f

    def network(character, read):
        read = (read or "") + as_text(character)
        return (logits if read.endswith("The test") else logits.flip(0))[None], read

    lesson["model"] = by_hand(network)
    out = lesson.run("temperature")
    temperatures = next(row for row in printed(out) if len(row) > 2)
    for n, char in enumerate("abcdef", start=10):
        p = [torch.softmax(logits / t, dim=0)[n].item() for t in temperatures]
        told = f"p({char!r}) after “The test”, at the temperatures {temperatures}: {p}"
        assert printed(out, repr(char)) == [pytest.approx(p, abs=0.0006)], told


def test_what_is_expected_stands_beside_what_was_read(lesson):
    """This network gives what it has just read e^5 times the weight of all others."""
    lesson["model"] = by_hand(lambda chars, state: (torch.eye(100)[chars] * 5, state))
    out = lesson.run("predictions")
    found = re.findall(r"(?m)^ *(\S.*?) [^\w\s]+ '(.)'.*?'(.)' +([\d.]+)", out)
    p = pytest.approx(math.exp(5) / (math.exp(5) + 99), abs=0.006)
    assert len(found) > 3, "one line at each point of the phrase"
    for (read, follows, first, shown), (longer, *_) in zip(found, found[1:]):
        assert read + follows == longer, "what follows, in the phrase"
        assert (first, float(shown)) == (read[-1], p), f"after {read!r}, at T = 1"


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """In this test text, "b" follows "a", and so on. This network expects what follows,
    and after n characters, by 10n nats more, something that never does."""
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
    assert "characters it sees" in axes.get_xlabel() and "nats" in axes.get_ylabel()
    expected = pytest.approx(10 * sizes, abs=0.01)
    told = "The loss at n is that of the last n characters, read from a state of zeros."
    assert nats == expected, told
    assert set(num_places) == {100}, "every fourth place of the test text"


def test_one_step_by_hand_trains_as_the_layer_does(lesson):
    sources = {cell.id: cell.source for cell in notebooks.read(LESSON).cells}
    model = sources["model"]
    (solution,) = re.findall(r"(?m)^ +(\S.*lstm_step\(self.*)", sources["exercises"])
    (by_layer,) = re.findall(r"\S.*self\.lstm\(.*", model)
    lesson.run("train")
    expected = pytest.approx(lesson["losses"], abs=1e-4)
    lesson.cells["model"] = model.replace(by_layer, solution)
    for cell_id in ("by-hand", "model", "setup", "train"):
        lesson.run(cell_id)
    assert lesson["losses"] == expected, "Exercise 2: with its line, the same losses"
    ((rounding,),) = printed(lesson.run("by-hand"), "difference")
    forward, one = lesson["model"].lstm.forward, torch.eye(1, 16)  # in one unit
    lesson["model"].lstm.forward = lambda *args: [new + one for new in forward(*args)]
    ((difference,),) = printed(lesson.run("by-hand"), "difference")
    assert rounding < 1e-4 and difference > 0.9, "the layer, and then another one"


def test_the_picture_of_the_cell_state_shows_c(lesson):
    """The units of this c count, up or down, and begin again at 17, -16, ..., -2."""
    steps, sizes = torch.tensor(8 * [1, -1]), torch.arange(17, 1, -1)
    zeros, counts = torch.zeros(1, 100), torch.arange(1, 201)
    lesson["model"].forward = lambda char, h, c: (zeros, h, (c + steps).fmod(sizes))
    shown = lesson["test_text"][:200].translate(lesson["SIGNS"])
    assert shown in lesson.run("cell-state"), "the text, above the picture"
    (axes,) = lesson.figures["cell-state"][0].axes
    assert "characters" in axes.get_xlabel() and "units" in axes.get_ylabel(), "axes"
    curves = [line for line in axes.lines if len(line.get_xdata()) == 200]
    colored = {to_hex(line.get_color()): line.get_xydata() for line in curves}
    units = (counts * steps[:3, None]).fmod(sizes[:3, None])
    for color, unit in zip(("tab:blue", "tab:orange", "tab:green"), units):
        told = f"{color}: the units of c that fall farthest at once, the first in blue"
        xy = colored.pop(to_hex(color), zeros).tolist()
        assert xy == torch.stack([counts, unit], dim=1).tolist(), told
    assert len(colored) == 1, "All others have one color."
    ends = [list(line.get_xdata()) for line in axes.lines]
    dotted = {x[0] for x in ends if len(x) == 2 and x[0] == x[1]}
    capitals = {n + 1 for n in range(200) if lesson["test_text"][n].isupper()}
    assert dotted == capitals, "A dotted line stands where a capital letter is read."
