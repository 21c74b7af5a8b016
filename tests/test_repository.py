"""The files: stored outputs of this code and text, shared cells, settings, format."""

import re
import subprocess
import sys

import pytest
from notebooks import (
    LABORATORY,
    LESSON,
    PATHS,
    ROOT,
    Notebook,
    code_cells,
    log_entries,
    read,
    tidy,
    values,
)

# The code cells that may differ between the notebooks; others of one id may not
OWN_CODE = "parameters model step generate setup train".split()
LECTURE = dict(TEXT_PORTION_SIZE=200, NUM_ITER=5000, LEARNING_RATE=0.005)
LECTURE |= dict(EMBEDDING_DIM=100, HIDDEN_DIM=128)
LECTURE |= dict(PRIME_STR="th", PREDICT_LEN=100, TEMPERATURE=0.8)
REFRESH = "Is the edit wrong? If not, run it: .venv/bin/python tests/refresh.py"


def output(name, cell_id):
    """Return what is stored as printed by a cell."""
    outputs = code_cells(read(name))[cell_id].outputs
    return "".join(out.text for out in outputs if out.output_type == "stream")


def test_the_cells_ran_in_order_and_no_output_warns(name):
    """A new cell without output may wait for the next refresh."""
    stored = read(name)
    cells = code_cells(stored)
    counts = [cell.execution_count for cell in cells.values() if cell.execution_count]
    in_order = counts and counts == sorted(set(counts))
    told = "The cells did not run from top to bottom. Clear the output of a new one."
    assert in_order, f"{told} {REFRESH} {name}"
    for cell_id, cell in cells.items():
        for found in cell.outputs:
            assert found.output_type in {"stream", "display_data"}, cell_id
            assert found.get("name", "stdout") == "stdout", f"{cell_id}: {found}"
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


def test_the_figures_in_the_answers_of_readme_are_stored():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    answers = readme.split("<summary>Answers")[1].split("</details>")[0]
    ids = list(code_cells(read(LABORATORY)))
    experiments = ids[ids.index("train") + 1 :]
    printed = values("".join(output(LABORATORY, cell_id) for cell_id in experiments))
    for figure in re.findall(r"\d\.\d\d+", answers):
        told = f"Correct the answers in README: no experiment has printed {figure}."
        assert float(figure) in printed, told


def test_shared_cells_are_the_same_to_the_letter():
    lesson, laboratory = code_cells(read(LESSON)), code_cells(read(LABORATORY))
    for cell_id in (lesson.keys() & laboratory.keys()).difference(OWN_CODE):
        same = lesson[cell_id].source == laboratory[cell_id].source
        assert same, f"The cell {cell_id} stands in both notebooks: change both."


def test_the_settings_are_those_of_the_lecture(name):
    notebook = Notebook(name, "parameters")
    found = {key: notebook[key] for key in LECTURE}
    assert found == LECTURE, "The prose rests on these. Try others in a copy."


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "tests"]
    done = subprocess.run([*ruff, *PATHS.values()], cwd=ROOT, capture_output=True)
    advice = "Try: .venv/bin/python -m ruff format tests *.ipynb; shorten a long line."
    assert done.returncode == 0, f"{advice}\n{done.stdout.decode()}"
