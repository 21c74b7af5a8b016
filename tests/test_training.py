"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import Notebook, legend, log_entries, values
from torch.nn import functional as F


def lecture_losses(notebook, num_iter):
    """Return the losses of the lecture's loop, which calls the model per character."""
    text, portion_size = notebook["text"], notebook["TEXT_PORTION_SIZE"]
    char_to_tensor = notebook["char_to_tensor"]
    model = notebook.new_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=notebook["LEARNING_RATE"])
    rng = np.random.default_rng(notebook["RANDOM_SEED"])
    losses = []
    for _ in range(num_iter):
        start = rng.integers(len(text) - portion_size)
        state = None
        loss = 0.0
        for i in range(start, start + portion_size):
            logits, state = model(char_to_tensor(text[i]), state)
            loss = loss + F.cross_entropy(logits, char_to_tensor(text[i + 1]))
        loss = loss / portion_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_losses_are_those_of_the_lecture(small):
    """With the settings SMALL, all of them unusual."""
    small.run("train")
    assert small["losses"] == pytest.approx(lecture_losses(small, 7), abs=1e-4), (
        "state, targets, division, or update? See `lecture_losses` above."
    )


def test_no_other_cell_has_a_part_in_the_training_and_each_can_run_again(small):
    """They run in order and backwards. After `setup`, the training starts over."""
    small.run("train")
    first = list(small["losses"]), dict(small["samples"])
    small.run_after("train")
    small.run_after("train", order=reversed)
    small.run("train")
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")
    assert small["losses"] == alone["losses"], (
        "Some cell draws from the random numbers of the training, or changes its model."
    )
    small.run("setup")
    small.run("train")
    assert (small["losses"], small["samples"]) == first, "It should start over."


# --- The log and the samples


@pytest.fixture(scope="module")
def going_on(name):
    """Each notebook with 49 made-up losses, trained for 160 iterations more. Its
    samples are made up, too: `calls` holds what was asked for. Tests only read it."""
    notebook = Notebook(name, "setup", TEXT_PORTION_SIZE=5, HIDDEN_DIM=16)
    calls = notebook["calls"] = []

    def generate(model, prime_str, predict_len, temperature):
        iteration = len(notebook["losses"])
        calls.append((iteration, model, prime_str, predict_len, temperature))
        return f"\x0bwritten at {iteration}"

    notebook.update(generate=generate, losses=[9.0] * 44 + [2.0] * 5, NUM_ITER=160)
    notebook.update(LOG_EVERY=40, PRIME_STR="x", PREDICT_LEN=9, TEMPERATURE=0.3)
    clock = iter(range(0, 10**6, 90))  # a minute and a half from look to look
    notebook["time"] = SimpleNamespace(perf_counter=lambda: next(clock))
    notebook.run("train")
    return notebook


# Two stages, 50 and 200; the multiples of 40; and the last iteration
LOGGED = [50, 80, 120, 160, 200, 209]


def test_each_sample_is_written_by_the_model_as_it_is_and_printed_there(going_on):
    """With the settings; between its line of the log and the next, without the raw
    vertical tab. The plot gets those of the stages, and the newest."""
    model = going_on["model"]
    assert going_on["calls"] == [(n, model, "x", 9, 0.3) for n in LOGGED], (
        "iteration, network, PRIME_STR, PREDICT_LEN, TEMPERATURE"
    )
    out = going_on.out["train"]
    order = []
    for line in out.splitlines():
        order += log_entries(line)
        order += [int(n) for n in re.findall(r"written at (\d+)", line)]
    assert order == [n for n in LOGGED for _ in range(2)], (
        "After each line of the log, its sample should be printed."
    )
    assert "\x0b" not in out, "A vertical tab is printed raw."
    assert list(going_on["samples"]) == [50, 200, 209], "the samples beside the plot"


def test_the_log_names_loss_mean_of_the_last_tenth_last_iteration_and_minutes(going_on):
    losses = going_on["losses"]
    lines = [line for line in going_on.out["train"].splitlines() if log_entries(line)]
    for k, line in enumerate(lines, start=1):
        ((n, (loss, mean)),) = log_entries(line).items()
        assert loss == pytest.approx(losses[n - 1], abs=0.001)
        assert mean == pytest.approx(np.mean(losses[n * 9 // 10 : n]), abs=0.001)
        assert values(line)[1] == 209 and f"{1.5 * k} min" in line, line


# --- Interrupting, going on, starting over


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
    shown = legend(small.figures["train"][0].axes[0])["one portion"]
    assert shown[1] == small["losses"], "The plot should be of all losses so far."
    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole["NUM_ITER"] = num_done + 7
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."
    assert small["samples"].keys() >= {1, num_done + 7}, "first and last sample"


def test_a_new_learning_rate_counts_when_the_training_goes_on(small):
    small.run("train")
    before = torch.nn.utils.parameters_to_vector(small["model"].parameters()).detach()
    small["LEARNING_RATE"] = 0
    small.run("train")
    after = torch.nn.utils.parameters_to_vector(small["model"].parameters())
    assert torch.equal(before, after), "The new LEARNING_RATE of 0 was not used."


def test_a_log_every_0_iterations_is_refused_before_an_update(small):
    small.run("train")
    small["LOG_EVERY"] = 0
    with pytest.raises(ValueError, match="LOG_EVERY"):
        small.run("train")
    assert len(small["losses"]) == 7 and small["samples"]


# --- The plot


def test_the_plot_names_each_line_and_points_at_the_mean(untrained):
    baselines = {"one": 4.0, "two": 1.0, "three": 2.5}
    losses = [5.0] * 10 + [4.0] * 10
    (axes,) = untrained["loss_figure"](losses, baselines, {11: "x", 20: "y"}).axes
    assert axes.get_xscale() == "log" and "iteration" in axes.get_xlabel()
    assert "nats" in axes.get_ylabel()
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    for name, nats in baselines.items():
        nearest = min(baselines.values(), key=lambda other: abs(other - heights[name]))
        assert nearest == nats, f"“{name}” should stand at its loss, {nats}."
    curves = legend(axes)
    (means,) = (y for name, (_, y) in curves.items() if "mean" in name)
    (each,) = (y for name, (_, y) in curves.items() if "portion" in name)
    assert each == losses and means[8:12] == [5.0, 5.0, 4.5, 4.0]
    points = [text.xy for text in axes.texts if hasattr(text, "xy")]
    assert points == [(11, 4.5), (20, 4.0)], "A sample should point at the mean then."


def test_any_sample_can_be_drawn(untrained, tmp_path):
    """Also one that Matplotlib might take for a formula, or that no font can show."""
    samples = {1: "$x^{$_", 2: "\t\r\x0b\x0c\n"}
    figure = untrained["loss_figure"]([4.0, 3.0], untrained["baselines"], samples)
    figure.savefig(tmp_path / "loss.pdf")


def test_a_folder_that_is_not_there_is_named_before_the_training(name):
    with pytest.raises(ValueError, match="no such folder"):
        Notebook(name, "plot", LOSS_PLOT_FILE="no such folder/loss.pdf")
