"""The stored outputs: whole, from the code and the text as they are, and such that what
the prose says roughly is true of them, on every processor."""

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
    printed,
    read,
    section,
    tidy,
    values,
)

REFRESH = "To run the notebook and save it: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    notebook = read(name)
    return printed(notebook, section(notebook, cell_id))


def decimals(name, cell_id):
    """Return the numbers with a point that are stored under a cell, in their order."""
    return [float(n) for n in numbers(output(name, cell_id)) if "." in n]


def test_the_cells_ran_from_top_to_bottom(stored, name):
    """A cell that is new may wait for the next refresh."""
    counts = [cell.execution_count for cell in code_cells(stored).values()]
    counts = [count for count in counts if count is not None]
    assert counts and counts == sorted(set(counts)), f"{REFRESH} {name}"


def test_no_cell_stopped_or_warned_or_tells_of_the_machine_that_ran_it(stored):
    for cell_id, cell in code_cells(stored).items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
        text = json.dumps(cell.outputs)
        found = re.findall(r"/(?:home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
        assert not found, f"{cell_id}: {found}"


def test_the_file_holds_nothing_that_jupyterlab_adds(stored, name):
    tidied = copy.deepcopy(stored)
    tidy(tidied)
    command = f".venv/bin/python tests/refresh.py --tidy {name}"
    assert tidied == stored, f"To clear it without running: {command}"
    assert PATHS[name].stat().st_size < 600_000, "GitHub does not show large files."


# --- The stored run is one of this text and this code


def test_cells_without_training_print_what_is_stored(fresh):
    """Whatever the processor. Left out are versions, device, and samples."""
    left_out = {"imports", "device", "generate", "baselines-write"}
    cell_ids = [key for key in fresh.until("setup") if key not in left_out]
    if fresh.name == LABORATORY:
        cell_ids += fresh.section("table") + fresh.section("memory-text")
    found = numbers("".join(fresh.out[cell_id] for cell_id in cell_ids))
    for cell_id in cell_ids:
        old = numbers(printed(fresh.file, [cell_id]))
        assert contains(found, old), (
            f"The cell {cell_id} prints other numbers than are stored: its code, a "
            f"setting, or the text has changed. {REFRESH} {fresh.name}\n"
            f"stored: {' '.join(old)}\nnow: {fresh.out[cell_id]}"
        )


def test_the_first_iterations_have_the_losses_that_are_stored(fresh, name):
    """They are the same on all processors tried, to five decimals; only later does
    training magnify rounding."""
    stored = log_entries(output(name, "train"))
    for n in (1, 10, 50):
        assert fresh["losses"][n - 1] == pytest.approx(stored[n][0], abs=0.001), (
            f"The loss at iteration {n} is not the stored one: the code of the "
            f"training, a setting, or the text has changed. {REFRESH} {name}"
        )


# --- What the prose says roughly, with margins for every processor


def test_the_training_passes_the_baselines_as_the_prose_tells(fresh, name):
    """Uniform at first, character frequencies at about 10, previous character by about
    200; at the end, a choice among three."""
    uniform, frequencies, previous = fresh["baselines"].values()
    log = log_entries(output(name, "train"))
    assert log[1][0] == pytest.approx(uniform, abs=0.1)
    assert log[10][0] == pytest.approx(frequencies, abs=0.5)
    assert log[200][1] < previous
    final, perplexity = decimals(name, "perplexity")
    assert final == pytest.approx(log[5000][1], abs=0.001)
    assert 1.0 < final < 1.3
    assert 2.7 < perplexity < 3.7


def test_the_network_looks_back_about_ten_characters():
    losses = decimals(LESSON, "context")  # of 1 to 16 characters, then of 100
    assert losses[0] > losses[2] > losses[5]
    assert losses[4] - losses[-1] > 0.05, "five characters are not enough"
    assert losses[9] - losses[-1] < 0.05, "ten are nearly enough"


def test_text_that_was_not_read_is_harder():
    training, test, table = decimals(LABORATORY, "unread")
    assert 1.0 < training < 1.3
    assert test - training > 0.2
    assert abs(test - table) < 0.15, "tuning makes up for it"


def test_the_lstm_keeps_the_digit_and_the_plain_layer_does_not():
    second, mean, plain_second, plain_mean = decimals(LABORATORY, "memory")
    assert second < 0.3
    assert 1.14 < mean < 1.2
    assert plain_second > 1
    assert plain_mean > mean + 0.05


def test_the_transplant_follows_the_cell_state():
    _, _, cell_state, *_ = values(output(LABORATORY, "transplant"))
    assert cell_state >= 80, "of 90"


def test_only_the_asker_needs_the_beginning_of_a_question():
    """With 10 characters before the end, and with 100."""
    printed_shares = output(LABORATORY, "asker").splitlines()
    shares = [values(line)[-5:] for line in printed_shares if "%" in line]
    as_it_is, _, asker, statements = shares
    assert abs(as_it_is[4] - as_it_is[1]) <= 10, "level, whatever it sees"
    assert asker[4] > 75 and asker[4] > asker[1] + 10, "far more with 100 than with 10"
    assert statements[4] < 10, "it does not simply say “?” more often"
