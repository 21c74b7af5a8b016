"""The stored outputs: from one run of the code as it is, possible, and consistent."""

import copy
import json
import math
import re

import notebooks
import numpy as np
import pytest
from notebooks import LESSON, Notebook
from stored import LABORATORY_RUN, LESSON_RUN, RUNS, log_entries

REFRESH = "Run and save it again: python tests/refresh.py"


@pytest.fixture
def stored(name):
    """The stored run of each notebook."""
    return RUNS[name]


@pytest.fixture
def log(name, stored):
    """The log of the stored run of each notebook."""
    assert stored.log, f"No log is stored. {REFRESH} {name}"
    return stored.log


def test_the_text_is_that_of_the_stored_run(name, stored):
    known = stored.notebook.metadata.stored_run.text_crc32
    message = f"The FAQ has changed since the stored run. {REFRESH} {name}"
    assert notebooks.text_checksum() == known, message


def test_the_code_is_that_of_the_stored_run(name, stored):
    found = notebooks.code_checksum(stored.notebook)
    known = stored.notebook.metadata.stored_run.code_crc32
    message = f"The code has changed since the stored run. {REFRESH} {name}"
    assert found == known, message


def test_the_outputs_are_those_of_the_stored_run(name, stored):
    found = notebooks.output_checksum(stored.notebook)
    known = stored.notebook.metadata.stored_run.outputs_crc32
    message = f"Cells were run again, or outputs edited. {REFRESH} {name}"
    assert found == known, message


def test_all_cells_ran_once_from_top_to_bottom(name, stored):
    counts = [cell.execution_count for cell in stored.cells.values()]
    assert counts == list(range(1, len(counts) + 1)), f"{REFRESH} {name}"


def test_the_file_holds_nothing_that_jupyterlab_adds(name, stored):
    tidied = copy.deepcopy(stored.notebook)
    notebooks.tidy(tidied)
    message = f"Clear it without running: python tests/refresh.py --tidy {name}"
    assert tidied == stored.notebook, message


def test_tidy_clears_what_jupyterlab_adds_and_keeps_the_rest(stored):
    saved = copy.deepcopy(stored.notebook)
    saved.metadata.widgets = {}
    saved.metadata.language_info.version = "3.9"
    saved.metadata.kernelspec.display_name = "a kernel of mine"
    for cell in saved.cells:
        cell.metadata.editable = True
    notebooks.tidy(saved)
    assert saved == stored.notebook


def test_the_outputs_are_text_and_pictures_without_warnings(stored):
    for cell_id, cell in stored.cells.items():
        for output in cell.outputs:
            assert output.output_type in {"stream", "display_data"}, cell_id
            assert output.get("name", "stdout") == "stdout", f"{cell_id}: {output}"


def test_each_cell_that_draws_has_one_picture(stored):
    for cell_id, cell in stored.cells.items():
        draws = "plt.subplots" in cell.source or "plt.figure" in cell.source
        expected = draws and cell_id != "plot" or cell_id == "train"
        pictures = [out for out in cell.outputs if out.output_type == "display_data"]
        assert len(pictures) == expected, f"pictures under {cell_id}: {len(pictures)}"


def test_nothing_tells_of_the_machine_that_ran_it(stored):
    for cell in stored.notebook.cells:
        text = json.dumps([cell.get("outputs", []), cell.source])
        found = re.findall(r"/(?:home|root|tmp|Users|var)/|[A-Z]:\\\\\w| at 0x", text)
        assert not found, f"{cell.id}: {found}"


def test_the_file_is_small_enough_to_be_shown_by_github(name):
    assert notebooks.PATHS[name].stat().st_size < 600_000


def test_the_log_has_a_line_for_each_stage_and_every_500_iterations(log):
    expected = [1, 10, 50, 200, *range(500, 5001, 500)]
    assert [entry.iteration for entry in log] == expected


def test_the_final_loss_is_that_of_the_logs_last_line(stored, log):
    final = stored.number("perplexity", r"last 500 iterations: (\d\.\d+) nats")
    assert final == log[-1].mean


