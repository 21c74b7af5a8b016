"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re
from pathlib import Path

import numpy as np
import pytest
from notebooks import Notebook, curves, lecture_losses, log_entries, values
from torch.nn import functional as F


def test_the_losses_are_those_of_the_lecture_and_no_other_cell_has_a_part(small):
    """The others run in order and backwards. After `setup`, training starts over."""
    small.run("generate")  # the real one, which draws random numbers
    small.run("train")
    first, samples = list(small["losses"]), dict(small["samples"])
    expected = pytest.approx(lecture_losses(small, 7), abs=1e-4)
    assert first == expected, "Compare the training with `lecture_losses`."
    others = small.after("train")
    for cell_id in others + others[::-1]:
        small.run(cell_id)
    small.run("train")
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")
    assert small["losses"] == alone["losses"], "A cell draws its random numbers."
    small.run("setup")
    small.run("train")
    assert (small["losses"], small["samples"]) == (first, samples), "It starts over."


def test_the_log_and_the_samples(small):
    """After 49 made-up losses: two stages, the multiples of 40, and the last one."""
    inputs, targets = (small[key][:9] for key in ("test_inputs", "test_targets"))
    losses, expected, updates = [9.0] * 44 + [2.0] * 5, {}, []

    def generate(model, *asked):
        assert model is small["model"] and asked == ("The ", 33, 0.5), "model, settings"
        updates.append(len(small.shown))
        logits, _ = read(model, inputs)
        n, test_loss = len(losses), F.cross_entropy(logits, targets).item()
        expected[n] = losses[-1], np.mean(losses[n * 9 // 10 :]), test_loss
        return f"written at {n}"

    read = small.get("read_along", lambda model, inputs: model(inputs))
    small.update(test_inputs=inputs, test_targets=targets, NUM_ITER=160, LOG_EVERY=40)
    small.update(losses=losses, generate=generate)
    out = small.run("train")
    assert list(expected) == [50, 80, 120, 160, 200, 209], "iterations with a sample"
    assert small["samples"] == {n: f"written at {n}" for n in expected}
    assert updates == sorted(set(updates)), "The plot should follow while it trains."
    for n, numbers in expected.items():
        found = log_entries(out)[n]
        assert found == pytest.approx(numbers, abs=0.001), "loss, recent mean, test"
        assert small["test_losses"][n] == pytest.approx(numbers[2], abs=1e-4)
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
    small.run("perplexity")
    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole.update(NUM_ITER=num_done + 7, generate=lambda *_: "")
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."
    assert {1, num_done + 7} <= small["samples"].keys() & small["test_losses"].keys()


def test_the_plot_is_saved_and_the_newest_losses_are_printed(lesson):
    """Also after an interrupt that came before the first test loss."""
    lesson.update(losses=[9.0] * 18 + [2.0, 1.0], test_losses={5: 4.0, 20: 3.0})
    numbers = values(lesson.run("perplexity"))
    assert numbers == [1.5, 4.48, 20, 3, 20.09], "mean of the last tenth; test loss"
    lesson.update(losses=[2.0], test_losses={})
    assert values(lesson.run("perplexity")) == [2, 7.39]
    assert Path(lesson["LOSS_PLOT_FILE"]).read_bytes().startswith(b"%PDF")


def test_the_plot_names_each_line_and_points_at_the_recent_mean(shared, tmp_path):
    """A sample may look like a formula to Matplotlib; at first, there is none."""
    shared["loss_figure"]([], {}, {}).savefig(tmp_path / "loss.pdf")
    losses = [5.0] * 10 + [4.0] * 10
    samples = {n: "$x^{$_\n" for n in (1, 10, 11, 20)}
    figure = shared["loss_figure"](losses, {10: 4.5, 20: 3.5}, samples)
    figure.savefig(tmp_path / "loss.pdf")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and "iteration" in axes.get_xlabel()
    levels = {line.get_ydata()[0] for line in axes.lines if len(line.get_ydata()) == 2}
    assert levels >= set(shared["baselines"].values()), "a line for each baseline"
    assert {text.get_text() for text in axes.texts} >= set(shared["baselines"])
    drawn = curves(axes)
    assert drawn["one portion"][1] == losses
    assert drawn["recent mean"][1][8:12] == [5.0, 5.0, 4.5, 4.0], "last tenth of losses"
    assert drawn["test text"] == [[10, 20], [4.5, 3.5]]
    arrows = [text for text in axes.texts if hasattr(text, "xy")]
    points = {int(text.get_text().split(":")[0]): text.xy for text in arrows}
    expected = {1: (1, 5.0), 10: (10, 5.0), 20: (20, 4.0)}
    assert points == expected, "Stages and the newest point at the recent mean then."
