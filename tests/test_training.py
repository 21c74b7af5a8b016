"""The training: its losses, its log, its samples, interrupting it, and going on."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import (
    LABORATORY,
    LESSON,
    LOG_LINE,
    OWN_TEXT,
    Notebook,
    Recorder,
    lecture_losses,
)
from stored import LogEntry

SMALL = {"NUM_ITER": 6, "LOG_EVERY": 3, "TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 16}


def log_lines(log):
    """Return a LogEntry for each line of the log that follows a blank line and is
    followed by a sample of one line."""
    lines = []
    for found in re.findall(rf"\n{LOG_LINE}\n(.*)\n", log):
        iteration, last, minutes, loss, mean, sample = found
        numbers = int(iteration), int(last), float(minutes), float(loss), float(mean)
        lines.append(LogEntry(*numbers, sample))
    return lines


def num_points(figure):
    """Return how many losses a plot of the training shows."""
    return len(figure.axes[0].lines[0].get_xdata())


def weights(notebook):
    """Return a copy of all the weights of the model in one tensor."""
    return torch.nn.utils.parameters_to_vector(notebook["model"].parameters()).detach()


@pytest.fixture
def small(name, tmp_path):
    """Each notebook up to `setup`, with a small network and a small text, for one test
    to change."""
    (tmp_path / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    files = {
        "TEXT_FILE": str(tmp_path / "own.txt"),
        "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf"),
    }
    return Notebook(name, "setup", **SMALL | files)


# The losses


@pytest.mark.slow
def test_the_losses_are_those_of_the_lecture(trained):
    expected = lecture_losses(trained, 60)
    np.testing.assert_allclose(trained["losses"][:60], expected, rtol=0, atol=1e-4)


def test_the_losses_are_those_of_the_lecture_with_other_settings(unusual):
    expected = lecture_losses(unusual, 7)
    np.testing.assert_allclose(unusual["losses"], expected, rtol=0, atol=1e-4)


def test_the_network_is_as_large_as_the_settings_say(unusual):
    """EMBEDDING_DIM is 12 and HIDDEN_DIM 16; LAYER is nn.GRU and NUM_LAYERS 2."""
    embedding = [(100, 12)]
    linear = [(100, 16), (100,)]
    lstm_cell = [(64, 12), (64, 16), (64,), (64,)]  # four times HIDDEN_DIM
    gru = [(48, 12), (48, 16), (48,), (48,)]  # three times
    gru_above = [(48, 16), (48, 16), (48,), (48,)]
    expected = {
        LESSON: embedding + lstm_cell + linear,
        LABORATORY: embedding + gru + gru_above + linear,
    }
    shapes = [tuple(weight.shape) for weight in unusual["model"].parameters()]
    assert shapes == expected[unusual.name]


def test_the_text_is_that_of_the_settings(unusual):
    """TEXT_FILE holds OWN_TEXT; its typographic quotes are replaced by plain ones."""
    assert unusual["text"] == OWN_TEXT.replace("“", '"').replace("”", '"')


def test_the_smallest_settings_train(small):
    small.update(
        EMBEDDING_DIM=1,
        HIDDEN_DIM=1,
        TEXT_PORTION_SIZE=1,
        NUM_ITER=1,
        LOG_EVERY=1,
        PRIME_STR="t",
        PREDICT_LEN=0,
    )
    for cell_id in ("setup", "train", "perplexity"):
        small.run(cell_id)
    assert len(small["losses"]) == 1
    assert small["samples"] == {1: "t"}


# The cells that do not train


def test_the_demonstrations_have_a_generator_of_their_own(small):
    """Not even the same seed: they would draw the portions of the training."""
    demo_seed = small["demo_rng"].bit_generator.seed_seq.entropy
    train_seed = small["train_rng"].bit_generator.seed_seq.entropy
    assert demo_seed != train_seed


def test_no_other_cell_has_a_part_in_the_training(small):
    """All cells run, those before the training twice, and then the training goes on:
    its losses must be those that it has alone."""
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")

    def no_losses(model, inputs, targets):
        return torch.zeros(len(targets))

    for cell_id in small.ids("portions", "train"):
        small.run(cell_id)
    for cell_id in small.ids("perplexity", list(small.cells)[-1]):
        if cell_id == "context":  # its 8,500 predictions would take seconds
            small["character_losses"] = no_losses
        small.run(cell_id)
    small.run("train")
    assert small["losses"] == alone["losses"]


# The log and the samples


@pytest.fixture(scope="module")
def going_on(name):
    """Each notebook with 49 made-up losses, trained for 160 iterations more.

    Its samples are made up, too: a vertical tab, then the iteration that asked for it.
    Tests only read this notebook.
    """
    notebook = Notebook(name, "setup", **SMALL)

    def write(*_):
        return f"\x0bwritten at {len(notebook['losses'])}"

    def clock():  # each iteration takes six seconds
        return 1000 + 6 * len(notebook["losses"])

    def display(figure, display_id):
        notebook["displayed"].append(figure)
        return notebook.display(figure, display_id)

    notebook.update(
        generate=Recorder(write),
        time=SimpleNamespace(perf_counter=clock),
        display=display,
        displayed=[],
        losses=[9.0] * 44 + [2.0] * 5,
        NUM_ITER=160,
        LOG_EVERY=40,
        PRIME_STR="x",
        PREDICT_LEN=9,
        TEMPERATURE=0.3,
    )
    notebook.run("train")
    return notebook


# Two stages, 50 and 200; the multiples of 40; and the last iteration
LOGGED = [50, 80, 120, 160, 200, 209]


def test_the_log_has_a_line_wherever_it_should(going_on):
    """At the stages, at multiples of LOG_EVERY, and at the end."""
    lines = log_lines(going_on.out["train"])
    assert [line.iteration for line in lines] == LOGGED
    assert [line.last for line in lines] == [209] * 6


def test_the_log_begins_at_the_first_iteration(unusual):
    steps = re.findall(r"iteration (\d+) of (\d+)", unusual.out["train"])
    assert steps == [("1", "7"), ("3", "7"), ("6", "7"), ("7", "7")]


def test_the_log_shows_the_loss_of_its_iteration(going_on):
    shown = [line.loss for line in log_lines(going_on.out["train"])]
    losses = [going_on["losses"][n - 1] for n in LOGGED]
    assert shown == pytest.approx(losses, abs=6e-4)


def test_the_log_shows_the_mean_of_the_last_tenth(going_on):
    shown = [line.mean for line in log_lines(going_on.out["train"])]
    means = [np.mean(going_on["losses"][n * 9 // 10 : n]) for n in LOGGED]
    assert shown == pytest.approx(means, abs=6e-4)


def test_the_log_shows_the_minutes_since_the_cell_began(going_on):
    minutes = [line.minutes for line in log_lines(going_on.out["train"])]
    assert minutes == [0.1, 3.1, 7.1, 11.1, 15.1, 16.0]


def test_each_sample_is_asked_for_with_the_settings(going_on):
    expected = (going_on["model"], "x", 9, 0.3)
    assert going_on["generate"].calls == [expected] * 6


def test_each_sample_is_printed_below_its_line_of_the_log(going_on):
    """With a sign in place of the vertical tab."""
    samples = [line.sample for line in log_lines(going_on.out["train"])]
    assert samples == [f"↧written at {n}" for n in LOGGED]


def test_the_samples_kept_are_those_of_the_stages_with_the_newest(going_on):
    """They stand beside the plot, which would be too full with all of them."""
    expected = {n: f"\x0bwritten at {n}" for n in (50, 200, 209)}
    assert going_on["samples"] == expected


def test_the_stages_are_five(going_on):
    """The text describes the samples of the first three."""
    assert going_on["STAGES"] == (1, 10, 50, 200, 1000)


def test_one_figure_is_displayed(going_on):
    """It is drawn anew with each line of the log, in the same place."""
    assert len(going_on["displayed"]) == 1
    assert [num_points(figure) for figure in going_on.figures] == [49, *LOGGED]


def test_the_figure_shows_the_samples_kept(going_on):
    shown = [text.get_text() for text in going_on.figures[-1].axes[0].texts]
    assert shown == [
        "uniform",
        "character frequencies",
        "previous character",
        "50: ↧written at 50",
        "200: ↧written at 200",
        "209: ↧written at 209",
    ]


def test_the_figure_is_empty_before_the_first_iteration(unusual):
    assert num_points(unusual.figures[0]) == 0


@pytest.mark.parametrize("n", [1, 7])
def test_a_sample_continues_the_prime(unusual, n):
    """PRIME_STR is "The " and PREDICT_LEN is 33."""
    sample = unusual["samples"][n]
    assert sample.startswith("The ")
    assert len(sample) == 4 + 33
    assert sample.translate(unusual["SIGNS"]) in unusual.out["train"]


def test_the_untrained_network_continues_the_prime(unusual):
    sample = unusual.out["generate"].removesuffix("\n")
    assert sample.startswith("The ")
    assert len(sample) == 4 + 33


# Interrupting, going on, starting over


@pytest.fixture
def interrupted(small):
    """`small`, interrupted after 5 of 6 iterations, as by Jupyter's ■ button."""
    draw_example = small["draw_example"]

    def interrupt(*args):
        if len(small["losses"]) == 5:
            raise KeyboardInterrupt
        return draw_example(*args)

    small["draw_example"] = interrupt
    try:
        small.run("train")
    except KeyboardInterrupt:
        pytest.fail("the training cell should catch the interrupt")
    small["draw_example"] = draw_example
    return small


