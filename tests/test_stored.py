"""The stored outputs: whole, of this code and text, and as the prose says roughly."""

import copy
import json
import re

import pytest
from notebooks import (
    LABORATORY,
    PATHS,
    code_cells,
    log_entries,
    read,
    rows,
    tidy,
    values,
)

REFRESH = "the edit is wrong, or run the notebook: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = code_cells(read(name))[cell_id].outputs
    return "".join(out.text for out in outputs if out.output_type == "stream")


def test_the_cells_ran_in_order_and_no_output_warns_or_tells_of_a_machine(name):
    """A cell that is new may wait for the next refresh."""
    stored = read(name)
    cells = code_cells(stored)
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count]
    assert counts and counts == sorted(set(counts)), (
        f"The cells did not run once each, from top to bottom: {REFRESH} {name}"
    )
    for cell_id, cell in cells.items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
        text = json.dumps(cell.outputs)
        found = re.findall(r"/(?:home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
        assert not found, f"The output of {cell_id} tells of a machine: {found}"
    tidied = copy.deepcopy(stored)
    tidy(tidied)
    assert tidied == stored, f"JupyterLab has added metadata. {REFRESH} {name}"


# --- The stored run is one of this text and this code


def test_cells_without_training_print_what_is_stored(fresh):
    """Whatever the processor. Left out are versions and samples."""
    for cell_id in fresh.until("setup"):
        if cell_id not in {"imports", "baselines-write"}:
            now = values(fresh.out[cell_id])
            for old in values(output(fresh.name, cell_id)):
                assert any(abs(old - new) < 0.011 for new in now), (
                    f"The cell {cell_id} of {PATHS[fresh.name].name} no longer prints "
                    f"{old}, as is stored: {REFRESH} {fresh.name}"
                )


def test_the_first_iterations_have_the_losses_that_are_stored(fresh, name):
    """They are the same on all processors tried; later, training magnifies rounding."""
    stored = log_entries(output(name, "train"))
    for n in (1, 10, 50):
        new = fresh["losses"][n - 1], fresh["test_losses"][n]
        assert new == pytest.approx(stored[n][::2], abs=0.0015), (
            f"The losses at iteration {n} are not those stored: {REFRESH} {name}"
        )


# --- What the prose says roughly, with margins for every processor


def test_the_training_passes_the_baselines_as_the_prose_tells(name):
    """Uniform at first, character frequencies at about 10, previous character at about
    50; in the end, a choice among three, and among four on test text."""
    uniform, frequencies, previous = values(output(name, "baselines"))[::2]
    log = log_entries(output(name, "train"))
    assert log[1][0] == pytest.approx(uniform, abs=0.1)
    assert log[10][0] == pytest.approx(frequencies, abs=0.2)
    assert log[50][0] == pytest.approx(previous, abs=0.2) and log[200][1] < previous
    recent, _, iteration, test_loss, _ = values(output(name, "perplexity"))
    assert (iteration, recent) == (5000, pytest.approx(log[5000][1], abs=0.006))
    assert test_loss == pytest.approx(log[5000][2], abs=0.006)
    assert 1.1 < recent < 1.2 and 1.4 < test_loss < 1.5


def test_the_test_text_and_the_digit_are_as_the_prose_tells():
    *tables, network = [
        values(line)[-1] for line in output(LABORATORY, "table").splitlines()[-6:]
    ]
    assert tables[-1] < network, "The table is a little ahead."
    costs = re.findall(r"\d\.\d\d", output(LABORATORY, "memory"))
    lstm_digit, lstm_all, plain_digit, plain_all = map(float, costs)
    assert lstm_digit < 0.3 and 1.14 < lstm_all < 1.2
    assert plain_digit > 0.9 and plain_all > lstm_all + 0.05
    unlike, alike = map(values, output(LABORATORY, "transplant").splitlines())
    assert unlike[2] > 0.75 * unlike[0] and alike[1] == alike[2] > 0.75 * alike[0]


def test_the_reward_and_the_exchange_are_as_the_prose_tells():
    _, asks, states = rows(output(LABORATORY, "rewarded"), [10, 20, 40, 100]).values()
    assert asks[100] > 50 and asks[100] > asks[10] and states[100] < 20
    table = rows(output(LABORATORY, "exchange"), ["asks", "states"])
    counts = {label.split(" (")[0]: row for label, row in table.items()}
    nothing, c = counts["nothing"], counts["c"]
    assert c["asks"] < nothing["asks"] / 2 and c["states"] > 2 * nothing["states"]
    for kind in ("asks", "states"):
        found = {label: row[kind] for label, row in counts.items()}
        assert found["all others"] == pytest.approx(nothing[kind], abs=3)
        assert abs(found["units that decide"] - c[kind]) < 10
