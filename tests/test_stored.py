"""The stored outputs: from one run of the code as it is, possible, and consistent."""

import copy
import json
import math
import re

import notebooks
import numpy as np
import pytest
from notebooks import LESSON, Notebook, code_checksum, output_checksum
from stored import LABORATORY_RUN, LESSON_RUN, RUNS, log_entries

REFRESH = "Run and save it again: python tests/refresh.py"


@pytest.fixture
def stored(name):
    """The stored run of each notebook."""
    return RUNS[name]


def test_the_code_is_that_of_the_stored_run(name, stored):
    known = stored.notebook.metadata.stored_run.code_crc32
    message = f"The code has changed since the stored run. {REFRESH} {name}"
    assert code_checksum(stored.notebook) == known, message


def test_the_outputs_are_those_of_the_stored_run(name, stored):
    known = stored.notebook.metadata.stored_run.outputs_crc32
    message = f"Cells were run again, or outputs edited. {REFRESH} {name}"
    assert output_checksum(stored.notebook) == known, message


def test_all_cells_ran_once_from_top_to_bottom(name, stored):
    counts = [cell.execution_count for cell in stored.cells.values()]
    assert counts == list(range(1, len(counts) + 1)), f"{REFRESH} {name}"


def test_the_file_holds_nothing_that_jupyterlab_adds(name, stored):
    tidied = copy.deepcopy(stored.notebook)
    notebooks.tidy(tidied)
    message = f"Clear it without running: python tests/refresh.py --tidy {name}"
    assert tidied == stored.notebook, message


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


def test_the_log_has_a_line_for_each_stage_and_every_500_iterations(stored):
    expected = [1, 10, 50, 200, *range(500, 5001, 500)]
    assert [entry.iteration for entry in stored.log] == expected


def test_the_final_loss_is_that_of_the_logs_last_line(stored):
    final = stored.number("perplexity", r"last 500 iterations: (\d\.\d+) nats")
    assert final == stored.log[-1].mean


def test_the_final_loss_is_as_low_as_it_has_always_been(stored):
    assert 1.00 < stored.log[-1].mean < 1.20


def test_the_perplexity_is_e_to_the_final_loss(stored):
    perplexity = stored.number("perplexity", r"perplexity: (\S+)")
    assert perplexity == pytest.approx(math.exp(stored.log[-1].mean), abs=0.01)


def test_both_logs_show_the_same_training():
    """Rounding drives them apart, but not the means of a tenth of the iterations."""
    for lesson, laboratory in zip(LESSON_RUN.log, LABORATORY_RUN.log, strict=True):
        message = f"iteration {lesson.iteration}"
        assert lesson.mean == pytest.approx(laboratory.mean, abs=0.03), message


def test_the_stored_memory_is_possible():
    """Nothing can predict the first digit and the twelve letters of a line."""
    found = re.findall(r"digit: (\S+) nats, all: (\S+)", LABORATORY_RUN["memory"])
    assert len(found) == 2
    for second_digit, mean in found:
        least = (math.log(10) + 12 * math.log(4) + float(second_digit)) / 16
        message = f"all: {mean} nats, but the least possible is {least:.3f}"
        assert least - 0.006 < float(mean) < least + 0.05, message


def test_the_stored_differences_are_rounding():
    found = LABORATORY_RUN["one-call"] + LESSON_RUN["by-hand"]
    differences = re.findall(r"largest difference.* (\S+)\n", found)
    assert len(differences) == 3
    assert all(float(difference) < 1e-4 for difference in differences), differences
    gradients = LABORATORY_RUN.number("one-call", r"in gradients +(\S+)")
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
    compared = set(trained.out) - {"imports", "device", "train"}
    if stored["imports"] != trained.out["imports"]:
        random = {"portions", "shift", "baselines-write", "character-losses"}
        compared -= random | {"generate"}
    for cell_id in compared:
        assert trained.out[cell_id] == stored[cell_id], cell_id


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