def test_an_interrupt_is_reported(interrupted):
    report = "\nInterrupted after iteration 5; what was learned is kept.\n"
    assert interrupted.out["train"].endswith(report)


def test_an_interrupt_leaves_a_plot_of_all_losses(interrupted):
    assert num_points(interrupted.figures[-1]) == 5


def test_only_an_interrupt_is_caught(small):
    def fail(*_):
        raise ValueError("seen by the reader")

    small["draw_example"] = fail
    with pytest.raises(ValueError, match="seen by the reader"):
        small.run("train")


def test_the_training_goes_on_after_an_interrupt_as_if_there_was_none(interrupted):
    whole = Notebook(
        interrupted.name, "train", **interrupted.settings | {"NUM_ITER": 11}
    )
    interrupted.run("train")
    assert interrupted["losses"] == whole["losses"]


def test_the_training_goes_on_for_another_num_iter_iterations(interrupted):
    log = interrupted.run("train")
    steps = re.findall(r"iteration (\d+) of (\d+)", log)
    assert steps == [("6", "11"), ("9", "11"), ("10", "11"), ("11", "11")]


def test_the_samples_stay_when_the_training_goes_on(interrupted):
    """That of iteration 3 was the newest, not a stage's, so it goes."""
    assert list(interrupted["samples"]) == [1, 3]
    interrupted.run("train")
    assert list(interrupted["samples"]) == [1, 10, 11]


