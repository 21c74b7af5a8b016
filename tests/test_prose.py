"""Figures in the prose of both notebooks agree with the stored outputs."""

import math
import re
from typing import NamedTuple

import pytest
from notebooks import TEXT_FILE
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


def trains_further(run):
    """Return whether the training cell, run again, adds NUM_ITER iterations."""
    return "last = len(losses) + NUM_ITER" in run.cells["train"].source


# Read from the stored outputs
KEPT = LESSON_RUN.number("text", r"([\d,]+) kept")
TIMES_READ = 5000 * 200 / KEPT
UNIFORM = LESSON_RUN.number("baselines", r"uniform +(\S+) nats")
FREQUENCIES = LESSON_RUN.number("baselines", r"frequencies +(\S+) nats")
PREVIOUS = LESSON_RUN.number("baselines", r"previous character +(\S+) nats")
LESSON_FINAL = LESSON_RUN.number("perplexity", r": (\S+) nats")
SIX_BARS = LESSON_RUN.number("temperature", r"T = 1.3: .* (\S+)\n")
TEN_SEEN = LESSON_RUN.number("asking", r"10 characters: (\d+)%")
FORTY_SEEN = LESSON_RUN.number("asking", r"40 characters: (\d+)%")
SEEN_TEN = LESSON_RUN.number("context", r" 10: (\S+)\n")
SEEN_HUNDRED = LESSON_RUN.number("context", r"100: (\S+)\n")
FIRST_WORD = LESSON_RUN.number("asking", r"first word: (\d+)%")
ABOVE = LESSON_RUN.number("by-hand", r"(\d+)% above")
BELOW = LESSON_RUN.number("by-hand", r"(\d+)% below")
CHARACTERS_AN_END = LABORATORY_RUN.number("pairs", r"in (\d+) characters")
QUESTIONS = LABORATORY_RUN.number("pairs", r"([\d,]+) questions") or math.nan
STATEMENTS = LABORATORY_RUN.number("pairs", r"([\d,]+) statements")
READ = LABORATORY_RUN.number("unread", r"read (\S+), un")
UNREAD = LABORATORY_RUN.number("unread", r"unread (\S+);")
TABLE = LABORATORY_RUN.number("unread", r"table, unread: (\S+)\n")
FINAL = LABORATORY_RUN.number("perplexity", r": (\S+) nats")
AS_IT_IS = LABORATORY_RUN.number("pays", r"as it is.* (\d+)%   mean")
LSTM_PAYS = LABORATORY_RUN.number("pays", r"LSTM, ends.* (\d+)%   mean")
PLAIN_PAYS = LABORATORY_RUN.number("pays", r"RNN, ends.* (\d+)%   mean")
LSTM_DIGIT = LABORATORY_RUN.number("memory", r"(?s)--- LSTM\n[^-]*digit: (\S+) nats")
PLAIN_DIGIT = LABORATORY_RUN.number("memory", r"(?s)--- RNN\n[^-]*digit: (\S+) nats")
BY_CELL_STATE = LABORATORY_RUN.number("transplant", r"cell state: (\d+) of 90")
LEVEL_NUMBERS = [int(n) for n in re.findall(r"number (\d+):", LABORATORY_RUN["gates"])]
APART = [  # the iterations at which the two logs differ
    one.iteration
    for one, other in zip(LESSON_RUN.log, LABORATORY_RUN.log)
    if (one.loss, one.mean) != (other.loss, other.mean)
]
FIRST_APART = APART[0] if APART else math.nan

