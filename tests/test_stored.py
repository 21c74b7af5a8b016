"""The stored outputs: from one default run, agreeing with each other and the prose."""

import json
import math
import re
import zlib

import numpy as np
import pytest
import torch
from notebooks import LOG_LINE, PATHS, code_cells, printed, read

OF_THE_MACHINE = {"imports", "device", "by-hand", "one-call", "train"}
ENTRY = re.compile(LOG_LINE + r"\n(.*?)(?=\n\n|\n*\Z)", re.S)  # a line and its sample


class Stored(dict):
    """What each code cell of a notebook has printed, its prose, and its log."""

    def __init__(self, name):
        self.cells = code_cells(read(name))
        super().__init__({k: printed(cell) for k, cell in self.cells.items()})
        self.prose = {c.id: " ".join(c.source.split()) for c in read(name).cells}
        self.log = ENTRY.findall(self["train"])

    def number(self, cell_id, pattern):
        found = re.findall(pattern, self[cell_id])  # nothing where outputs are cleared
        return float(found[0].replace(",", "")) if len(found) == 1 else math.nan


STORED = {name: Stored(name) for name in PATHS}
LESSON, LAB = STORED.values()


def fade(weight, number, steps):
    """Return a one-number memory of a plain layer after some steps."""
    for _ in range(steps):
        number = math.tanh(weight * number)
    return number


ABOVE, BELOW = (LESSON.number("by-hand", rf"(\d+)% {k}") for k in ("ab", "bel"))
SIX = LESSON.number("temperature", r"T = 1.3: .* (\S+)\n")
READ = LAB.number("unread", r"read (\S+), un")
UNREAD = LAB.number("unread", r"unread (\S+);")
TABLE = LAB.number("unread", r"table, unread: (\S+)\n")
LSTM = LAB.number("memory", r"(?s)--- LSTM\n.*?second digit: (\S+) nats.*---")
PLAIN = LAB.number("memory", r"(?s)--- RNN\n.*?second digit: (\S+) nats")
CLAIMS = [  # notebook, cell, pattern with one number in it, what it must be
    (LESSON, "title", r"about ([\d,]+) ch", LESSON.number("text", r"([\d,]+) kept")),
    (LESSON, "character-losses-read", r"\\ln 100=([\d.]+)", math.log(100)),
    (LESSON, "perplexity-read", r"was ([\d.]+) on text", READ),
    (LESSON, "perplexity-read", r"and ([\d.]+) on the", UNREAD),
    (LESSON, "temperature-read", r"only ([\d.]+\d)", SIX),
    (LESSON, "inside", r"becomes ([\d.]+), then", fade(0.5, 1, 1)),
    (LESSON, "inside", r"becomes [\d.]+, then ([\d.]+)", fade(0.5, 1, 2)),
    (LESSON, "inside", r"after ten steps ([\d.]+\d)", fade(0.5, 1, 10)),
    (LESSON, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 1, 20)),
    (LESSON, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 0.5, 20)),
    (LESSON, "inside", r"\(-1\)=([\d.]+)\$", 0.9 * 2 + 0.1 * -1),
    (LESSON, "inside", r"\(1.7\)=([\d.]+)\$", 0.5 * math.tanh(1.7)),
    (LESSON, "by-hand-read", r"(\d+)% are above", ABOVE),
    (LESSON, "by-hand-read", r"(\d+)% are below", BELOW),
    (LESSON, "exercises", r"has a loss of ([\d.]+) on", TABLE),
    (LESSON, "exercises", r"tenths, has ([\d.]+)\. On", UNREAD),
    (LAB, "table-intro", r"=([\d.]+)\$", (2 + 10 * 0.5) / (3 + 10)),
    (LAB, "unread-read", r"falling, to ([\d.]+);", READ),
    (LAB, "unread-read", r"ends at ([\d.]+)\.", UNREAD),
    (LAB, "unread-read", r"wins, with ([\d.]+)\.", TABLE),
    (LAB, "unread-read", r"has ([\d,]+) w", LAB.number("step", r"([\d,]+) weights")),
    (LAB, "exercises", r"are \| ([\d.]+),", LAB.number("perplexity", r": (\S+) nats")),
    (LAB, "memory-intro", r"4\)/16=([\d.]+)\$;", math.log(10 * 4**12) / 16),
    (LAB, "memory-intro", r"2.*/16=([\d.]+)\$\.", math.log(100 * 4**12) / 16),
    (LAB, "memory-read", r"([\d.]+) nats instead", LSTM),
    (LAB, "memory-read", r"reached ([\d.]+) in", PLAIN),
]


