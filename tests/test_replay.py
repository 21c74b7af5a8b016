"""What a page shows is what its code prints and draws, with its stored networks."""

import difflib
import re
from decimal import Decimal
from itertools import zip_longest

import notebooks as nb
import numpy as np
import pytest
import replay
import torch
from replay import plain

pytestmark = pytest.mark.stored
# What rounding may change: a decimal, but not a setting (after "=")
DECIMAL = r"(?<![=\d.])(?<!= )-?\d+\.\d+(?:e[+-]\d+)?"
HINT = """Stored (-), and what the cells give now (+). If it is meant, name what
explains this change where you send it. If it is not, the edit is wrong.
(To store it: .venv/bin/python tests/refresh.py {}{})"""


def differences(new, old):
    """Return pairs of lines (old, new) that differ, but for rounding."""
    blanks = re.compile("(?m)^ +| +$| +(?= )")  # but for one between words
    old, new = (blanks.sub("", plain(text)).split("\n") for text in (old, new))
    words = ([re.sub(DECIMAL, "#", line) for line in lines] for lines in (old, new))
    pairs = []
    for _, a, b, c, d in difflib.SequenceMatcher(None, *words, False).get_opcodes():
        pairs += zip_longest(old[a:b], new[c:d])
    return [pair for pair in pairs if None in pair or not close(*pair)]


def close(before, now):
    """Tell whether texts are the same, but for one in the last place of decimals."""
    if re.sub(DECIMAL, "#", before) != re.sub(DECIMAL, "#", now):
        return False
    pairs = zip(*(map(Decimal, re.findall(DECIMAL, text)) for text in (before, now)))
    return all(abs(x - y) <= Decimal(10) ** x.as_tuple().exponent for x, y in pairs)


def compare(new, old, name):
    """Fail if texts differ: by cell, with at most eight lines of each."""
    changed = {}
    for key in dict.fromkeys([*old, *new]):
        pairs = differences(new.get(key, ""), old.get(key, ""))
        signed = [each for pair in pairs for each in zip("-+", pair)]
        if lines := [sign + line for sign, line in signed if line is not None]:
            more = [f"... (and more: {len(lines) - 8})"] if len(lines) > 8 else []
            changed[key] = "\n".join(["", key, *lines[:8], *more])
    if "settings" in changed:  # the rest follows from these
        changed = {"settings": changed["settings"]}
    if changed:  # --replay keeps settings and the log of the training
        more = "; trains anew" if changed.keys() & {"settings", "log"} else " --replay"
        told = [HINT.format(name, more), *changed.values()]
        pytest.fail("\n".join(told), pytrace=False)


def test_differences_are_all_but_last_digits_and_times():
    old = "--- T = 0.8\n272 lines, 0.95 left\nof 0.31, 5.1 ms, difference 1e-06\n"
    for part, other in (("0.95", "0.96"), ("5.1", "7.2"), ("1e-06", "3e-07")):
        assert differences(old.replace(part, other), old) == [], other
    changes = "0.95 0.97, 272 271, 0.8 0.9, 1e-06 0, 1e-06 -1e-06"
    for part, other in (change.split() for change in changes.split(", ")):
        assert len(differences(old.replace(part, other), old)) == 1, f"{part}: {other}"
    assert differences(old.replace("--- T = 0.8\n", ""), old) == [("--- T = 0.8", None)]
    new = old.replace("lines, 0.95", "rows, 0.96").replace("0.31", "0.32")
    assert differences(new, old) == [("272 lines, 0.95 left", "272 rows, 0.96 left")]


@pytest.fixture(scope="module")
def replayed(name):
    return replay.replay(name)


def test_what_the_cells_draw_and_what_their_networks_are_for(replayed, name):
    compare(replay.description(replayed), replay.stored_description(name), name)


def test_what_the_cells_print(replayed, name):
    """Of trainings, the first ten iterations: see LATER in replay.py."""
    new, old = map(replay.first_ten, (replayed.out, nb.outputs(nb.read(name))))
    for texts in new, old:
        texts["log"] = texts.pop("train")
    old["imports"] = new["imports"]  # versions
    compare(new, old, name)


def test_the_outputs_are_of_one_whole_run(name):
    cells = nb.code_cells(nb.read(name)).values()
    if [cell.execution_count for cell in cells] != [*range(1, len(cells) + 1)]:
        told = "A cell is new, has moved, or ran by itself. To run them all:\n"
        command = f".venv/bin/python tests/refresh.py --replay {name}"
        pytest.fail(told + command, pytrace=False)


def test_what_is_kept_of_the_training_is_what_its_log_says(replayed, name):
    """Of each entry: losses, their mean, the sample; the page names the file."""
    (line,), file = replay.save_lines(name), f"tests/stored/network_{name}.pt"
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    assert f'"{file}"' in readme, "where it is"
    assert line[: line.index('"')] in readme, "how it is kept"
    _, losses, test_losses, samples = torch.load(nb.ROOT / file, weights_only=True)
    page = nb.outputs(nb.read(name))["train"]
    for n, logged in nb.log_entries(page).items():
        kept = losses[n - 1], np.mean(losses[n * 9 // 10 : n]), test_losses[n]
        assert kept == pytest.approx(logged, abs=6e-4), f"{file}, iteration {n}"
        assert samples[n].translate(replayed["SIGNS"]) in page, f"{file}, {n}"
