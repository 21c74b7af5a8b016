"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re

import numpy as np
import pytest
import torch
from notebooks import Notebook, curves, lecture_losses, log_entries, read_text
from torch.nn import functional as F


def test_the_losses_are_those_of_the_lecture_on_the_training_text(small):
    """With the settings SMALL, all of them unusual."""
    small.run("train")
    assert small["losses"] == pytest.approx(lecture_losses(small, 7), abs=1e-4), (
        "state, targets, division, or update? See `lecture_losses` in notebooks.py."
    )


def test_no_other_cell_has_a_part_in_the_training_and_each_can_run_again(small):
    """They run in order and backwards. After `setup`, the training starts over."""
    small.run("train")
    first = list(small["losses"]), dict(small["samples"])
    others = small.after("train")
    for cell_id in others + others[::-1]:
        small.run(cell_id)
    small.run("train")
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")
    assert small["losses"] == alone["losses"], (
        "Some cell draws from the random numbers of the training, or changes its model."
    )
    small.run("setup")
    small.run("train")
    assert (small["losses"], small["samples"]) == first, "It should start over."


def test_the_log_and_the_samples(name):
    """After 49 made-up losses: two stages, the multiples of 40, and the last one."""
    notebook = Notebook(name, "setup", TEXT_PORTION_SIZE=5, HIDDEN_DIM=16, LOG_EVERY=40)
    inputs, targets = (notebook[key][:9] for key in ("test_inputs", "test_targets"))
    losses, expected = [9.0] * 44 + [2.0] * 5, {}

    def generate(model, *asked):
        assert model is notebook["model"] and asked == ("x", 9, 0.3), "model, settings"
        n, test_loss = len(losses), F.cross_entropy(read_text(model, inputs), targets)
        expected[n] = losses[-1], np.mean(losses[n * 9 // 10 :]), test_loss.item()
        return f"written at {n}"

    notebook.update(test_inputs=inputs, test_targets=targets, NUM_ITER=160)
    notebook.update(PRIME_STR="x", PREDICT_LEN=9, TEMPERATURE=0.3)
    notebook.update(losses=losses, generate=generate)
    out = notebook.run("train")
    assert list(expected) == [50, 80, 120, 160, 200, 209], (
        "It should go on after the losses so far, with a sample at these iterations."
    )
    assert notebook["samples"] == {n: f"written at {n}" for n in expected}
    for n, numbers in expected.items():
        found = log_entries(out)[n]
        assert found == pytest.approx(numbers, abs=0.001), "loss, recent mean, test"
        assert notebook["test_losses"][n] == pytest.approx(numbers[2], abs=1e-4)
        assert re.search(rf"\b{n}\b.*\nwritten at {n}\n", out), "its sample, printed"


@pytest.mark.parametrize("where, num_done", [("draw_example", 5), ("generate", 3)])
def test_an_interrupt_loses_nothing(small, where, num_done):
    """When the cell is run again, it goes on as if there had been no interrupt."""
    function = small[where]

    def interrupt(*args):
        if len(small["losses"]) == num_done:
            small[where] = function
            raise KeyboardInterrupt
        return function(*args)

    small[where] = interrupt
    assert re.search(rf"(?i)interrupt.*\b{num_done}\b", small.run("train"))
    assert len(small["losses"]) == num_done
    shown = curves(small.figures["train"][0].axes[0])["one portion"]
    assert shown[1] == small["losses"], "The plot should be of all losses so far."
    small.run("perplexity")
    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole["NUM_ITER"] = num_done + 7
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."
    assert {1, num_done + 7} <= small["samples"].keys() & small["test_losses"].keys()


def test_a_new_learning_rate_counts_when_the_training_goes_on(small):
    small.run("train")
    before = torch.nn.utils.parameters_to_vector(small["model"].parameters()).detach()
    small["LEARNING_RATE"] = 0
    small.run("train")
    after = torch.nn.utils.parameters_to_vector(small["model"].parameters())
    assert torch.equal(before, after), "The new LEARNING_RATE of 0 was not used."


def test_the_plot_names_each_line_and_points_at_the_recent_mean(fresh):
    losses = [5.0] * 10 + [4.0] * 10
    samples = {n: f"{n}, written" for n in (1, 10, 11, 20)}
    (axes,) = fresh["loss_figure"](losses, {10: 4.5, 20: 3.5}, samples).axes
    assert axes.get_xscale() == "log" and "iteration" in axes.get_xlabel()
    levels = {line.get_ydata()[0] for line in axes.lines if len(line.get_ydata()) == 2}
    baselines = fresh["baselines"]
    assert levels >= set(baselines.values()), "a line for each baseline"
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    for name, nats in baselines.items():
        nearest = min(baselines.values(), key=lambda other: abs(other - heights[name]))
        assert nearest == nats, f"“{name}” should stand at its loss, {nats}."
    drawn = curves(axes)
    assert drawn["one portion"][1] == losses
    assert drawn["recent mean"][1][8:12] == [5.0, 5.0, 4.5, 4.0], "last tenth of losses"
    assert drawn["test text"] == [[10, 20], [4.5, 3.5]]
    arrows = [text for text in axes.texts if hasattr(text, "xy")]
    points = {int(text.get_text().split(":")[0]): text.xy for text in arrows}
    assert points == {1: (1, 5.0), 10: (10, 5.0), 20: (20, 4.0)}, (
        "Samples of the stages and the newest should point at the recent mean then."
    )


def test_any_sample_can_be_drawn(fresh, tmp_path):
    """Also one that Matplotlib might take for a formula, and none at all."""
    fresh["loss_figure"]([], {}, {}).savefig(tmp_path / "loss.pdf")
    figure = fresh["loss_figure"]([4.0, 3.0], {1: 4.2}, {1: "$x^{$_\n", 2: "⇥⇟"})
    figure.savefig(tmp_path / "loss.pdf")
