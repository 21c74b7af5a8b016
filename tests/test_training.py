"""Training against the plain loop of the lecture; log, interrupt, going on, plot."""

import io
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import LOG_LINE, OWN_TEXT, UNUSUAL, Lesson, lecture_losses

SMALL = {"NUM_ITER": 6, "LOG_EVERY": 3, "TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 16}
BASELINES = {"high": 4.0, "middle": 3.0, "low": 2.0}


def log_lines(log):
    """Return the numbers of each line of the log: iteration, last, min, loss, mean."""
    return [tuple(map(float, found)) for found in re.findall(LOG_LINE, log)]


@pytest.fixture
def small(name, tmp_path):
    return Lesson(name, "setup", LOSS_PLOT_FILE=str(tmp_path / "loss.pdf"), **SMALL)


@pytest.mark.slow
def test_the_losses_are_those_of_the_lecture_and_every_setting_counts(fresh, unusual):
    for lesson, num_iter in (fresh, 60), (unusual, 7):
        expected, found = lecture_losses(lesson, num_iter), lesson["losses"][:num_iter]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    parameters = list(unusual["model"].parameters())
    assert len(parameters) == (7 if unusual.name == "lstmcell" else 3 + 2 * 4)
    assert unusual["text"] == OWN_TEXT.replace("“", '"').replace("”", '"')
    log, losses = unusual.out["generate"] + unusual.out["train"], unusual["losses"]
    assert [line[:2] for line in log_lines(log)] == [(n, 7) for n in (1, 3, 6, 7)]
    for n, _, _, loss, mean in log_lines(log):
        assert loss == mean == pytest.approx(losses[int(n) - 1], abs=6e-4)
    assert list(unusual["samples"]) == [1, 7]  # a stage and the newest
    for sample in unusual.out["generate"][:-1], *unusual["samples"].values():
        assert sample.startswith("The ") and len(sample) == 4 + UNUSUAL["PREDICT_LEN"]
        assert sample.translate(unusual["SIGNS"]) in log
    shown = [len(figure.axes[0].lines[0].get_xdata()) for figure in unusual.shown]
    assert shown == [0, 1, 3, 6, 7]  # one figure, drawn anew with each line of the log
    assert open(unusual["LOSS_PLOT_FILE"], "rb").read(4) == b"%PDF"


def test_the_log_has_samples_stages_minutes_and_the_mean(small, monkeypatch):
    ticks, asked = iter(range(0, 10**6, 60)), []
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    small["generate"] = lambda *args: asked.append(args) or "\x0bsample"
    small |= {"PRIME_STR": "x", "PREDICT_LEN": 9, "TEMPERATURE": 0.3}
    small |= {"losses": [9.0] * 44 + [2.0] * 5, "NUM_ITER": 160, "LOG_EVERY": 40}
    log = small.run("train")
    assert asked == [(small["model"], "x", 9, 0.3)] * log.count("\n↧sample\n")
    assert list(small["samples"]) == [50, 200, 209] and len(small["STAGES"]) == 5
    lines = log_lines(log)
    assert [line[0] for line in lines] == [50, 80, 120, 160, 200, 209]
    assert [line[2] for line in lines] == [1, 2, 3, 4, 5, 6]
    for n, _, _, _, mean in lines:
        expected = np.mean(small["losses"][int(n) * 9 // 10 : int(n)])
        assert mean == pytest.approx(expected, abs=6e-4)


def test_demonstrations_change_nothing_that_is_trained(small):
    twin = Lesson(small.name, "train", **small.settings)
    ids = list(small.cells)
    for cell_id in ids[ids.index("portions") : ids.index("setup")] * 2:
        small.run(cell_id)
    demo, train = (small[f"{k}_rng"].bit_generator.seed_seq for k in ("demo", "train"))
    assert demo.entropy != train.entropy
    small.run("setup")
    small.run("train")
    assert small["losses"] == twin["losses"]


def test_an_interrupt_keeps_all_and_running_again_goes_on_as_set(small):
    whole = Lesson(small.name, "train", **small.settings | {"NUM_ITER": 11})
    draw = small["draw_example"]

    def interrupt(*args):
        if len(small["losses"]) == 5:
            small["draw_example"] = draw
            raise KeyboardInterrupt
        return draw(*args)

    small["draw_example"] = lambda *_: int("")
    with pytest.raises(ValueError):  # only an interrupt is caught
        small.run("train")
    small["draw_example"] = interrupt
    assert "\nInterrupted after iteration 5; what was learned" in small.run("train")
    assert len(small.shown[-1].axes[0].lines[0].get_xdata()) == 5
    lines = log_lines(small.run("train"))
    assert [line[:2] for line in lines] == [(6, 11), (9, 11), (10, 11), (11, 11)]
    assert small["losses"] == whole["losses"]
    small.run("setup")
    assert small["losses"] == [] and small["samples"] == {}
    small.run("train")
    assert small["losses"] == whole["losses"][:6]
    before = small["model"].linear.weight.clone()
    small["LEARNING_RATE"] = 0.0  # counts when the cell is run again
    small.run("train")
    assert torch.equal(small["model"].linear.weight, before)


def test_the_smallest_settings_and_perplexity(small):
    sizes = {"EMBEDDING_DIM": 1, "HIDDEN_DIM": 1, "LOG_EVERY": 1, "NUM_ITER": 1}
    small |= sizes | {"PREDICT_LEN": 0, "TEXT_PORTION_SIZE": 1, "PRIME_STR": "t"}
    for cell_id in "setup", "train", "perplexity":
        small.run(cell_id)
    assert len(small["losses"]) == 1 and small["samples"] == {1: "t"}
    small["losses"], drawn = [9.0] * 18 + [2.0, 4.0], []
    small["loss_figure"] = lambda *args: drawn.append(args) or plt.figure()
    out = "mean loss of the last 2 iterations: 3.000 nats\n"
    assert small.run("perplexity") == f"{out}perplexity: {math.exp(3):.2f}\n"
    assert drawn == [(small["losses"], small["baselines"], small["samples"])]
    small["losses"] = []
    with pytest.raises(AssertionError, match="Nothing is trained yet: run the"):
        small.run("perplexity")


@pytest.mark.parametrize("count", [0, 1, 9, 250, 2400])
def test_the_loss_figure_shows_losses_means_and_baselines(lesson, count):
    plt.close("all")
    losses = list(np.linspace(4, 1, count))
    axes = lesson["loss_figure"](losses, BASELINES, {}).axes[0]
    thin, mean, *dashed = axes.lines
    assert thin.get_label() == "one portion" and "last tenth" in mean.get_label()
    np.testing.assert_array_equal(thin.get_xdata(), np.arange(1, count + 1))
    np.testing.assert_array_equal(thin.get_ydata(), losses)
    expected = [np.mean(losses[n * 9 // 10 : n]) for n in range(1, count + 1)]
    np.testing.assert_allclose(mean.get_ydata(), expected)
    assert [line.get_ydata()[0] for line in dashed] == [4, 3, 2]
    assert [text.get_text() for text in axes.texts] == list(BASELINES)
    assert np.allclose([t.get_position()[1] for t in axes.texts], [4, 3, 2], atol=0.1)
    assert axes.get_xscale() == "log" and axes.get_xlim() == (1, max(1000, count))
    assert axes.get_ylim() == (0, 5) and "nats" in axes.get_ylabel()
    assert not plt.get_fignums()  # otherwise, Jupyter would show it again


def test_samples_stand_beside_their_point_and_no_loss_is_cut_off(lesson):
    losses = [37.5, *np.linspace(4, 1, 2399)]
    stages = 1, 10, 50, 200, 1000, 2400
    samples = dict.fromkeys(stages, "${$ \x0b\n" + "y" * 99)
    figure = lesson["loss_figure"](losses, BASELINES, samples)
    figure.savefig(io.BytesIO())  # a formula in dollar signs would fail here
    axes = figure.axes[0]
    assert axes.get_ylim()[1] == 37.5
    for n, note in zip(stages, axes.texts[3:], strict=True):
        assert note.get_text() == (f"{n}: " + "${$ ↧ " + "y" * 99)[:24]
        assert note.xy == (n, pytest.approx(np.mean(losses[n * 9 // 10 : n])))
    gaps = np.diff([note.get_position()[1] for note in axes.texts[3:]])
    assert np.ptp(gaps) < 1e-9 and gaps[0] < -0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_training_on_cuda_shows_the_first_losses_of_the_cpu(fresh):
    lesson = Lesson(fresh.name, list(fresh.cells)[-1], DEVICE="cuda", NUM_ITER=20)
    np.testing.assert_allclose(lesson["losses"], fresh["losses"][:20], atol=1e-3)
