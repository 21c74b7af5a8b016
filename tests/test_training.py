"""Training against the plain loop of the lecture; log, interrupt, going on, plot."""

import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import LOG_LINE, OWN_TEXT, UNUSUAL, Lesson
from torch.nn import functional as F

SMALL = {"NUM_ITER": 6, "LOG_EVERY": 3, "TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 16}
BASELINES = {"high": 4.0, "middle": 3.0, "low": 2.0}


def log_lines(log):
    """Return the numbers of each line of the log: iteration, last, min, loss, mean."""
    return [tuple(map(float, found)) for found in re.findall(LOG_LINE, log)]


def lecture_losses(lesson, num_iter):
    """Return the losses of the plain loop, one character per call."""
    torch.manual_seed(lesson["RANDOM_SEED"])
    layer = [lesson["LAYER"], lesson["NUM_LAYERS"]] if lesson.name == "lstm" else []
    model = lesson["RNN"](100, lesson["EMBEDDING_DIM"], lesson["HIDDEN_DIM"], *layer)
    optimizer = torch.optim.Adam(model.parameters(), lr=lesson["LEARNING_RATE"])
    rng, losses = np.random.default_rng(lesson["RANDOM_SEED"]), []
    text, size = lesson["text"], lesson["TEXT_PORTION_SIZE"]
    for _ in range(num_iter):
        start = rng.integers(len(text) - size)
        indices = [lesson["ALPHABET"].index(char) for char in text[start:][: size + 1]]
        state, loss = None, 0.0
        optimizer.zero_grad()
        for index, target in zip(indices, indices[1:]):
            logits, state = model(torch.tensor([index]), state)
            loss += F.cross_entropy(logits, torch.tensor([target]))
        loss /= size
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.fixture
def small(name, tmp_path):
    """Each notebook up to `setup` with small settings."""
    return Lesson(name, "setup", LOSS_PLOT_FILE=str(tmp_path / "loss.pdf"), **SMALL)


def test_both_notebooks_have_the_first_60_losses_of_the_lecture(fresh):
    expected = lecture_losses(fresh, 60)
    np.testing.assert_allclose(fresh["losses"][:60], expected, rtol=0, atol=1e-4)


def test_with_every_setting_changed_the_losses_are_the_lectures(unusual):
    expected = lecture_losses(unusual, 7)
    np.testing.assert_allclose(unusual["losses"], expected, rtol=0, atol=1e-5)
    assert unusual["text"] == OWN_TEXT.replace("“", '"').replace("”", '"')


def test_log_samples_figures_and_pdf_are_those_of_the_settings(unusual):
    log, losses = unusual.out["train"], unusual["losses"]
    lines = log_lines(log)
    assert [line[:2] for line in lines] == [(n, 7) for n in (1, 3, 6, 7)]
    for n, _, _, loss, mean in lines:
        assert loss == mean == pytest.approx(losses[int(n) - 1], abs=6e-4)
    assert list(unusual["samples"]) == [1, 3, 6, 7]
    for sample in unusual["samples"].values():
        assert sample.startswith("The ") and len(sample) == 4 + UNUSUAL["PREDICT_LEN"]
        assert sample.translate(unusual["SIGNS"]) in log
    shown = [len(figure.axes[0].lines[0].get_xdata()) for figure in unusual.shown]
    assert shown == [0, 1, 3, 6, 7]  # one figure, drawn anew with each line of the log
    with open(unusual["LOSS_PLOT_FILE"], "rb") as file:
        assert file.read(4) == b"%PDF"


def test_samples_are_written_by_the_model_with_the_settings(small):
    asked = []
    small["generate"] = lambda *args: asked.append(args) or "\x0bsample"
    small |= {"PRIME_STR": "x", "PREDICT_LEN": 9, "TEMPERATURE": 0.3}
    assert "\n↧sample\n" in small.run("train")
    assert asked == [(small["model"], "x", 9, 0.3)] * 3


def test_the_log_has_the_stages_the_minutes_and_the_mean(small, monkeypatch):
    ticks = iter(range(0, 10**6, 60))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    small |= {"losses": [9.0] * 44 + [2.0] * 5, "NUM_ITER": 160, "LOG_EVERY": 40}
    lines = log_lines(small.run("train"))
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
    small.run("train")
    assert small["losses"] == twin["losses"]


@pytest.mark.parametrize("seed", [123, 124])
def test_demonstrations_do_not_see_the_portions_of_the_training(seed):
    lesson = Lesson("lstm", "portions", RANDOM_SEED=seed)
    twin = np.random.default_rng(seed)
    drawn = [lesson["demo_rng"].integers(10**6) for _ in range(5)]
    assert set(drawn).isdisjoint(twin.integers(10**6, size=200).tolist())


def test_an_interrupt_keeps_all_and_running_again_goes_on(small):
    whole = Lesson(small.name, "train", **small.settings | {"NUM_ITER": 11})
    draw = small["draw_example"]

    def interrupt(*args):
        if len(small["losses"]) == 5:
            small["draw_example"] = draw
            raise KeyboardInterrupt
        return draw(*args)

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


def test_a_changed_learning_rate_counts_when_training_goes_on(small):
    small.run("train")
    before = small["model"].linear.weight.clone()
    small["LEARNING_RATE"] = 0.0
    small.run("train")
    assert torch.equal(small["model"].linear.weight, before)
    assert len(small["losses"]) == 12


def test_a_plot_that_cannot_be_saved_costs_nothing(small, tmp_path):
    """A folder of that name stands in for a file that a viewer has locked."""
    (tmp_path / "loss.pdf").mkdir()
    small.run("train")
    with pytest.raises(IsADirectoryError, match=r"loss\.pdf"):
        small.run("perplexity")
    assert len(small["losses"]) == 6


def test_the_smallest_settings_run(small):
    sizes = {"EMBEDDING_DIM": 1, "HIDDEN_DIM": 1, "LOG_EVERY": 1, "NUM_ITER": 1}
    small |= sizes | {"PREDICT_LEN": 0, "TEXT_PORTION_SIZE": 1, "PRIME_STR": "t"}
    for cell_id in "setup", "train", "perplexity":
        small.run(cell_id)
    assert len(small["losses"]) == 1 and small["samples"] == {1: "t"}


def test_perplexity_is_that_of_the_last_tenth(small):
    small["losses"] = [9.0] * 18 + [2.0, 4.0]
    out = "mean loss of the last 2 iterations: 3.000 nats\n"
    assert small.run("perplexity") == f"{out}perplexity: {math.exp(3):.2f}\n"
    small["losses"] = []
    with pytest.raises(AssertionError, match="Nothing is trained yet: run the"):
        small.run("perplexity")


@pytest.mark.parametrize("count", [0, 1, 9, 250, 5000])
def test_the_loss_figure_shows_losses_means_and_baselines(lesson, count):
    plt.close("all")
    losses = list(np.linspace(4, 1, count))
    axes = lesson["loss_figure"](losses, BASELINES, {}).axes[0]
    thin, mean, *dashed = axes.lines
    np.testing.assert_array_equal(thin.get_xdata(), np.arange(1, count + 1))
    np.testing.assert_array_equal(thin.get_ydata(), losses)
    expected = [np.mean(losses[n * 9 // 10 : n]) for n in range(1, count + 1)]
    np.testing.assert_allclose(mean.get_ydata(), expected)
    assert [line.get_ydata()[0] for line in dashed] == [4, 3, 2]
    assert [text.get_text() for text in axes.texts] == list(BASELINES)
    assert [text.get_position()[1] for text in axes.texts] == pytest.approx(
        [4, 3, 2], abs=0.1
    )
    assert axes.get_xscale() == "log" and axes.get_xlim() == (1, max(100, count))
    assert axes.get_ylim() == (0, 5) and "nats" in axes.get_ylabel()
    assert not plt.get_fignums()  # otherwise, Jupyter would show it again


def test_each_stage_and_the_last_sample_stand_beside_their_point(lesson):
    losses = list(np.linspace(4, 1, 2400))
    stages = (1, 10, 50, 200, 1000)
    samples = {n: f"{n}: $x$ \x0b\n{'y' * 99}" for n in (*stages, 500, 1500, 2400)}
    figure = lesson["loss_figure"](losses, BASELINES, dict(sorted(samples.items())))
    figure.canvas.draw()  # a formula in dollar signs would fail here
    notes = figure.axes[0].texts[3:]
    for n, note in zip((*stages, 2400), notes, strict=True):
        assert note.get_text() == f"{n}: $x$ ↧ {'y' * 99}"[:22]
        mean = np.mean(losses[n * 9 // 10 : n])
        assert note.xy == (n, pytest.approx(mean))
    heights = [note.get_position()[1] for note in notes]
    assert np.ptp(np.diff(heights)) < 1e-9 and heights[0] - heights[1] > 0.1


def test_losses_that_explode_stay_in_the_figure(lesson):
    axes = lesson["loss_figure"]([4.6, 37.5], BASELINES, {}).axes[0]
    assert axes.get_ylim()[1] == 37.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_training_on_cuda_shows_the_first_losses_of_the_cpu(fresh):
    lesson = Lesson(fresh.name, "train", DEVICE="cuda", NUM_ITER=20)
    assert lesson["model"].linear.weight.is_cuda
    np.testing.assert_allclose(lesson["losses"], fresh["losses"][:20], atol=1e-3)