CLAIMS = [
    # the lesson
    Claim(LESSON_RUN, "title", r"about ([\d,]+) characters", KEPT, 500),
    Claim(LESSON_RUN, "character-losses-read", r"\\ln 100=([\d.]+)", math.log(100)),
    Claim(LESSON_RUN, "perplexity-read", r"about (\w+) times", TIMES_READ, 0.6),
    Claim(LESSON_RUN, "perplexity-read", r"was ([\d.]+) on text that", READ, 0.02),
    Claim(LESSON_RUN, "perplexity-read", r"but ([\d.]+) on the last", UNREAD, 0.02),
    Claim(LESSON_RUN, "asking-read", r"tell about (\d+)% of the pairs", TEN_SEEN, 4),
    Claim(LESSON_RUN, "asking-read", r"have told (\d+)% of the pairs", FIRST_WORD),
    Claim(LESSON_RUN, "inside", r"a 1 becomes ([\d.]+), then", fade(0.5, 1, 1)),
    Claim(LESSON_RUN, "inside", r"[\d.]+, then ([\d.]+), and after", fade(0.5, 1, 2)),
    Claim(LESSON_RUN, "inside", r"after ten steps ([\d.]+\d)", fade(0.5, 1, 10)),
    Claim(LESSON_RUN, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 1, 20)),
    Claim(LESSON_RUN, "inside", r"a 1 ends up near ([\d.]+\d)", fade(2, 0.5, 20)),
    Claim(LESSON_RUN, "drawing-read", r"\(-1\)=([\d.]+)\$", 0.9 * 2 + 0.1 * -1),
    Claim(LESSON_RUN, "drawing-read", r"\(1.7\)=([\d.]+)\$", 0.5 * math.tanh(1.7)),
    Claim(LESSON_RUN, "why", r"once in (\d+) characters", CHARACTERS_AN_END),
    Claim(LESSON_RUN, "why", r"and (\d+)% of them with a hundred", LSTM_PAYS, 1),
    Claim(LESSON_RUN, "next", r"\*uniform\* \|[^*]*? ([\d.]+) \|", UNIFORM),
    Claim(LESSON_RUN, "next", r"frequencies\* \|[^*]*? ([\d.]+) \|", FREQUENCIES),
    Claim(LESSON_RUN, "next", r"previous character\* \|[^*]*? ([\d.]+) \|", PREVIOUS),
    Claim(LESSON_RUN, "next", r"stored run \|[^*]*? ([\d.]+) \|", LESSON_FINAL, 0.02),
    Claim(LESSON_RUN, "next", r"one of these tenths \| ([\d.]+) \|", READ, 0.02),
    Claim(
        LESSON_RUN,
        "next",
        r"nine tenths \| the unread tenth \| ([\d.]+) \| \| the lab",
        UNREAD,
        0.02,
    ),
    Claim(LESSON_RUN, "next", r"table\* \| nine.*? ([\d.]+) \|", TABLE),
    # the laboratory
    Claim(LABORATORY_RUN, "one-call-read", r"at iteration (\d+), the log", FIRST_APART),
    Claim(LABORATORY_RUN, "table-intro", r"about (\w+) times", TIMES_READ, 0.6),
    Claim(LABORATORY_RUN, "table-intro", r"=([\d.]+)\$", (2 + 10 * 0.5) / (3 + 10)),
    Claim(LABORATORY_RUN, "unread-read", r"keeps falling, to ([\d.]+) in", READ, 0.02),
    Claim(LABORATORY_RUN, "unread-read", r"ends at ([\d.]+)\. The", UNREAD, 0.02),
    Claim(LABORATORY_RUN, "unread-read", r"ahead here, at ([\d.]+)\. \(", TABLE),
    Claim(LABORATORY_RUN, "pays-intro", r"in (\d+) characters", CHARACTERS_AN_END),
    Claim(LABORATORY_RUN, "pays-read", r"it tells (\d+)% of the pairs", AS_IT_IS, 2),
    Claim(LABORATORY_RUN, "pays-read", r"sight, up to (\d+)%", LSTM_PAYS, 1),
    Claim(
        LABORATORY_RUN,
        "memory-intro",
        r"\$\(\\ln 10\+10\\ln 4\)/14=([\d.]+)\$",
        math.log(10 * 4**10) / 14,
    ),
    Claim(
        LABORATORY_RUN,
        "memory-intro",
        r"\$\(2\\ln 10\+10\\ln 4\)/14=([\d.]+)\$",
        math.log(100 * 4**10) / 14,
    ),
    Claim(LABORATORY_RUN, "transplant-read", r"in (\d+) of 90 cases", BY_CELL_STATE),
    Claim(LABORATORY_RUN, "exercises", r"as they are \| ([\d.]+),", FINAL, 0.02),
]

