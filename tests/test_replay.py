"""What a page shows is what its code prints and draws, with its stored networks."""

import difflib
import re
from decimal import Decimal

import notebooks as nb
import pytest
from replay import drawn, images, kept, replay
from torch.nn import functional as F

pytestmark = pytest.mark.stored
# What rounding may change: a decimal, but not a setting (after "=")
DECIMAL = r"(?<![=\d.])(?<!= )-?\d+\.\d+(?:e[+-]\d+)?"
HINT = """Stored (-), and what the cells give now (+). If it is meant, name what
explains this change where you send it. If it is not, the edit is wrong.
(To store it: .venv/bin/python tests/refresh.py --replay {})"""


def differences(new, old):
    """Return the lines in which texts differ, but for rounding: old (-), new (+)."""
    old, new = ([plain(line) for line in text.split("\n")] for text in (old, new))
    words = ([re.sub(DECIMAL, "#", line) for line in lines] for lines in (old, new))
    changed = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, *words, False).get_opcodes():
        before, now = old[a:b], new[c:d]
        if kind == "equal":
            pairs = [pair for pair in zip(before, now) if not close(*pair)]
            changed += [sign + line for pair in pairs for sign, line in zip("-+", pair)]
        else:
            changed += [f"-{line}" for line in before] + [f"+{line}" for line in now]
    return changed


def plain(line):
    """Return a line without times, and without what rounding alone decides."""
    line = re.sub(r"[\d.]+ (ms|min)\b", r"? \1", " ".join(line.split()))
    rounding = re.search(r"difference:? (\S+)", line)
    if rounding and 0 < float(rounding[1]) < 1e-4:  # of two ways to compute the same
        line = line.replace(rounding[1], "about 0")
    return line


def close(before, now):
    """Tell whether decimals differ by at most one in the last place."""
    pairs = zip(*(map(Decimal, re.findall(DECIMAL, line)) for line in (before, now)))
    return all(abs(x - y) <= Decimal(10) ** x.as_tuple().exponent for x, y in pairs)


@pytest.fixture(scope="module")
def replayed(name):
    return replay(name, nb.outputs(nb.read(name)))


def compare(new, old, name):
    """Fail with the lines that differ, if any, by the cell that has them."""
    told = []
    for key in dict.fromkeys([*old, *new]):
        if changed := differences(new.get(key, ""), old.get(key, "")):
            told += [f"\n{key}", *changed]
    if told:
        pytest.fail("\n".join([HINT.format(name), *told]), pytrace=False)


def test_differences_are_all_but_last_digits_and_times():
    old = "--- T = 0.8\n272 lines, 0.95 left\nof 0.31, 5.1 ms, difference 1e-06\n"
    for part, other in (("0.95", "0.96"), ("5.1", "7.2"), ("1e-06", "3e-07")):
        assert differences(old.replace(part, other), old) == [], other
    for part, other in (("0.95", "0.97"), ("272", "271"), ("0.8", "0.9")):
        assert len(differences(old.replace(part, other), old)) == 2, f"{part}: {other}"
    assert differences(old.replace("--- T = 0.8\n", ""), old) == ["---- T = 0.8"]
    new = old.replace("lines, 0.95", "rows, 0.96").replace("0.31", "0.32")
    assert differences(new, old) == ["-272 lines, 0.95 left", "+272 rows, 0.96 left"]


def test_what_the_cells_print(replayed, name):
    """Of the training, the first ten iterations."""
    old = nb.outputs(nb.read(name))
    old["train"], *_ = old["train"].split("\niteration 50 ")
    old["imports"] = replayed.out["imports"]  # versions
    compare(replayed.out, old, name)


def test_what_the_cells_draw_and_what_their_networks_are_for(replayed, name):
    new = drawn(replayed) | {"images": images(nb.read(name))}
    compare(new, kept(name), name)


def test_the_outputs_are_of_one_whole_run(replayed, name):
    cells = nb.code_cells(nb.read(name)).values()
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    read = replayed.get("read_along", lambda model, inputs: model(inputs))
    logits, _ = read(replayed["model"], replayed["test_inputs"])
    *_, logged = nb.log_entries(nb.outputs(nb.read(name))["train"])[5000]
    loss = F.cross_entropy(logits, replayed["test_targets"]).item()
    assert loss == pytest.approx(logged, abs=0.002), "of the saved network, of the log"