def test_setup_forgets_what_was_learned(small):
    small.run("train")
    small.run("setup")
    assert small["losses"] == []
    assert small["samples"] == {}


def test_the_training_can_start_over(small):
    small.run("train")
    losses = list(small["losses"])
    samples = dict(small["samples"])
    small.run("setup")
    small.run("train")
    assert small["losses"] == losses
    assert small["samples"] == samples


# Another learning rate for the same model


def test_a_new_learning_rate_counts_when_the_training_goes_on(small):
    """At a rate of 0, no weight changes, and the cell runs all the same."""
    small.run("train")
    before = weights(small)
    small["LEARNING_RATE"] = 0
    small.run("train")
    assert len(small["losses"]) == 12
    assert torch.equal(weights(small), before)


def test_a_negative_learning_rate_is_refused_in_one_sentence(small):
    small.run("train")
    before = weights(small)
    losses = list(small["losses"])
    small["LEARNING_RATE"] = -0.001
    with pytest.raises(AssertionError) as refused:
        small.run("train")
    assert str(refused.value) == "LEARNING_RATE must not be negative: -0.001"
    assert small["losses"] == losses, "nothing should be trained at a negative rate"
    assert torch.equal(weights(small), before)


# The perplexity


def test_the_perplexity_is_e_to_the_mean_of_the_last_tenth(small):
    """Of all that was learned, in however many runs of the training cell."""
    small["losses"] = [9.0] * 18 + [2.0, 4.0]
    assert small.run("perplexity") == (
        "mean loss of the last 2 iterations: 3.000 nats\n"
        "perplexity: 20.09\n"  # e to the 3
    )


def test_a_loss_beyond_all_bounds_has_an_infinite_perplexity(small):
    """As after a far too high LEARNING_RATE; no OverflowError ends the cell."""
    small["losses"] = [1000.0]
    with np.errstate(over="ignore"):
        assert small.run("perplexity").endswith("\nperplexity: inf\n")


def test_the_plot_saved_is_that_of_all_losses(small):
    small["losses"] = [4.0, 3.0, 2.0]
    small["samples"] = {1: "th", 3: "the"}
    small["loss_figure"] = Recorder(small["loss_figure"])
    small.run("perplexity")
    expected = (small["losses"], small["baselines"], small["samples"])
    assert small["loss_figure"].calls == [expected]


def test_the_plot_is_saved_as_a_pdf(unusual):
    file = Path(unusual["LOSS_PLOT_FILE"])
    assert file.read_bytes().startswith(b"%PDF")


def test_without_a_loss_the_perplexity_cell_says_what_to_do(small):
    small["NUM_ITER"] = 0
    small.run("train")
    message = "Nothing is trained yet: run the training cell, with NUM_ITER above 0."
    with pytest.raises(AssertionError, match=message):
        small.run("perplexity")
