"""What compares with stored outputs, or with figures in the prose."""

import math
import re

import notebooks as nb
import pytest
import torch
from notebooks import LABORATORY, LESSON, lecture_losses, values
from test_repository import LECTURE
from torch.nn import LSTMCell

pytestmark = pytest.mark.stored
REFRESH = "Is the edit wrong? If not, run it: .venv/bin/python tests/refresh.py"
CORRECT = "See other red tests first. Is the edit wrong? If not, correct the prose."


def outputs(name):
    """Return what is stored as printed by each cell, by id."""
    found = {}
    for cell_id, cell in nb.code_cells(nb.read(name)).items():
        streams = [out for out in cell.outputs if out.output_type == "stream"]
        found[cell_id] = "".join(out.text for out in streams)
    return found


def check(name, words, figures):
    """Assert that the one paragraph, point, or row with the words has the figures."""
    source = "\n\n".join(c.source for c in nb.read(name).cells if c.cell_type != "code")
    pieces = re.split(r"\n\s*\n|\n(?= *(?:- |\d\. |\|))", source)
    found = [piece for piece in pieces if words in " ".join(piece.split())]
    assert len(found) == 1, f"{len(found)} paragraphs contain {words!r}, not one."
    given = values(found[0].replace("$", " "))
    told = f"Where {words!r} stands, the figures should be {figures}. {CORRECT}"
    assert all(pytest.approx(n, abs=0.0015) in given for n in figures), told


def test_the_outputs_are_of_one_run_of_this_code(name):
    """`refresh.py` keeps a sum of the FAQ, and of each cell's code, beside them."""
    stored = nb.read(name)
    kept, new = stored.metadata.get("sums", {}), nb.sums(stored)
    changed = [key for key in new if new[key] != kept.get(key)]
    assert not changed, f"Changed since it was run: {changed}. {REFRESH} {name}"
    cells = nb.code_cells(stored).values()
    in_order = [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    last, (_, mean, _) = max(nb.log_entries(outputs(name)["train"]).items())
    learned = last == LECTURE["NUM_ITER"] and mean < 2.382  # *previous character*
    assert in_order and learned, f"Not whole, or not in order. {REFRESH} {name}"
    for out in (out for cell in cells for out in cell.outputs):
        plain = out.output_type in {"stream", "display_data"}
        assert plain and out.get("name") != "stderr", f"An error, or a warning: {out}"


def test_what_exercise_1_says_of_three_faults(monkeypatch):
    notebook, step, cell = nb.Notebook(LESSON, "text"), LSTMCell.forward, LSTMCell
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
    else:
        marks = re.findall(r"([.?])\s", text)
        check(LABORATORY, "ends in the training text", [len(marks), marks.count("?")])
        check(LABORATORY, "An example:", [text.count("tha"), text.count("that")])


def test_what_the_lesson_and_readme_quote_of_the_stored_run():
    """In samples, a line break is shown as a blank."""
    log = outputs(LESSON)["train"]
    _, *losses = nb.log_entries(log)[LECTURE["NUM_ITER"]]  # recent mean, test loss
    figures = [f for n in losses for f in (round(n, 2), round(math.exp(n), 1))]
    check(LESSON, "the recent mean ended at", figures)
    check(LESSON, "say little about each other", [round(losses[0], 1)])
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    title = re.findall(r"(?m)^ *\d+: (.+)$", nb.read(LESSON).cells[0].source)
    listed = re.findall(rf"(?m)^    ({LECTURE['PRIME_STR']}.+)$", readme)
    assert title and listed, "This test no longer finds the samples that are quoted."
    strange = [each for each in title + listed if each not in log.replace("\n", " ")]
    assert not strange, f"Not in the stored log: {strange}. {CORRECT}"
