"""Figures in the prose of both notebooks agree with the stored outputs."""

import math
import re
from typing import NamedTuple

import pytest
from stored import LABORATORY_RUN, LESSON_RUN, Stored

NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen twenty"
).split()


class Claim(NamedTuple):
    """A figure in the prose: where it stands, and what it must be.

    `pattern` finds the figure as its one group, in digits or as a word. Without a
    tolerance, the figure must be value rounded to the digits it has; a tolerance is
    for what training on another processor changes a little.
    """

    run: Stored
    cell_id: str
    pattern: str
    value: float
    tolerance: float | None = None


def fade(weight, number, steps):
    """Return a one-number memory of a plain layer after some steps."""
    for _ in range(steps):
        number = math.tanh(weight * number)
    return number


# Read from the stored outputs
KEPT = LESSON_RUN.number("text", r"([\d,]+) kept")
TIMES_READ = 5000 * 200 / KEPT
ABOVE = LESSON_RUN.number("by-hand", r"(\d+)% above")
BELOW = LESSON_RUN.number("by-hand", r"(\d+)% below")
SIX_BARS = LESSON_RUN.number("temperature", r"T = 1.3: .* (\S+)\n")
READ = LABORATORY_RUN.number("unread", r"read (\S+), un")
UNREAD = LABORATORY_RUN.number("unread", r"unread (\S+);")
TABLE = LABORATORY_RUN.number("unread", r"table, unread: (\S+)\n")
TABLES = [float(loss) for loss in re.findall(r"\d\.\d\d", LABORATORY_RUN["table"])]
WEIGHTS = LABORATORY_RUN.number("step", r"([\d,]+) weights")
FINAL = LABORATORY_RUN.number("perplexity", r": (\S+) nats")
LSTM_LINES, _, PLAIN_LINES = LABORATORY_RUN["memory"].partition("--- RNN")
LSTM_DIGIT = LABORATORY_RUN.number("memory", r"(?s)LSTM\n.*?digit: (\S+) nats.*---")
PLAIN_DIGIT = LABORATORY_RUN.number("memory", r"(?s)RNN\n.*?digit: (\S+) nats")
PLAIN_PAIRS = re.findall(r"^(\d)[abcd]{12} (\d)$", PLAIN_LINES, re.M)
PLAIN_WRONG = sum(first != second for first, second in PLAIN_PAIRS)
APART = [  # the iterations at which the two logs differ
    one.iteration
    for one, other in zip(LESSON_RUN.log, LABORATORY_RUN.log)
    if (one.loss, one.mean) != (other.loss, other.mean)
]

