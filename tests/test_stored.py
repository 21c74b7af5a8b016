"""The stored outputs: in order, and up to 50 iterations, of this code and text."""

import json
import re

import pytest
from notebooks import code_cells, log_entries, read, tidy, values

REFRESH = "Is the edit wrong? If not, run it: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = code_cells(read(name))[cell_id].outputs
    return "".join(out.text for out in outputs if out.output_type == "stream")


def test_the_cells_ran_in_order_and_no_output_warns_or_tells_of_a_machine(name):
    """A cell that is new may wait for the next refresh."""
    stored = read(name)
    cells = code_cells(stored)
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count]
    in_order = counts and counts == sorted(set(counts))
    assert in_order, f"The cells did not run from top to bottom. {REFRESH} {name}"
    for cell_id, cell in cells.items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
        text = json.dumps(cell.outputs)
        found = re.findall(r"/(?:home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
        assert not found, f"The output of {cell_id} tells of a machine: {found}"
    tidied = read(name)
    tidy(tidied)
    command = f".venv/bin/python tests/refresh.py --tidy {name}"
    assert tidied == stored, f"To clear what JupyterLab adds when it saves: {command}"


def test_cells_without_training_print_what_is_stored(fresh):
    """Whatever the processor. Left out are versions and samples."""
    for cell_id in set(fresh.until("setup")) - {"imports", "baselines-write"}:
        new = [values(line) for line in fresh.out[cell_id].splitlines()]
        for line in output(fresh.name, cell_id).splitlines():
            assert any(row == pytest.approx(values(line), abs=0.011) for row in new), (
                f"The cell {cell_id} of the notebook {fresh.name} no longer prints the "
                f"numbers of this stored line: {line!r}. {REFRESH} {fresh.name}"
            )


def test_the_first_iterations_have_the_losses_that_are_stored(fresh, name):
    """They are the same on all processors tried; later, training magnifies rounding."""
    stored = log_entries(output(name, "train"))
    for n in (1, 10, 50):
        new = fresh["losses"][n - 1], fresh["test_losses"][n]
        same = new == pytest.approx(stored[n][::2], abs=0.0015)
        assert same, f"Losses at iteration {n}: {new}, not as stored. {REFRESH} {name}"
