"""Training: against the lecture's loop, every setting, log, going on, what may fail."""

import contextlib
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import OWN_TEXT, UNUSUAL
from lecture import lecture_losses
from notebooks import Lesson

LOG_LINE = re.compile(
    r"^iteration (\d+) of (\d+) \| (\d+\.\d) min \| "
    r"loss (\d+\.\d{3}), mean of the last tenth: (\d+\.\d{3})$",
    re.M,
)
SMALL = {"NUM_ITER": 6, "LOG_EVERY": 3, "TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 16}


def train(name, folder, last="train", **settings):
    """Run a notebook up to `last` with small settings; the PDF goes into folder."""
    settings = SMALL | {"LOSS_PLOT_FILE": str(folder / "loss.pdf")} | settings
    return Lesson(name, last, **settings)


def fresh_model(lesson):
    """Return a model as `setup` makes it."""
    torch.manual_seed(lesson["RANDOM_SEED"])
    layers = [lesson["NUM_LAYERS"]] if "NUM_LAYERS" in lesson else []
    return lesson["RNN"](100, lesson["EMBEDDING_DIM"], lesson["HIDDEN_DIM"], *layers)


def by_the_lecture(lesson, num_iter):
    """Return the losses of the lecture's loop with the settings of lesson."""
    rng = np.random.default_rng(lesson["RANDOM_SEED"])
    size = lesson["TEXT_PORTION_SIZE"]

    def draw():
        start = rng.integers(len(lesson["text"]) - size)
        portion = lesson["text"][start : start + size + 1]
        indices = torch.tensor([lesson["ALPHABET"].index(char) for char in portion])
        return indices[:-1], indices[1:]

    return lecture_losses(fresh_model(lesson), draw, num_iter, lesson["LEARNING_RATE"])


def test_both_notebooks_have_the_first_60_losses_of_the_lecture(trained):
    """Same weights, same portions, the lecture's plain loop."""
    expected = by_the_lecture(trained["lstmcell"], 60)
    for lesson in trained.values():
        np.testing.assert_allclose(lesson["losses"], expected, rtol=0, atol=1e-4)


def test_training_learns(trained, name):
    losses = trained[name]["losses"]
    assert len(losses) == 60 and {type(loss) for loss in losses} == {float}
    baselines = trained[name]["baselines"]
    assert 1 < np.mean(losses[-20:]) < baselines["character frequencies"] - 0.3


def test_sizes_seed_and_learning_rate_are_those_of_the_settings(unusual):
    """With every setting other than its default, the losses are the lecture's."""
    np.testing.assert_allclose(
        unusual["losses"], by_the_lecture(unusual, 7), rtol=0, atol=1e-5
    )
    shapes = [parameter.shape for parameter in unusual["model"].parameters()]
    assert shapes == [
        parameter.shape for parameter in fresh_model(unusual).parameters()
    ]
    if unusual.name == "lstm":
        assert unusual["model"].lstm.num_layers == 2
    assert unusual["optimizer"].param_groups[0]["lr"] == 0.01
    assert unusual["text"] == OWN_TEXT.replace("“", '"').replace("”", '"')
    assert len(unusual["inputs"]) == UNUSUAL["TEXT_PORTION_SIZE"]


def test_log_samples_figures_and_pdf_are_those_of_the_settings(unusual):
    lines = list(LOG_LINE.finditer(unusual.log))
    assert [line[1] for line in lines] == ["1", "3", "6", "7"]
    for line in lines:
        assert line[2] == "7" and float(line[3]) < 5
        losses = unusual["losses"][: int(line[1])]
        assert float(line[4]) == pytest.approx(losses[-1], abs=6e-4)
        assert float(line[5]) == pytest.approx(losses[-1], abs=6e-4)  # a tenth of 7
        sample = unusual.log[line.end() + 1 :].split("\niteration")[0].rstrip("\n")
        assert sample.startswith("The ") and 20 < len(sample) <= 4 + 33
    assert unusual.generated == [(unusual["model"], "The ", 33, 0.5)] * 4
    # one figure, shown at the start and then drawn anew with each line of the log
    lengths = [len(figure.axes[0].lines[0].get_xdata()) for figure in unusual.shown]
    assert lengths == [0, 1, 3, 6, 7]
    with open(unusual["LOSS_PLOT_FILE"], "rb") as file:
        assert file.read(4) == b"%PDF"


def test_the_mean_is_that_of_the_last_tenth_of_all(name, tmp_path, capsys):
    lesson = train(name, tmp_path, "setup", NUM_ITER=1)
    lesson["losses"] = [9.0] * 54 + [2.0] * 5
    capsys.readouterr()
    lesson.run("train")
    line = LOG_LINE.search(capsys.readouterr().out)
    assert line[1] == line[2] == "60"
    mean = (5 * 2 + lesson["losses"][-1]) / 6
    assert float(line[5]) == pytest.approx(mean, abs=6e-4)


def test_the_log_has_the_stages_at_1_10_and_50(name, tmp_path, capsys):
    small = {"TEXT_PORTION_SIZE": 5, "PREDICT_LEN": 3, "LOG_EVERY": 40}
    lesson = train(name, tmp_path, "setup", NUM_ITER=55, **small)
    capsys.readouterr()
    lesson.run("train")
    lesson["NUM_ITER"] = 3
    lesson.run("train")
    lines = LOG_LINE.finditer(capsys.readouterr().out)
    assert [int(line[1]) for line in lines] == [1, 10, 40, 50, 55, 58]


def test_the_log_tells_minutes(name, tmp_path, capsys):
    lesson = train(name, tmp_path, "setup", NUM_ITER=3, LOG_EVERY=1)
    ticks = iter(range(0, 6000, 60))
    lesson["time"] = SimpleNamespace(perf_counter=lambda: next(ticks))
    capsys.readouterr()
    lesson.run("train")
    lines = LOG_LINE.finditer(capsys.readouterr().out)
    assert [line[3] for line in lines] == ["1.0", "2.0", "3.0"]


def test_demonstrations_change_nothing_that_is_trained(name, tmp_path):
    bare = train(name, tmp_path)
    busy = train(name, tmp_path, "setup")
    ids = list(busy.cells)
    for cell_id in ids[ids.index("portions") : ids.index("setup")] * 2:
        busy.run(cell_id)
    busy.run("train")
    assert busy["losses"] == bare["losses"]


def test_another_seed_gives_other_losses(tmp_path):
    one, other = (train("lstm", tmp_path, RANDOM_SEED=seed) for seed in (1, 2))
    assert one["losses"] != other["losses"]


def test_running_again_trains_on_and_setup_starts_over(name, tmp_path, capsys):
    lesson = train(name, tmp_path, NUM_ITER=3)
    first = list(lesson["losses"])
    capsys.readouterr()
    lesson.run("train")
    lines = list(LOG_LINE.finditer(capsys.readouterr().out))
    assert [line[1] for line in lines] == ["6"]
    assert lesson["losses"] == train(name, tmp_path, NUM_ITER=6)["losses"]
    lesson.run("setup")
    assert lesson["losses"] == []
    lesson.run("train")
    assert lesson["losses"] == first


def test_an_interrupt_keeps_what_was_learned(name, tmp_path, capsys):
    whole = train(name, tmp_path, NUM_ITER=12)["losses"]
    lesson = train(name, tmp_path, "setup", NUM_ITER=12)
    generate = lesson["generate"]

    def interrupt(*args):
        lesson["generate"] = generate
        (tmp_path / "loss.pdf").unlink(missing_ok=True)
        raise KeyboardInterrupt

    lesson["generate"] = interrupt
    lesson.run("train")
    assert "Interrupted after iteration 1; what was" in capsys.readouterr().out
    assert len(lesson.shown[-1].axes[0].lines[0].get_xdata()) == 1
    assert (tmp_path / "loss.pdf").exists()
    lesson["NUM_ITER"] = 11
    lesson.run("train")
    assert lesson["losses"] == whole


def test_an_interrupt_between_two_log_lines_counts_what_was_learned(
    name, tmp_path, capsys
):
    lesson = train(name, tmp_path, "setup")
    draw_example = lesson["draw_example"]

    def interrupt(*args):
        if len(lesson["losses"]) == 2:
            raise KeyboardInterrupt
        return draw_example(*args)

    lesson["draw_example"] = interrupt
    lesson.run("train")
    assert "Interrupted after iteration 2;" in capsys.readouterr().out
    assert len(lesson["losses"]) == 2


def test_a_pdf_that_cannot_be_written_stops_nothing(name, tmp_path, capsys):
    """A folder of that name stands in for a file that a viewer has locked."""
    (tmp_path / "loss.pdf").mkdir()
    lesson = train(name, tmp_path)
    said = re.findall(r"^.*was not saved.*$", capsys.readouterr().out, re.M)
    assert len(said) == 3
    start = f"The plot was not saved as {tmp_path}/loss.pdf (IsADirectoryError("
    assert said[0].startswith(start) and said[0].endswith("; nothing else is lost.")
    assert len(lesson["losses"]) == 6 and len(lesson.shown) == 1 + 3


def test_an_interrupt_within_the_first_save_costs_one_line_for_each_pdf(
    name, tmp_path, capsys, monkeypatch
):
    """It leaves matplotlib's PDF code half imported, which then raises."""
    interrupts = iter([KeyboardInterrupt()])

    def savefig(*args, **kwargs):
        raise next(interrupts, AssertionError())

    lesson = train(name, tmp_path, "setup")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)
    capsys.readouterr()
    lesson.run("train")
    out = capsys.readouterr().out
    assert "Interrupted after iteration 1;" in out
    line = f"not saved as {tmp_path}/loss.pdf (AssertionError()); nothing else is lost."
    assert out.endswith(line + "\n") and out.count(line) == 1
    lesson.run("train")
    assert len(lesson["losses"]) == 7
    assert capsys.readouterr().out.count(line) == 3