@pytest.mark.parametrize("stored, cell_id, pattern, value", CLAIMS)
def test_numbers_in_the_prose(stored, cell_id, pattern, value):
    (said,) = re.findall(pattern, stored.prose[cell_id])
    tolerance = 500 if ",000" in said else 0.51 * 10 ** -len(said.partition(".")[2])
    assert float(said.replace(",", "")) == pytest.approx(value, abs=tolerance)


def test_a_fresh_run_prints_what_is_stored_and_begins_to_learn_alike(fresh):
    """The cells before training to the letter; of the log, the first 200 iterations."""
    stored = STORED[fresh.name]
    same = torch.__version__.split("+")[0] in stored["imports"]  # or it draws otherwise
    skip = OF_THE_MACHINE if same else OF_THE_MACHINE | {"generate"}
    for cell_id in fresh.out.keys() - skip:
        assert stored[cell_id] == fresh.out[cell_id], cell_id
    log = ENTRY.findall(fresh.out["train"])
    assert [line[0] for line in log] == ["1", "10", "50", "200"]
    for old, new, atol in zip(stored.log, log, (2e-3, 2e-3, 5e-3, 3e-2)):
        for k in 3, 4:
            assert float(old[k]) == pytest.approx(float(new[k]), abs=atol)
        assert old[5] == new[5] or not same
    uniform, frequencies, previous = fresh["baselines"].values()  # loosely, the stages
    assert fresh["losses"][0] == pytest.approx(uniform, abs=0.1)
    assert np.mean(fresh["losses"][7:14]) == pytest.approx(frequencies, abs=0.3)
    assert np.mean(fresh["losses"][39:60]) == pytest.approx(previous, abs=0.2)
    assert np.mean(fresh["losses"][90:100]) < previous


def test_the_log_the_mean_and_the_perplexity_agree(name):
    stored = STORED[name]
    steps = ["1", "10", "50", "200"] + [str(n) for n in range(500, 5001, 500)]
    assert [line[0] for line in stored.log] == steps
    final = stored.number("perplexity", r"last 500 iterations: (\d\.\d+) nats")
    assert float(stored.log[-1][4]) == final and 1.00 < final < 1.20
    perplexity = stored.number("perplexity", r"perplexity: (\S+)")
    assert perplexity == pytest.approx(math.exp(final), abs=0.01)


def test_one_fresh_run_with_nothing_of_the_machine(name):
    notebook, cells = read(name), STORED[name].cells
    counts = [cell.execution_count for cell in cells.values()]
    assert counts == list(range(1, len(cells) + 1))
    for cell_id, cell in cells.items():
        assert all(output.get("name", "stdout") == "stdout" for output in cell.outputs)
        kinds = [output.output_type for output in cell.outputs]
        assert set(kinds) <= {"stream", "display_data"}
        drawn = "plt.subplots" in cell.source and cell_id != "plot"
        assert kinds.count("display_data") == (drawn or cell_id == "train"), cell_id
    code = zlib.crc32("".join(cell.source for cell in cells.values()).encode())
    assert notebook.metadata.pop("code_crc32") == code  # as refresh.py has run it
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    assert PATHS[name].stat().st_size < 600_000
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        text = json.dumps([cell.get("outputs", []), cell.source])
        assert not re.search(r"/(home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
