"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re

import numpy as np
import pytest
import torch
from notebooks import (
    LABORATORY,
    LESSON,
    Notebook,
    fresh_run,
    lecture_losses,
    log_entries,
    numbers,
)


def num_points(figure):
    """Return how many iterations a plot of the training shows."""
    return max([len(line.get_xdata()) for line in figure.axes[0].lines], default=0)


def interrupt_at(notebook, name, num_losses):
    """Let a function of the notebook be interrupted once, as by Jupyter's ■ button."""
    function = notebook[name]

    def interrupt(*args, **kwargs):
        if len(notebook["losses"]) == num_losses:
            notebook[name] = function
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    notebook[name] = interrupt


# --- The losses


def assert_losses_are_those_of_the_lecture(notebook, expected):
    """Compare the first losses with those of the lecture's loop."""
    np.testing.assert_allclose(
        notebook["losses"],
        expected,
        rtol=0,
        atol=1e-4,
        err_msg="The training cell has other losses than the lecture's loop, which is "
        "`lecture_losses` in tests/notebooks.py: state, targets, division, or update?",
    )


@pytest.mark.slow
def test_the_losses_of_both_notebooks_are_those_of_the_lecture():
    """With nn.LSTMCell, as in the lecture, and the default settings."""
    expected = lecture_losses(fresh_run(LESSON), 60)
    for name in (LESSON, LABORATORY):
        assert_losses_are_those_of_the_lecture(fresh_run(name), expected)


def test_the_losses_are_those_of_the_lecture_with_other_settings(unusual):
    """Every setting is unusual."""
    assert_losses_are_those_of_the_lecture(unusual, lecture_losses(unusual, 7))


def test_no_other_cell_has_a_part_in_the_training(small):
    """Whether or not all cells below have run, it goes on in the same way."""
    small.run("train")
    small.run_after("train")
    small.run("train")
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")
    assert small["losses"] == alone["losses"], (
        "Some cell draws from the random numbers of the training, or changes its model."
    )


# --- The log and the samples


