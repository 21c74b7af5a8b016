"""The files: shared cells, settings, format."""

import subprocess
import sys

import pytest
from notebooks import PATHS, ROOT, Notebook, code_cells, read

# The code cells that may differ between the notebooks; others of one id may not
OWN_CODE = "parameters model step generate setup train".split()
LECTURE = dict(TEXT_PORTION_SIZE=200, NUM_ITER=5000, LEARNING_RATE=0.005)
LECTURE |= dict(EMBEDDING_DIM=100, HIDDEN_DIM=128)
LECTURE |= dict(PRIME_STR="th", PREDICT_LEN=100, TEMPERATURE=0.8)
OURS = dict(RANDOM_SEED=123, DEVICE="cpu", NUM_THREADS=1, LOG_EVERY=200)
OURS |= dict(STAGES=(1, 10, 50, 200, 1000))


def test_shared_cells_are_the_same_to_the_letter():
    lesson, laboratory = (code_cells(read(name)) for name in PATHS)
    shared = (lesson.keys() & laboratory.keys()).difference(OWN_CODE)
    differ = [i for i in shared if lesson[i].source != laboratory[i].source]
    assert not differ, "These cells stand in both notebooks: change both."


def test_the_settings_are_those_of_the_lecture_and_of_the_stored_run(name):
    notebook = Notebook(name, "parameters")
    right = LECTURE | OURS
    changed = {key: notebook[key] for key in right if notebook[key] != right[key]}
    assert not changed, "The prose rests on these settings. Try others in a copy."


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "tests"]
    done = subprocess.run([*ruff, *PATHS.values()], cwd=ROOT, capture_output=True)
    advice = "Shorten a long line by hand. tests/README.md has commands for the rest."
    assert done.returncode == 0, f"{advice}\n{done.stdout.decode()}"
