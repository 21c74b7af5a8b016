"""The stored outputs: whole, of this code and text, and as the prose says roughly."""

import copy
import json
import re

import pytest
from notebooks import (
    LABORATORY,
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
    for cell_id in set(fresh.until("setup")) - {"imports", "baselines-write"}:
        for old in values(output(fresh.name, cell_id)):
            assert any(abs(old - new) < 0.011 for new in values(fresh.out[cell_id])), (
                f"The cell {cell_id} of the notebook {fresh.name} no longer prints "
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
    """And ends in a choice among three, and among four on test text."""
    uniform, frequencies, previous = values(output(name, "baselines"))[::2]
    log = log_entries(output(name, "train"))
    assert log[1][0] == pytest.approx(uniform, abs=0.1)
    assert log[10][0] == pytest.approx(frequencies, abs=0.2)
    assert log[50][0] == pytest.approx(previous, abs=0.2) and log[200][1] < previous
    _, recent, test_loss = log[5000]
    assert 1.1 < recent < 1.2 and 1.4 < test_loss < 1.5


def test_the_experiments_end_as_the_prose_tells():
    ids = "table", "memory", "transplant", "rewarded", "exchange"
    out = {cell_id: output(LABORATORY, cell_id) for cell_id in ids}
    table, network = [values(line)[-1] for line in out["table"].splitlines()[-2:]]
    assert table < network, "The table is a little ahead."
    lstm, plain = re.findall(r"second\D*(\d\.\d\d)", out["memory"])
    assert float(lstm) < 0.3 and float(plain) > 0.9
    unlike, alike = map(values, out["transplant"].splitlines())
    assert unlike[2] > 0.75 * unlike[0] and alike[1] == alike[2] > 0.75 * alike[0]
    _, asks, states = rows(out["rewarded"], [10, 20, 40, 100]).values()
    assert asks[100] > 50 and asks[100] > asks[10] and states[100] < 20
    table = rows(out["exchange"], ["asks", "states"])
    counts = {label.split(" (")[0]: row for label, row in table.items()}
    nothing, c = counts["nothing"], counts["c"]
    assert c["asks"] < nothing["asks"] / 2 and c["states"] > 2 * nothing["states"]
    for kind in ("asks", "states"):
        assert abs(counts["all others"][kind] - nothing[kind]) <= 3
        assert abs(counts["units that decide"][kind] - c[kind]) <= 9
