"""The stored outputs: whole, from the code and the text as they are, and such that what
the prose says roughly is true of them, on every processor."""

import copy
import json
import re
from types import SimpleNamespace

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
    rows,
    sections,
    tidy,
)

REFRESH = "To run the notebook and save it: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    return printed(sections(read(name))[cell_id])


def test_the_cells_ran_from_top_to_bottom(stored, name):
    """A cell that is new may wait for the next refresh."""
    counts = [cell.execution_count for cell in code_cells(stored).values()]
    counts = [count for count in counts if count is not None]
    assert counts and counts == sorted(set(counts)), (
        f"The cells did not run once each, from top to bottom. {REFRESH} {name}"
    )


def test_no_cell_stopped_or_warned_or_tells_of_the_machine_that_ran_it(stored):
    for cell_id, cell in code_cells(stored).items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, (
                f"{cell_id}: {found}"
            )
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


def test_the_training_passes_the_baselines_as_the_prose_tells(name):
    """Uniform at first, character frequencies at about 10, previous character by about
    200; at the end, a choice among three."""
    losses = decimals(output(name, "baselines"))[::2]  # each with its perplexity
    uniform, frequencies, previous = losses
    log = log_entries(output(name, "train"))
    assert log[1][0] == pytest.approx(uniform, abs=0.1)
    assert log[10][0] == pytest.approx(frequencies, abs=0.5)
    assert log[200][1] < previous, "previous character"
    final, perplexity = decimals(output(name, "perplexity"))
    assert final == pytest.approx(log[5000][1], abs=0.001)
    assert 1.0 < final < 1.3 and 2.7 < perplexity < 3.7


def decimals(out):
    """Return the numbers with a point in what a cell has printed."""
    return [float(number) for number in numbers(out) if "." in number]


# The cell, names for the numbers with a point that it prints, and what is true of them;
# if there are names of columns, those before are of the rows of its table
ROUGHLY = [
    (
        "context",
        " ".join(f"of_{n}" for n in (*range(1, 17), 100)),
        "",
        "of_1 > of_3 > of_6",
        "of_5 - of_100 > 0.05",  # five characters are not enough,
        "of_10 - of_100 < 0.05",  # ten nearly are
    ),
    (
        "past",
        "after_1 after_3 after_10 after_30 after_100",
        "c tanh h probability",
        "after_1.c > 90 and after_1.h > 40 and after_1.probability > 0.3",
        "after_30.c > 18 and after_100.c > 8",  # this is kept,
        "after_30.tanh < 2 and after_30.h < 2",  # and does not show
        "after_30.probability < 0.03 and after_100.probability < 0.03",
    ),
    (
        "unread",
        "training test table",
        "",
        "1.0 < training < 1.3 and test - training > 0.2",
        "abs(test - table) < 0.15",  # tuning makes up for it
    ),
    (
        "memory",
        "lstm_digit lstm_all plain_digit plain_all",
        "",
        "lstm_digit < 0.3 and 1.14 < lstm_all < 1.2",
        "plain_digit > 1 and plain_all > lstm_all + 0.05",
    ),
]


def test_the_reward_and_the_exchange_are_as_the_prose_tells():
    table = rows(output(LABORATORY, "asker"), [10, 20, 40, 100])
    (asker,) = (row for label, row in table.items() if "'?' in questions" in label)
    assert asker[100] > 75 and asker[100] > asker[10] + 5
    (wrongly,) = (row for label, row in table.items() if "'?' in statements" in label)
    assert wrongly[100] < 10, "It does not simply say “?” more often."
    out = output(LABORATORY, "exchange")
    table = rows(out, ["moved", "asking", "stating"])
    _, same, all_of_c, decide, others, far, _, usual = (
        row["moved"] for row in table.values()
    )
    assert all_of_c > 1 and decide > 0.7 * all_of_c
    for hardly in (same, others, far, usual):
        assert abs(hardly) < 0.15 * all_of_c


@pytest.mark.parametrize(
    "cell_id, labels, columns, claims",
    [(*row[:3], row[3:]) for row in ROUGHLY],
    ids=[row[0] for row in ROUGHLY],
)
def test_what_the_prose_says_roughly(cell_id, labels, columns, claims):
    name = LESSON if cell_id in code_cells(read(LESSON)) else LABORATORY
    out = output(name, cell_id)
    found = decimals(out)
    if columns:
        table = rows(out, columns.split())
        found = [SimpleNamespace(**row) for row in table.values()]
    names = dict(zip(labels.split(), found, strict=True))
    for claim in claims:
        assert eval(claim, {}, names), (
            f"Not true of what {cell_id} prints: {claim}\n{out}"
        )


def test_the_transplant_follows_the_cell_state():
    out = output(LABORATORY, "transplant")
    assert int(re.search(r"cell state\D*(\d+)", out)[1]) >= 80, f"of 90: {out}"