@pytest.mark.parametrize("bias", [math.nan, -math.inf, -1000.0])
def test_a_loss_that_has_exploded_is_said_in_one_sentence(name, tmp_path, bias):
    lesson = train(name, tmp_path, "setup")
    with torch.no_grad():
        lesson["model"].linear.bias[1:] = bias
    with pytest.raises(ValueError, match="exploded: lower LEARNING_RATE and rerun all"):
        lesson.run("train")
    assert len(lesson["losses"]) == 1


def test_a_learning_rate_of_10_is_said_to_be_too_high(tmp_path):
    with pytest.raises(ValueError, match="exploded: lower LEARNING_RATE"):
        train("lstm", tmp_path, LEARNING_RATE=10.0, NUM_ITER=200)


def test_the_model_is_made_on_the_device_of_the_settings(name):
    """The device "meta" has no numbers, but shows where a tensor was made."""
    lesson = Lesson(name, "plot")
    lesson["device"] = "meta"
    with contextlib.suppress(RuntimeError):  # there is no fused Adam there
        lesson.run("setup")
    assert lesson["model"].linear.weight.is_meta


def test_the_smallest_settings_run(name, tmp_path):
    smallest = {"NUM_ITER": 1, "PREDICT_LEN": 0, "TEXT_PORTION_SIZE": 1}
    sizes = {"EMBEDDING_DIM": 1, "HIDDEN_DIM": 1, "LOG_EVERY": 1, "PRIME_STR": "t"}
    assert len(train(name, tmp_path, **smallest | sizes)["losses"]) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_training_on_cuda_shows_the_first_losses_of_the_cpu(trained, name, tmp_path):
    default = {"TEXT_PORTION_SIZE": 200, "HIDDEN_DIM": 128, "NUM_ITER": 20}
    lesson = train(name, tmp_path, DEVICE="cuda", **default)
    assert lesson["model"].linear.weight.is_cuda
    on_cpu = trained[name]["losses"][:20]
    np.testing.assert_allclose(lesson["losses"], on_cpu, rtol=0, atol=1e-3)
    for cell_id in list(lesson.cells)[list(lesson.cells).index("perplexity") :]:
        lesson.run(cell_id)