CLAIMS = [
    # the lesson
    Claim(LESSON_RUN, "title", r"about ([\d,]+) ch", KEPT, 500),
    Claim(LESSON_RUN, "character-losses-read", r"\\ln 100=([\d.]+)", math.log(100)),
    Claim(LESSON_RUN, "perplexity-read", r"about (\w+) times", TIMES_READ, 0.6),
    Claim(LESSON_RUN, "perplexity-read", r"was ([\d.]+) on text", READ, 0.02),
    Claim(LESSON_RUN, "perplexity-read", r"and ([\d.]+) on the", UNREAD, 0.02),
    Claim(LESSON_RUN, "temperature-read", r"only ([\d.]+\d)", SIX_BARS, 0.02),
    Claim(LESSON_RUN, "temperature-read", r"once in (\w+) t", 1 / (1 - SIX_BARS), 4),
    Claim(LESSON_RUN, "inside", r"becomes ([\d.]+), then", fade(0.5, 1, 1)),
    Claim(LESSON_RUN, "inside", r"becomes [\d.]+, then ([\d.]+)", fade(0.5, 1, 2)),
    Claim(LESSON_RUN, "inside", r"after ten steps ([\d.]+\d)", fade(0.5, 1, 10)),
    Claim(LESSON_RUN, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 1, 20)),
    Claim(LESSON_RUN, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 0.5, 20)),
    Claim(LESSON_RUN, "inside", r"\(-1\)=([\d.]+)\$", 0.9 * 2 + 0.1 * -1),
    Claim(LESSON_RUN, "inside", r"\(1.7\)=([\d.]+)\$", 0.5 * math.tanh(1.7)),
    Claim(LESSON_RUN, "by-hand-read", r"(\d+)% are above", ABOVE, 3),
    Claim(LESSON_RUN, "by-hand-read", r"(\d+)% are below", BELOW, 3),
    Claim(LESSON_RUN, "exercises", r"has a loss of ([\d.]+) on", TABLE),
    Claim(LESSON_RUN, "exercises", r"tenths, has ([\d.]+)\. On", UNREAD, 0.02),
    # the laboratory
    Claim(LABORATORY_RUN, "one-call-read", r"at iteration (\d+), the log", APART[0]),
    Claim(LABORATORY_RUN, "table-intro", r"about (\w+) times", TIMES_READ, 0.6),
    Claim(LABORATORY_RUN, "table-intro", r"=([\d.]+)\$", (2 + 10 * 0.5) / (3 + 10)),
    Claim(LABORATORY_RUN, "table-read", r"^(\w+) char", TABLES.index(TABLE) + 1),
    Claim(LABORATORY_RUN, "unread-read", r"falling, to ([\d.]+);", READ, 0.02),
    Claim(LABORATORY_RUN, "unread-read", r"ends at ([\d.]+)\.", UNREAD, 0.02),
    Claim(LABORATORY_RUN, "unread-read", r"wins, with ([\d.]+)\.", TABLE),
    Claim(LABORATORY_RUN, "unread-read", r"has ([\d,]+) w", WEIGHTS),
    Claim(LABORATORY_RUN, "unread-read", r"about ([\d,]+) ch", 0.9 * KEPT, 500),
    Claim(
        LABORATORY_RUN, "memory-intro", r"4\)/16=([\d.]+)\$;", math.log(10 * 4**12) / 16
    ),
    Claim(
        LABORATORY_RUN,
        "memory-intro",
        r"2.*/16=([\d.]+)\$\.",
        math.log(100 * 4**12) / 16,
    ),
    Claim(LABORATORY_RUN, "memory-read", r"([\d.]+) nats instead", LSTM_DIGIT, 0.03),
    Claim(LABORATORY_RUN, "memory-read", r"reached ([\d.]+) in", PLAIN_DIGIT, 0.03),
    Claim(LABORATORY_RUN, "memory-read", r"(\w+) of its ten", PLAIN_WRONG),
    Claim(LABORATORY_RUN, "exercises", r"are \| ([\d.]+),", FINAL, 0.02),
    Claim(LABORATORY_RUN, "exercises", r"text (\d+) times instead", 8 * TIMES_READ),
    Claim(LABORATORY_RUN, "exercises", r"times instead of (\d+)", TIMES_READ, 0.6),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.cell_id)
def test_a_figure_of_the_prose(claim):
    place = f"cell {claim.cell_id} of the notebook {claim.run.name!r}"
    found = re.findall(claim.pattern, claim.run.prose[claim.cell_id])
    assert len(found) == 1, (
        f"In {place}, {claim.pattern!r} should find one figure, but finds {found}. "
        "Was the sentence reworded? Then change CLAIMS in tests/test_prose.py."
    )
    assert not math.isnan(claim.value), (
        f"No output is stored for the figure in {place}: "
        f"python tests/refresh.py {claim.run.name}"
    )
    if found[0].lower() in NUMBERS:
        said = float(NUMBERS.index(found[0].lower()))
        tolerance = 0.51
    else:
        said = float(found[0].replace(",", ""))
        decimals = len(found[0].partition(".")[2])
        tolerance = 0.51 * 10**-decimals
    if claim.tolerance is not None:
        tolerance = claim.tolerance + 1e-9
    assert said == pytest.approx(claim.value, abs=tolerance), (
        f"In {place}, the prose says {found[0]}, but the outputs make it "
        f"{claim.value:.4g}. Change the sentence."
    )
