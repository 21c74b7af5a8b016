"""The training: its losses, its log, its samples, its plot, an interrupt."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import Notebook, as_text, curves, log_entries, read_text
from torch.nn import functional as F


def lecture_losses(notebook, num_iter):
    """Return the losses of the lecture's loop, which calls the model per character."""
    text, portion_size = notebook["training_text"], notebook["TEXT_PORTION_SIZE"]
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


def test_the_losses_are_those_of_the_lecture_on_the_training_text(small):
    """With the settings SMALL, all of them unusual."""
    small.run("train")
    assert small["losses"] == pytest.approx(lecture_losses(small, 7), abs=1e-4), (
        "state, targets, division, or update? See `lecture_losses` above."
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


# --- The log and the samples


@pytest.fixture(scope="module")
def going_on(name):
    """Each notebook with 49 made-up losses, trained for 160 iterations more. `calls`
    holds what `generate` was asked for, and the test loss then. Tests only read it."""
    notebook = Notebook(name, "setup", TEXT_PORTION_SIZE=5, HIDDEN_DIM=16)
    inputs, targets = (notebook[key][:9] for key in ("test_inputs", "test_targets"))
    calls = notebook["calls"] = {}

    def generate(model, *asked):
        iteration = len(notebook["losses"])
        test_loss = F.cross_entropy(read_text(model, inputs), targets).item()
        calls[iteration] = model, asked, test_loss
        return f"written at {iteration}"

    notebook.update(generate=generate, losses=[9.0] * 44 + [2.0] * 5, NUM_ITER=160)
    notebook.update(LOG_EVERY=40, PRIME_STR="x", PREDICT_LEN=9, TEMPERATURE=0.3)
    notebook.update(test_inputs=inputs, test_targets=targets)
    clock = iter(range(0, 10**6, 90))  # a minute and a half from look to look
    notebook["time"] = SimpleNamespace(perf_counter=lambda: next(clock))
    notebook.run("train")
    return notebook


# Two stages, 50 and 200; the multiples of 40; and the last iteration
LOGGED = [50, 80, 120, 160, 200, 209]


def test_each_sample_is_written_by_the_model_as_it_is_and_printed_there(going_on):
    """With the settings; between its line of the log and the next."""
    assert list(going_on["calls"]) == LOGGED, "the iterations that have a sample"
    for model, asked, _ in going_on["calls"].values():
        assert model is going_on["model"] and asked == ("x", 9, 0.3), "the settings"
    order = []
    for line in going_on.out["train"].splitlines():
        order += log_entries(line)
        order += [int(n) for n in re.findall(r"written at (\d+)", line)]
    assert order == [n for n in LOGGED for _ in range(2)], (
        "After each line of the log, its sample should be printed."
    )
    kept = {n: f"written at {n}" for n in LOGGED}
    assert going_on["samples"] == kept, "All samples should be kept."


def test_the_log_names_loss_recent_mean_test_loss_and_minutes(going_on):
    losses, calls = going_on["losses"], going_on["calls"]
    lines = [line for line in going_on.out["train"].splitlines() if log_entries(line)]
    for k, line in enumerate(lines, start=1):
        ((n, found),) = log_entries(line).items()
        expected = losses[n - 1], np.mean(losses[n * 9 // 10 : n]), calls[n][2]
        assert found == pytest.approx(expected, abs=0.001), "loss, recent mean, test"
        assert going_on["test_losses"][n] == pytest.approx(calls[n][2], abs=1e-4)
        assert f"{1.5 * k} min" in line, line


def test_the_test_loss_is_that_of_the_test_text(untrained):
    read = as_text(untrained["test_inputs"]), as_text(untrained["test_targets"])
    assert read == (untrained["test_text"][:-1], untrained["test_text"][1:])


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
    shown = curves(small.figures["train"][0].axes[0])["one portion"]
    assert shown[1] == small["losses"], "The plot should be of all losses so far."
    small.run("perplexity")
    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole["NUM_ITER"] = num_done + 7
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."
    last = num_done + 7
    assert small["test_losses"][last] == whole["test_losses"][last]
    assert small["samples"].keys() >= {1, last}, "first and last sample"


def test_a_new_learning_rate_counts_when_the_training_goes_on(small):
    small.run("train")
    before = torch.nn.utils.parameters_to_vector(small["model"].parameters()).detach()
    small["LEARNING_RATE"] = 0
    small.run("train")
    after = torch.nn.utils.parameters_to_vector(small["model"].parameters())
    assert torch.equal(before, after), "The new LEARNING_RATE of 0 was not used."


# --- The plot


def test_the_plot_names_each_line_and_points_at_the_recent_mean(untrained):
    losses = [5.0] * 10 + [4.0] * 10
    samples = {n: f"{n}, written" for n in (1, 10, 11, 20)}
    (axes,) = untrained["loss_figure"](losses, {10: 4.5, 20: 3.5}, samples).axes
    assert axes.get_xscale() == "log" and "iteration" in axes.get_xlabel()
    assert "nats" in axes.get_ylabel()
    baselines = untrained["baselines"]
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    for name, nats in baselines.items():
        nearest = min(baselines.values(), key=lambda other: abs(other - heights[name]))
        assert nearest == nats, f"“{name}” should stand at its loss, {nats}."
    drawn = {name.split()[-1]: points for name, points in curves(axes).items()}
    assert drawn["portion"][1] == losses
    assert drawn["mean"][1][8:12] == [5.0, 5.0, 4.5, 4.0], (
        "the last tenth of the losses"
    )
    assert drawn["text"] == [[10, 20], [4.5, 3.5]], "test text"
    arrows = {text.get_text(): text.xy for text in axes.texts if hasattr(text, "xy")}
    points = {int(words.split(":")[0]): point for words, point in arrows.items()}
    assert points == {1: (1, 5.0), 10: (10, 5.0), 20: (20, 4.0)}, (
        "Samples of the stages and the newest should point at the recent mean then."
    )


def test_any_sample_can_be_drawn(untrained, tmp_path):
    """Also one that Matplotlib might take for a formula, and none at all."""
    untrained["loss_figure"]([], {}, {}).savefig(tmp_path / "loss.pdf")
    figure = untrained["loss_figure"]([4.0, 3.0], {1: 4.2}, {1: "$x^{$_\n", 2: "⇥⇟"})
    figure.savefig(tmp_path / "loss.pdf")
