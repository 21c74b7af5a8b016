"""Training: the loop against the lecture's, its log, going on, starting over."""

import re

import numpy as np
import pytest
import torch
from lecture import lecture_losses
from notebooks import PATHS, code_cells, read, run_cells

BOTH = pytest.mark.parametrize("name", PATHS)
LOG_LINE = re.compile(
    r"iteration +(\d+) of (\d+) \| loss (\d\.\d{3}), mean of last 100 (\d\.\d{3}) "
    r"\| \d+:\d\d elapsed(, \d+:\d\d left)?"
)


def train(name, folder, last="train", skip=("one-call", "temperature"), **settings):
    """Run a notebook up to `last` with small settings; the PDF goes into folder."""
    settings = {"NUM_ITER": 20, "LOG_EVERY": 10} | settings
    settings = {"LOSS_PLOT_FILE": str(folder / "loss.pdf")} | settings
    return run_cells(name, last, skip, **settings)


def logged(capsys):
    """Return what was printed, without the times."""
    return re.sub(r"\| \d+:\d\d elapsed.*", "", capsys.readouterr().out)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Both notebooks after 150 iterations."""
    folder = tmp_path_factory.mktemp("trained")
    return {name: train(name, folder, NUM_ITER=150, LOG_EVERY=50) for name in PATHS}


@BOTH
def test_training_gets_below_the_frequency_baseline(trained, name):
    lesson = trained[name]
    assert len(lesson["losses"]) == 150
    recent = np.mean(lesson["losses"][-20:])
    assert recent < lesson["baselines"]["character frequencies"] - 0.3
    assert recent > 1


@BOTH
def test_losses_are_those_of_the_lecture(trained, name):
    """Same weights, same portions, the lecture's loop: the same first losses."""
    lesson = trained[name]
    torch.manual_seed(lesson["RANDOM_SEED"])
    layers = (1,) if name == "lstm" else ()
    model = lesson["RNN"](100, 100, 128, *layers)
    rng = np.random.default_rng(lesson["RANDOM_SEED"])

    def draw():
        start = rng.integers(len(lesson["text"]) - 200)
        portion = lesson["text"][start : start + 201]
        indices = torch.tensor([lesson["ALPHABET"].index(char) for char in portion])
        return indices[:-1], indices[1:]

    expected = lecture_losses(model, draw, num_iter=20, learning_rate=0.005)
    np.testing.assert_allclose(lesson["losses"][:20], expected, rtol=0, atol=1e-4)


def test_both_notebooks_show_the_same_first_60_losses(trained):
    one, other = (np.array(lesson["losses"][:60]) for lesson in trained.values())
    assert len(one) == 60
    assert np.abs(one - other).max() < 1e-4


@BOTH
def test_losses_are_numbers_that_keep_no_graph_alive(trained, name):
    assert {type(loss) for loss in trained[name]["losses"]} == {float}


@BOTH
def test_same_seed_same_losses_and_samples_whatever_the_demo_cells_do(
    name, tmp_path, capsys
):
    everything = train(name, tmp_path, NUM_ITER=12, LOG_EVERY=4, last="setup")
    ids = list(code_cells(read(name)))
    for cell_id in ids[ids.index("portion") : ids.index("setup")] * 2:
        everything["run_cell"](cell_id)
    capsys.readouterr()
    everything["run_cell"]("train")
    log = logged(capsys)
    demos = ("portion", "shift", "parameter-count", "step", "first-prediction")
    demos += ("untrained-loss",)
    demos += ("one-call", "gibberish", "followers", "temperature-table", "temperature")
    bare = train(name, tmp_path, "setup", demos, NUM_ITER=12, LOG_EVERY=4)
    capsys.readouterr()
    bare["run_cell"]("train")
    assert everything["losses"] == bare["losses"]
    assert log == logged(capsys)
    assert log.count("iteration") == 4


def test_another_seed_gives_other_losses(tmp_path):
    one, other = (train("lstm", tmp_path, NUM_ITER=3, RANDOM_SEED=s) for s in (1, 2))
    assert one["losses"] != other["losses"]


@BOTH
def test_log_lines_and_samples(name, tmp_path, capsys):
    lesson = train(name, tmp_path, last="setup", NUM_ITER=8, LOG_EVERY=3)
    capsys.readouterr()
    lesson["run_cell"]("train")
    printed = capsys.readouterr().out
    lines = list(LOG_LINE.finditer(printed))
    assert [line[1] for line in lines] == ["1", "3", "6", "8"]
    assert {line[2] for line in lines} == {"8"}
    for line in lines:
        losses = lesson["losses"][: int(line[1])]
        assert float(line[3]) == pytest.approx(losses[-1], abs=6e-4)
        assert float(line[4]) == pytest.approx(np.mean(losses), abs=6e-4)
        sample = printed[line.end() + 1 :]
        assert sample.startswith("th") and len(sample) > 102
    # one figure, shown at the start and then updated with each line of the log
    figures = [shown["image/png"] for shown in lesson["screen"].shown]
    assert len(figures) == 1 + len(lines)
    assert all(figure.startswith(b"\x89PNG") for figure in figures)
    assert (tmp_path / "loss.pdf").read_bytes().startswith(b"%PDF")