# Sentences without a figure that rest on the stored outputs: the cell, words that stand
# in it, and whether the outputs bear them out
RESTS = [
    (
        LESSON_RUN,
        "temperature-read",
        "in one of twenty cases or more",
        SIX_BARS < 0.96,
    ),
    (LESSON_RUN, "context-read", "nearly level", SEEN_TEN - SEEN_HUNDRED < 0.05),
    (LESSON_RUN, "asking-read", "a few points at most", FORTY_SEEN - TEN_SEEN <= 5),
    (LESSON_RUN, "by-hand-read", "about two thirds are above 0.9", 60 <= ABOVE <= 75),
    (LESSON_RUN, "by-hand-read", "roughly a fifth are below 0.1", 15 <= BELOW <= 25),
    (
        LABORATORY_RUN,
        "pairs-intro",
        "one end in five",
        3.5 < STATEMENTS / QUESTIONS < 5,
    ),
    (LABORATORY_RUN, "pays-read", "nothing out of the rest", PLAIN_PAYS < 93),
    (LABORATORY_RUN, "memory-read", "costs next to nothing", LSTM_DIGIT < 0.1),
    (LABORATORY_RUN, "memory-read", "costs more than one nat", PLAIN_DIGIT > 1),
    (LABORATORY_RUN, "memory-read", "as much as a guess", PLAIN_DIGIT > 2.25),
    (LABORATORY_RUN, "memory-seen-read", "Take number 98.", 98 in LEVEL_NUMBERS),
    (LABORATORY_RUN, "memory-seen-read", "In number 10,", 10 in LEVEL_NUMBERS),
    (LESSON_RUN, "next", "number of further iterations", trains_further(LESSON_RUN)),
    (
        LABORATORY_RUN,
        "next",
        "number of further iterations",
        trains_further(LABORATORY_RUN),
    ),
]


@pytest.mark.parametrize("run", [LESSON_RUN, LABORATORY_RUN], ids=lambda run: run.name)
def test_more_words_are_invented_at_a_higher_temperature(run):
    """Both notebooks say so below their stored samples."""
    known = set(re.findall("[a-z]+", TEXT_FILE.read_text(encoding="utf-8").lower()))
    invented = {}
    for part in run["temperature-samples"].split("--- T = ")[1:]:
        temperature, _, sample = part.partition("\n")
        words = re.findall("[a-z]+", sample.lower())[:-1]  # the last may be cut off
        invented[temperature] = sum(word not in known for word in words) / len(words)
    assert list(invented) == ["0.3", "0.8", "1.3"]
    shares = list(invented.values())
    assert shares == sorted(shares), f"shares of invented words: {invented}"


@pytest.mark.parametrize("run, cell_id, words, holds", RESTS)
def test_a_sentence_without_a_figure(run, cell_id, words, holds):
    place = f"cell {cell_id} of the notebook {run.name!r}"
    assert words in run.prose.get(cell_id, ""), (
        f"{words!r} is not in {place}. Reworded? Change RESTS in tests/test_prose.py."
    )
    assert holds, (
        f"In {place}, {words!r} does not fit the outputs: reword it. (If outputs were "
        f"cleared: python tests/refresh.py {run.name})"
    )


@pytest.mark.parametrize(
    "claim", CLAIMS, ids=lambda claim: f"{claim.cell_id}: {claim.pattern}"
)
def test_a_figure_of_the_prose(claim):
    place = f"cell {claim.cell_id} of the notebook {claim.run.name!r}"
    found = re.findall(claim.pattern, claim.run.prose.get(claim.cell_id, ""))
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
