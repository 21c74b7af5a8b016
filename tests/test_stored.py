"""The stored outputs: whole, of this code and text, and as the prose says roughly."""

import copy
import json
import re

import pytest
from notebooks import (
    LABORATORY,
    LESSON,
    PATHS,
    code_cells,
    contains,
    log_entries,
    numbers,
    read,
    rows,
    sections,
    tidy,
    values,
)

REFRESH = "To run the notebook and save it: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = [out for cell in sections(read(name))[cell_id] for out in cell.outputs]
    return "".join(out.text for out in outputs if out.output_type == "stream")


def test_the_cells_ran_in_order_and_no_output_warns_or_tells_of_a_machine(stored, name):
    """A cell that is new may wait for the next refresh."""
    cells = code_cells(stored)
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count]
    assert counts and counts == sorted(set(counts)), (
        f"The cells did not run once each, from top to bottom. {REFRESH} {name}"
    )
    for cell_id, cell in cells.items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
        text = json.dumps(cell.outputs)
        found = re.findall(r"/(?:home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
        assert not found, f"The output of {cell_id} tells of a machine: {found}"


def test_the_file_holds_nothing_that_jupyterlab_adds(stored, name):
    tidied = copy.deepcopy(stored)
    tidy(tidied)
    command = f".venv/bin/python tests/refresh.py --tidy {name}"
    assert tidied == stored, f"To clear it without running: {command}"
    assert PATHS[name].stat().st_size < 600_000, "GitHub does not show large files."


# --- The stored run is one of this text and this code


def test_cells_without_training_print_what_is_stored(fresh):
    """Whatever the processor. Left out are versions, device, and samples."""
    left_out = {"imports", "parameters", "generate", "baselines-write"}
    cell_ids = [key for key in fresh.until("setup") if key not in left_out]
    if fresh.name == LABORATORY:
        cell_ids += ["table", "memory-text"]
    for cell_id in cell_ids:
        old = numbers(output(fresh.name, cell_id))
        assert contains(numbers(fresh.out[cell_id]), old), (
            f"The cell {cell_id} of {PATHS[fresh.name].name} prints other numbers than "
            f"are stored: its code, a setting, or the text has changed.\nstored: "
            f"{' '.join(old)}\nnow: {fresh.out[cell_id]}\n{REFRESH} {fresh.name}"
        )


def test_the_first_iterations_have_the_losses_that_are_stored(fresh, name):
    """They are the same on all processors tried; later, training magnifies rounding."""
    stored = log_entries(output(name, "train"))
    for n in (1, 10, 50):
        assert fresh["losses"][n - 1] == pytest.approx(stored[n][0], abs=0.001), (
            f"The loss at iteration {n} in {PATHS[name].name} is not the stored one: "
            f"the training, a setting, or the text has changed. {REFRESH} {name}"
        )


# --- What the prose says roughly, with margins for every processor


def test_the_training_passes_the_baselines_as_the_prose_tells(name):
    """Uniform at first, character frequencies at about 10, previous character by about
    200; at the end, a choice among three."""
    losses = values(output(name, "baselines"))[::2]  # each with its perplexity
    uniform, frequencies, previous = losses
    log = log_entries(output(name, "train"))
    assert log[1][0] == pytest.approx(uniform, abs=0.1)
    assert log[10][0] == pytest.approx(frequencies, abs=0.5)
    assert log[200][1] < previous, "previous character"
    _, final, perplexity = values(output(name, "perplexity"))
    assert final == pytest.approx(log[5000][1], abs=0.001)
    assert 1.0 < final < 1.3 and 2.7 < perplexity < 3.7


def test_the_lesson_looks_back_about_ten_characters():
    found = values(output(LESSON, "context"))
    nats = dict(zip(found[::2], found[1::2]))
    assert nats[1] > values(output(LESSON, "baselines"))[-2]
    assert nats[5] > nats[100] + 0.05 and nats[10] < nats[100] + 0.05
    past = rows(output(LESSON, "past"), ["c", "h", "predictions"])
    after = {int(n): row for n, row in past.items() if n.isdigit()}
    assert after[30]["c"] > 18 and after[100]["c"] > 8, "This is kept,"
    assert after[30]["h"] < 2 and after[30]["predictions"] < 0.03, "and does not show."
    *_, as_they_are, _, cut_off = values(output(LESSON, "counting"))
    assert abs(as_they_are - cut_off) < 0.01


def test_the_test_text_and_the_digit_are_as_the_prose_tells():
    training, test, table = values(output(LABORATORY, "unread"))
    assert 1.0 < training < 1.3 and 1.35 < test < 1.55 and table < test
    costs = re.findall(r"\d\.\d\d", output(LABORATORY, "memory"))
    lstm_digit, lstm_all, plain_digit, plain_all = map(float, costs)
    assert lstm_digit < 0.3 and 1.14 < lstm_all < 1.2
    assert plain_digit > 1 and plain_all > lstm_all + 0.05
    follows = dict(re.findall(r"(\w+ state)\D*(\d+)", output(LABORATORY, "transplant")))
    assert int(follows["cell state"]) >= 80, follows


def test_the_reward_and_the_exchange_are_as_the_prose_tells():
    _, asker, wrongly = rows(output(LABORATORY, "asker"), [10, 20, 40, 100]).values()
    assert asker[100] > 75 and asker[100] > asker[10] + 5
    assert wrongly[100] < 10, "It does not simply say “?” more often."
    table = rows(output(LABORATORY, "exchange"), ["moved", "asking", "stating"])
    moved = {label.partition(" (")[0]: row["moved"] for label, row in table.items()}
    assert moved["c"] > 1 and moved["those that decide"] > 0.7 * moved["c"]
    for label in moved.keys() - {"c", "those that decide"}:
        assert abs(moved[label]) < 0.15 * moved["c"], f"{label!r} should hardly move."
    found = re.findall(r"(\d+) '\?', (\d+) '\.'", output(LABORATORY, "turned"))
    (_, _), (asks, states), (asks_then, states_then) = found
    assert int(asks) > int(states) and int(asks_then) < int(states_then) / 5