@BOTH
def test_pdf_is_saved_with_each_line_of_the_log(name, tmp_path):
    lesson = train(name, tmp_path, last="setup", NUM_ITER=4, LOG_EVERY=2)
    pdf, sizes = tmp_path / "loss.pdf", []
    evaluate = lesson["evaluate"]

    def watch(*args):
        sizes.append(pdf.stat().st_size if pdf.exists() else 0)
        pdf.unlink(missing_ok=True)
        return evaluate(*args)

    lesson["evaluate"] = watch
    lesson["run_cell"]("train")
    assert len(sizes) == 3 and sizes[0] == 0 and min(sizes[1:]) > 1000
    assert pdf.stat().st_size > 1000


@BOTH
def test_running_the_cell_again_trains_on_and_setup_starts_over(name, tmp_path, capsys):
    lesson = train(name, tmp_path, NUM_ITER=3)
    first = list(lesson["losses"])
    capsys.readouterr()
    lesson["run_cell"]("train")
    printed = capsys.readouterr().out
    assert [line[1] for line in LOG_LINE.finditer(printed)] == ["4", "6"]
    assert lesson["losses"][:3] == first and len(lesson["losses"]) == 6
    at_once = train(name, tmp_path, NUM_ITER=6)
    assert lesson["losses"] == at_once["losses"]
    lesson["run_cell"]("setup")
    assert lesson["losses"] == []
    lesson["run_cell"]("train")
    assert lesson["losses"] == first


@BOTH
def test_an_interrupt_keeps_what_was_learned(name, tmp_path, capsys):
    lesson = train(name, tmp_path, last="setup", NUM_ITER=12)
    evaluate, samples = lesson["evaluate"], []

    def interrupt_at_the_second_sample(*args):
        samples.append(evaluate(*args))
        if len(samples) == 2:
            raise KeyboardInterrupt
        return samples[-1]

    lesson["evaluate"] = interrupt_at_the_second_sample
    capsys.readouterr()
    lesson["run_cell"]("train")
    assert "Interrupted after iteration 10:" in capsys.readouterr().out
    assert len(lesson["losses"]) == 10
    assert (tmp_path / "loss.pdf").exists()
    lesson["run_cell"]("train")
    assert len(lesson["losses"]) == 22


@BOTH
def test_a_pdf_that_cannot_be_written_is_named_once_and_stops_nothing(
    name, tmp_path, capsys
):
    """A folder of that name stands in for a file that a viewer has locked."""
    folder = tmp_path / "taken.pdf"
    folder.mkdir()
    lesson = train(name, tmp_path, NUM_ITER=6, LOG_EVERY=2, LOSS_PLOT_FILE=str(folder))
    printed = capsys.readouterr().out
    assert printed.count("Could not write") == 1
    assert f"Could not write {folder}" in printed and "LOSS_PLOT_FILE" in printed
    assert len(lesson["losses"]) == 6
    assert len(lesson["screen"].shown) == 1 + 4


@BOTH
def test_a_loss_that_is_no_number_is_said_in_one_sentence(name, tmp_path):
    lesson = train(name, tmp_path, last="setup", NUM_ITER=50)
    lesson["optimizer"].param_groups[0]["lr"] = 10.0
    with pytest.raises(RuntimeError, match="diverged: lower LEARNING_RATE"):
        lesson["run_cell"]("train")
    with torch.no_grad():
        lesson["model"].linear.bias[0] = torch.nan
    lesson["losses"] = []
    with pytest.raises(RuntimeError, match="diverged: lower LEARNING_RATE"):
        lesson["run_cell"]("train")
    assert len(lesson["losses"]) == 1


@BOTH
def test_a_log_interval_below_one_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="LOG_EVERY is 0: it must be 1 or more"):
        train(name, tmp_path, LOG_EVERY=0)


@BOTH
@pytest.mark.parametrize(
    ("settings", "logged_at"),
    [
        ({"NUM_ITER": 0}, []),
        ({"NUM_ITER": 1, "PREDICT_LEN": 0}, ["1"]),
        ({"NUM_ITER": 3, "LOG_EVERY": 1000, "TEXT_PORTION_SIZE": 1}, ["1", "3"]),
    ],
)
def test_extreme_settings_run_to_the_end(name, settings, logged_at, tmp_path, capsys):
    last = list(code_cells(read(name)))[-1]
    lesson = train(name, tmp_path, last, skip=("one-call",), **settings)
    printed = capsys.readouterr().out
    assert [line[1] for line in LOG_LINE.finditer(printed)] == logged_at
    assert len(lesson["losses"]) == settings["NUM_ITER"]
    expected = "perplexity:" if logged_at else "No iteration has run yet"
    assert expected in printed


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_layers_in_training_and_writing(num_layers, tmp_path):
    lesson = train("lstm", tmp_path, NUM_LAYERS=num_layers, NUM_ITER=2, HIDDEN_DIM=16)
    hidden, cell_state = lesson["model"].init_zero_state()
    assert hidden.shape == cell_state.shape == (num_layers, 1, 16)
    assert len(lesson["losses"]) == 2
    assert len(lesson["evaluate"](lesson["model"], "th", 10, 0.8)) == 12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
@BOTH
def test_training_on_cuda_shows_the_first_losses_of_the_cpu(trained, name, tmp_path):
    lesson = train(name, tmp_path, DEVICE="cuda", NUM_ITER=20)
    assert lesson["model"].linear.weight.is_cuda
    on_cpu = trained[name]["losses"][:20]
    np.testing.assert_allclose(lesson["losses"], on_cpu, rtol=0, atol=1e-3)
