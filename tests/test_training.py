"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re

import numpy as np
import pytest
import torch
from notebooks import (
    Notebook,
    default_lecture_losses,
    lecture_losses,
    log_entries,
    numbers,
)


@pytest.mark.parametrize(
    "settings", ["small", pytest.param("fresh", marks=pytest.mark.slow)]
)
def test_the_losses_are_those_of_the_lecture(name, request, settings):
    """With the settings SMALL, all of them unusual, and with the defaults."""
    notebook = request.getfixturevalue(settings)
    if not notebook["losses"]:
        notebook.run("train")
    if settings == "fresh":
        expected = default_lecture_losses()
    else:
        expected = lecture_losses(notebook, len(notebook["losses"]))
    np.testing.assert_allclose(
        notebook["losses"],
        expected,
        rtol=0,
        atol=1e-4,
        err_msg="The training cell has other losses than the lecture's loop, which is "
        "`lecture_losses` in tests/notebooks.py: state, targets, division, or update?",
    )


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


def test_each_sample_is_written_by_the_model_as_it_is_and_printed_there(going_on):
    """With the settings; between its line of the log and the next, without the raw
    vertical tab. The plot gets those of the stages, and the newest."""
    expected = [(n, going_on["model"], "x", 9, 0.3) for n in LOGGED]
    assert going_on["calls"] == expected
    out = going_on.printed("train")
    order = []
    for line in out.splitlines():
        order += log_entries(line)
        order += [int(n) for n in re.findall(r"written at (\d+)", line)]
    assert order == [n for n in LOGGED for _ in range(2)]
    assert "\x0b" not in out
    assert list(going_on["samples"]) == [50, 200, 209]


# --- Interrupting, going on, starting over


@pytest.mark.parametrize("where, num_done", [("draw_example", 5), ("generate", 3)])
def test_an_interrupt_loses_nothing(small, where, num_done):
    """By Jupyter's ■ button: the cell ends in good order, and says how far it came;
    when it is run again, it goes on as if there had been no interrupt."""
    function = small[where]

    def interrupt(*args):
        if len(small["losses"]) == num_done:
            small[where] = function
            raise KeyboardInterrupt
        return function(*args)

    small[where] = interrupt
    try:
        out = small.run("train")
    except KeyboardInterrupt:
        pytest.fail("The training cell should catch the interrupt.")
    assert len(small["losses"]) == num_done
    assert str(num_done) in numbers(out.splitlines()[-1])

    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole["NUM_ITER"] = num_done + 7
    whole.run("train")
    assert small["losses"] == whole["losses"]
    assert small["samples"].keys() >= {1, num_done + 7}


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
    assert len(small["losses"]) == 14
    assert torch.equal(before, after)


# --- The plot


def test_each_baseline_is_named_at_its_height(untrained):
    baselines = {"one": 4.0, "two": 1.0, "three": 2.5}
    (axes,) = untrained["loss_figure"]([5.0, 4.0], baselines, {}).axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    for name, nats in baselines.items():
        nearest = min(baselines.values(), key=lambda other: abs(other - heights[name]))
        assert nearest == nats, f"“{name}” should stand at its loss, {nats}."


def test_any_sample_can_be_drawn(untrained, tmp_path):
    """Also one that Matplotlib might take for a formula, or that no font can show."""
    samples = {1: "$x^{$_", 2: "\t\r\x0b\x0c\n"}
    figure = untrained["loss_figure"]([4.0, 3.0], untrained["baselines"], samples)
    figure.savefig(tmp_path / "loss.pdf")


def test_a_folder_that_is_not_there_is_named_before_the_training(name):
    with pytest.raises(AssertionError, match="LOSS_PLOT_FILE.*no such folder"):
        Notebook(name, "plot", LOSS_PLOT_FILE="no such folder/loss.pdf")


def test_a_log_every_0_iterations_is_refused_and_costs_nothing(small):
    small.run("train")
    small["LOG_EVERY"] = 0
    with pytest.raises(AssertionError, match="LOG_EVERY"):
        small.run("train")
    assert len(small["losses"]) >= 7 and small["samples"]