@pytest.fixture(scope="module")
def going_on(name):
    """Each notebook with 49 made-up losses, trained for 160 iterations more. Its
    samples are made up, too: `calls` holds what was asked for. Tests only read it."""
    notebook = Notebook(name, "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=16)
    calls = notebook["calls"] = []

    def generate(model, prime_str, predict_len, temperature):
        iteration = len(notebook["losses"])
        calls.append((iteration, model, prime_str, predict_len, temperature))
        return f"\x0bwritten at {iteration}"

    notebook.update(generate=generate, losses=[9.0] * 44 + [2.0] * 5, NUM_ITER=160)
    notebook.update(LOG_EVERY=40, PRIME_STR="x", PREDICT_LEN=9, TEMPERATURE=0.3)
    notebook.run("train")
    return notebook


# Two stages, 50 and 200; the multiples of 40; and the last iteration
LOGGED = [50, 80, 120, 160, 200, 209]


def test_the_log_shows_the_losses_of_its_iterations(going_on):
    """And beside each the mean of the last tenth of all losses so far."""
    log = log_entries(going_on.printed("train"))
    losses = going_on["losses"]
    assert [entry.iteration for entry in log] == LOGGED
    for n, loss, mean in log:
        assert loss == pytest.approx(losses[n - 1], abs=0.001)
        assert mean == pytest.approx(np.mean(losses[n * 9 // 10 : n]), abs=0.001)


def test_each_sample_is_written_by_the_model_as_it_is_and_printed_there(going_on):
    """With the settings; between its line of the log and the next, without the raw
    vertical tab."""
    expected = [(n, going_on["model"], "x", 9, 0.3) for n in LOGGED]
    assert going_on["calls"] == expected
    out = going_on.printed("train")
    order = []
    for line in out.splitlines():
        order += [entry.iteration for entry in log_entries(line)]
        order += [int(n) for n in re.findall(r"written at (\d+)", line)]
    assert order == [n for n in LOGGED for _ in range(2)]
    assert "\x0b" not in out


def test_the_plot_has_all_losses_and_a_few_samples_at_the_end(going_on):
    """Those of the stages and the newest; it would be too full with all of them."""
    assert num_points(going_on.drawn("train")[0]) == 209
    assert list(going_on["samples"]) == [50, 200, 209]


# --- Interrupting, going on, starting over


@pytest.mark.parametrize("where, num_done", [("draw_example", 5), ("generate", 3)])
def test_an_interrupt_loses_nothing(small, where, num_done):
    """The cell ends in good order, says how far it came, and shows all losses; when it
    is run again, it goes on as if there had been no interrupt."""
    interrupt_at(small, where, num_done)
    try:
        out = small.run("train")
    except KeyboardInterrupt:
        pytest.fail("The training cell should catch the interrupt.")
    assert len(small["losses"]) == num_done
    assert str(num_done) in numbers(out.splitlines()[-1])
    assert num_points(small.drawn("train")[-1]) == num_done

    again = small.run("train")
    assert log_entries(again)[-1].iteration == num_done + 6, "NUM_ITER more"
    whole = Notebook(small.name, "setup", **small.settings)
    whole["NUM_ITER"] = num_done + 6
    whole.run("train")
    assert small["losses"] == whole["losses"]
    assert small["samples"].keys() >= {1, num_done + 6}


def test_only_an_interrupt_is_caught(small):
    def fail(*_):
        raise ValueError("seen by the reader")

    small["draw_example"] = fail
    with pytest.raises(ValueError, match="seen by the reader"):
        small.run("train")


def test_setup_starts_over(small):
    """Losses and samples are forgotten, and the same ones come again."""
    small.run("train")
    losses, samples = list(small["losses"]), dict(small["samples"])
    small.run("setup")
    assert not small["losses"] and not small["samples"]
    small.run("train")
    assert small["losses"] == losses
    assert small["samples"] == samples


def test_a_new_learning_rate_counts_when_the_training_goes_on(small):
    """At a rate of 0, no weight changes."""
    small.run("train")
    before = torch.nn.utils.parameters_to_vector(small["model"].parameters()).detach()
    small["LEARNING_RATE"] = 0
    small.run("train")
    after = torch.nn.utils.parameters_to_vector(small["model"].parameters())
    assert len(small["losses"]) == 12
    assert torch.equal(before, after)


# --- The plot and the perplexity


def test_the_plot_counts_iterations_from_one(untrained):
    """And draws each loss, with the mean of the last tenth so far."""
    losses = [float(n % 7) for n in range(40)]
    figure = untrained["loss_figure"](losses, untrained["baselines"], {3: "th"})
    (axes,) = figure.axes
    curves = [line for line in axes.lines if len(line.get_xdata()) == 40]
    for curve in curves:
        assert list(curve.get_xdata()) == list(range(1, 41))
    means = [np.mean(losses[n * 9 // 10 : n]) for n in range(1, 41)]
    drawn = [list(curve.get_ydata()) for curve in curves]
    for expected in (losses, means):
        assert any(curve == pytest.approx(expected) for curve in drawn)


def test_each_baseline_is_named_at_its_height(untrained):
    baselines = {"one": 4.0, "two": 1.0, "three": 2.5}
    (axes,) = untrained["loss_figure"]([5.0, 4.0], baselines, {}).axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    levels = [line.get_ydata()[0] for line in axes.lines]
    for name, nats in baselines.items():
        nearest = min(
            baselines, key=lambda other: abs(baselines[other] - heights[name])
        )
        assert nearest == name, f"“{name}” should stand at its loss, {nats}."
        assert nats in levels, f"There should be a line at {nats}."


def test_any_sample_can_be_drawn(untrained, tmp_path):
    """Also one that Matplotlib might take for a formula, or that no font can show."""
    samples = {1: "$x^{$_", 2: "\t\r\x0b\x0c\n"}
    figure = untrained["loss_figure"]([4.0, 3.0], untrained["baselines"], samples)
    figure.savefig(tmp_path / "loss.pdf")


def test_without_a_loss_the_perplexity_cell_says_what_to_do(small):
    with pytest.raises(AssertionError, match="(?i)train"):
        small.run("perplexity")


def test_a_plot_that_cannot_be_saved_takes_nothing_with_it(small, tmp_path):
    """The training ends in good order, and all that it needs is another file."""
    small["LOSS_PLOT_FILE"] = "no such folder/loss.pdf"
    try:
        small.run("train")
    except OSError as error:
        pytest.fail(f"The training cell should not save the plot: {error}")
    with pytest.raises(OSError):
        small.run("perplexity")
    small["LOSS_PLOT_FILE"] = str(tmp_path / "loss.pdf")
    small.run("perplexity")
    assert (tmp_path / "loss.pdf").read_bytes().startswith(b"%PDF")
    assert len(small["losses"]) == 6
