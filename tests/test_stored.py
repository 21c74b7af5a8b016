"""What compares with stored outputs, or with figures in the prose."""

import math
import re

import notebooks
import pytest
import torch
from notebooks import (
    LABORATORY,
    LESSON,
    Notebook,
    lecture_losses,
    printed,
    read,
    values,
)
from test_repository import LECTURE
from torch.nn import LSTMCell

pytestmark = pytest.mark.stored
REFRESH = "Is the edit wrong? If not, run it: .venv/bin/python tests/refresh.py"
CORRECT = "See other red tests first. Is the edit wrong? If not, correct the prose."


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = notebooks.code_cells(read(name))[cell_id].outputs
    return "".join(out.text for out in outputs if out.output_type == "stream")


def check(name, words, figures):
    """Assert that the one paragraph, point, or row with the words has the figures."""
    source = "\n\n".join(c.source for c in read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    given = values(found[0].replace("$", " "))
    told = f"Where {words!r} stands, the figures should be {figures}. {CORRECT}"
    assert all(pytest.approx(n, abs=0.0015) in given for n in figures), told


def test_the_cells_ran_in_order_and_no_output_warns(name):
    """A new cell without output may wait for the next refresh."""
    stored = read(name)
    cells = notebooks.code_cells(stored)
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count]
    in_order = counts and counts == sorted(set(counts))
    told = "The cells did not run from top to bottom. Clear the output of a new one."
    assert in_order, f"{told} {REFRESH} {name}"
    whole = max(notebooks.log_entries(output(name, "train"))) == LECTURE["NUM_ITER"]
    assert whole, f"The stored log does not end at NUM_ITER. {REFRESH} {name}"
    for cell_id, cell in cells.items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
    tidied = read(name)
    notebooks.tidy(tidied)
    command = f".venv/bin/python tests/refresh.py --tidy {name}"
    assert tidied == stored, f"To clear what JupyterLab adds when it saves: {command}"


def test_cells_without_training_print_what_is_stored(fresh):
    """Whatever the processor. Left out are versions and samples."""
    for cell_id in ("text", "portions"):
        told = f"{cell_id}: no longer the stored text. {REFRESH} {fresh.name}"
        assert fresh.out[cell_id] == output(fresh.name, cell_id), told
    for cell_id in set(fresh.until("setup")) - {"imports", "baselines-write"}:
        new = [values(line) for line in fresh.out[cell_id].splitlines()]
        for line in output(fresh.name, cell_id).splitlines():
            told = f"{cell_id}: no longer the numbers of this stored line: {line!r}."
            same = pytest.approx(values(line), abs=0.011) in new
            assert same, f"{told} {REFRESH} {fresh.name}"


def test_what_exercise_1_says_of_three_faults(monkeypatch):
    notebook, step, cell = Notebook(LESSON, "text"), LSTMCell.forward, LSTMCell
    faults = {
        "`zero_grad` is missing": (torch.optim.Adam, "zero_grad", lambda self: None),
        "is not passed on": (cell, "forward", lambda self, x, _: step(self, x)),
        "are exchanged": (cell, "forward", lambda self, x, s: step(self, x, s[::-1])),
    }
    for words, fault in faults.items():
        with monkeypatch.context() as patch:
            patch.setattr(*fault)
            losses = lecture_losses(notebook, 10)
        check(LESSON, words, losses[::9] if "passed" in words else losses[9:])


def test_figures_that_text_and_code_decide(fresh):
    """They are the same on every machine."""
    text, loss = fresh["training_text"], fresh["counting_loss"]
    if fresh.name == LESSON:
        losses = lecture_losses(fresh, 50)
        check(LESSON, "from memory", [losses[n - 1] for n in (1, 10, 50)])
        check(LESSON, "no fixed probabilities", [loss(text, 0), loss(text, 1)])
        check(LESSON, "About 20", [round(math.exp(loss(text, 0)))])
    else:
        marks = re.findall(r"([.?])\s", text)
        check(LABORATORY, "ends in the training text", [len(marks), marks.count("?")])
        check(LABORATORY, "An example:", [text.count("tha"), text.count("that")])


def test_prose_and_answers_quote_the_stored_run():
    *_, (_, mean, test) = notebooks.log_entries(output(LESSON, "train")).values()
    nats = [round(n, 2) for n in (mean, test)]
    perplexities = [round(math.exp(n), 1) for n in (mean, test)]
    check(LESSON, "the recent mean ended at", nats + perplexities)
    check(LESSON, "say little about each other", [round(mean, 1)])
    rows = {row[0]: row for row in printed(output(LABORATORY, "table")) if row}
    check(LABORATORY, "Beyond 5", [rows[5][2], rows[8][2], rows[8][1]])
    answers = {  # the cell, and words that its lines have
        "The other's": ("transplant", "another digit"),
        "About the same:": ("asking", "need an appointment"),
        "Likelier after the first, in each": ("weighted", "need an appointment"),
        "After the first, in each": ("cats", "see if"),
    }
    for words, (cell_id, sentence) in answers.items():
        first, *more = printed(output(LABORATORY, cell_id), sentence)
        check(LABORATORY, words, [first[-1], *(row[-1] for row in more[:1])])