def test_the_final_loss_is_as_low_as_it_has_always_been(log):
    assert 1.00 < log[-1].mean < 1.20


def test_the_perplexity_is_e_to_the_final_loss(stored, log):
    perplexity = stored.number("perplexity", r"perplexity: (\S+)")
    assert perplexity == pytest.approx(math.exp(log[-1].mean), abs=0.01)


def test_both_logs_show_the_same_training():
    """Rounding drives them apart, but not the means of a tenth of the iterations."""
    for lesson, laboratory in zip(LESSON_RUN.log, LABORATORY_RUN.log, strict=True):
        message = f"iteration {lesson.iteration}"
        assert lesson.mean == pytest.approx(laboratory.mean, abs=0.03), message


def test_the_stored_memory_is_possible():
    """Of the 14 characters of a line, nothing can predict the first digit and the ten
    letters."""
    found = re.findall(r"digit: (\S+) nats, all: (\S+)", LABORATORY_RUN["memory"])
    assert len(found) == 2
    for second_digit, mean in found:
        least = (math.log(10) + 10 * math.log(4) + float(second_digit)) / 14
        message = f"all: {mean} nats, but the least possible is {least:.3f}"
        assert least - 0.006 < float(mean) < least + 0.05, message


def test_the_stored_differences_are_rounding():
    found = LABORATORY_RUN["one-call"] + LESSON_RUN["by-hand"]
    differences = re.findall(r"largest difference\D* (\d\S*\d)", found)
    assert len(differences) == 3
    assert all(float(difference) < 1e-4 for difference in differences), differences
    gradients = LABORATORY_RUN.number("one-call", r"in gradients +(\S+\d)")
    assert gradients < 1e-5  # gradients are smaller numbers than logits


def test_the_stored_counts_of_the_primes_are_those_of_the_text():
    text = Notebook(LESSON, "text")["text"]
    lines = re.findall(r"--- '(.+)' \(count in the text: (\d+)", LESSON_RUN["primes"])
    assert len(lines) == 5
    for prime, count in lines:
        assert text.count(prime) == int(count), prime


def test_a_fresh_run_prints_what_is_stored_before_training(trained):
    """To the letter, where the random numbers are the same: PyTorch and NumPy may
    change them in a new version."""
    stored = RUNS[trained.name]
    skipped = {"imports", "device", "train"}
    if stored["imports"] != trained.out["imports"]:
        skipped |= {"portions", "shift", "baselines-write", "character-losses"}
        skipped |= {"generate"}
    for cell_id in [key for key in trained.out if key not in skipped]:
        assert trained.out[cell_id] == stored[cell_id], (
            f"{cell_id} prints something else than in the stored run: its code, the "
            f"text, or a version has changed. {REFRESH} {trained.name}"
        )


def test_a_fresh_run_begins_to_learn_as_the_stored_one(trained):
    """On another processor, training drifts away, but not within 50 iterations."""
    stored = RUNS[trained.name]
    if stored["imports"] != trained.out["imports"]:
        pytest.skip("Other versions than those of the stored run draw other numbers.")
    fresh = log_entries(trained.out["train"])
    for old, new in zip(stored.log[:3], fresh[:3], strict=True):
        assert old.iteration == new.iteration
        assert old.sample == new.sample, f"sample of iteration {new.iteration}"
        assert old.loss == pytest.approx(new.loss, abs=0.005)
        assert old.mean == pytest.approx(new.mean, abs=0.005)


def test_training_passes_the_stages_that_the_prose_tells(trained):
    """Uniform, then character frequencies, then previous character, then beyond."""
    uniform, frequencies, previous = trained["baselines"].values()
    losses = trained["losses"]
    assert losses[0] == pytest.approx(uniform, abs=0.1)
    assert np.mean(losses[7:14]) == pytest.approx(frequencies, abs=0.3)
    assert np.mean(losses[39:60]) == pytest.approx(previous, abs=0.2)
    assert np.mean(losses[90:100]) < previous
