"""The figures, and the cells after training: whose, of what, and how drawn."""

import ast
import math
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import Lesson

BASELINES = {"high": 4.0, "low": 2.0}
SETTINGS = {"HIDDEN_DIM": 8, "PREDICT_LEN": 99, "TEMPERATURE": 0.7}


@pytest.fixture(scope="module")
def after(name):
    """A notebook up to `setup`, with another model than the untrained one."""
    lesson = Lesson(name, "setup", **SETTINGS)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(8)
    return lesson


@pytest.fixture
def stand_ins(after, monkeypatch):
    """Known losses and samples; returns what they were asked for."""
    asked = []

    def character_losses(model, inputs, targets):
        asked.append((model, inputs, targets))
        return targets / 20 + torch.arange(len(targets)) / 100

    def generate(*args):
        asked.append(args)
        return "a\x0bsample"

    monkeypatch.setitem(after, "character_losses", character_losses)
    monkeypatch.setitem(after, "generate", generate)
    plt.close("all")
    return asked


def test_the_loss_figure_shows_each_loss_and_the_mean_of_the_last_tenth(cells):
    losses = list(np.linspace(4, 1, 250))
    axes = cells["loss_figure"](losses, BASELINES).axes[0]
    thin, mean, high, low = axes.lines
    for line in thin, mean:
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 251))
    np.testing.assert_array_equal(thin.get_ydata(), losses)
    expected = [np.mean(losses[n * 9 // 10 : n]) for n in range(1, 251)]
    np.testing.assert_allclose(mean.get_ydata(), expected)
    assert thin.get_linewidth() < mean.get_linewidth()
    assert thin.get_color() != mean.get_color()
    assert [line.get_ydata()[0] for line in (high, low)] == [4.0, 2.0]
    assert {line.get_linestyle() for line in (high, low)} == {"--"}
    labels = [(text.get_text(), text.get_position()[1]) for text in axes.texts]
    assert labels == list(BASELINES.items())
    assert all(1 <= text.get_position()[0] < 1.5 for text in axes.texts)  # at the left
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["one portion", "mean of the last tenth"]
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "loss (nats per character)"
    assert axes.get_ylim() == (0, 5)


def test_the_iterations_are_on_a_logarithmic_axis_in_plain_numbers(cells):
    figure = cells["loss_figure"]([4.6] * 5000, BASELINES)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and axes.get_xlim() == (1, 5000)
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"1", "10", "100", "1000"} <= set(ticks)


@pytest.mark.parametrize("count", [0, 1, 9, 100])
def test_the_loss_figure_of_few_losses(cells, count):
    plt.close("all")
    axes = cells["loss_figure"]([4.6] * count, BASELINES).axes[0]
    assert [len(line.get_xdata()) for line in axes.lines[:2]] == [count] * 2
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [4.6] * count)
    assert axes.get_xlim() == (1, 100)
    assert not plt.get_fignums()  # otherwise, Jupyter would show it again


def test_the_plot_is_saved_as_pdf_whatever_the_name(cells, tmp_path):
    handle = SimpleNamespace(update=lambda figure: None)
    cells["show_losses"]([1.0], {}, handle, tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"%PDF")


def test_the_figure_that_is_shown_is_the_one_that_is_saved(cells, monkeypatch):
    shown, saved = [], []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda self, *_, **__: saved.append(self)
    )
    handle = SimpleNamespace(update=shown.append)
    cells["show_losses"]([1.0], {}, handle, "loss.pdf")
    assert len(saved) == 1 and saved == shown


def test_perplexity_is_that_of_the_last_tenth(after, monkeypatch, capsys):
    monkeypatch.setitem(after, "losses", [9.0] * 4500 + [1.5] * 500)
    after.run("perplexity")
    mean = "mean loss of the last 500 iterations: 1.500 nats\n"
    assert capsys.readouterr().out == f"{mean}perplexity: {math.exp(1.5):.2f}\n"
    monkeypatch.setitem(after, "losses", [9.0] * 18 + [2.0, 4.0])
    after.run("perplexity")
    out = capsys.readouterr().out
    assert "last 2 iterations: 3.000 nats" in out
    assert out.endswith(f"perplexity: {math.exp(3):.2f}\n")  # not the mean of two
    monkeypatch.setitem(after, "losses", [])
    with pytest.raises(ValueError, match="Nothing is trained yet: run the training"):
        after.run("perplexity")


def test_temperature_shows_the_models_own_prediction(after, stand_ins, capsys):
    after.run("temperature")
    states = after["model"].init_zero_state()
    for character in after["char_to_tensor"]("The test").split(1):
        logits, *states = after["model"](character, *states)
    top = logits[0].detach().topk(6).indices
    panels = after.shown[-1].axes
    for axes, t in zip(panels, (0.3, 0.8, 1.3), strict=True):
        p = torch.softmax(logits[0].detach() / t, dim=0)[top].numpy()
        heights = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(heights, p, rtol=1e-4)
        assert [text.get_text() for text in axes.texts] == [f"{x:.2f}" for x in p]
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert names == [after["ALPHABET"][i].replace(" ", "·") for i in top]
        assert axes.get_title() == f"T = {t}" and axes.get_ylim() == (0, 1.1)
    assert panels[0].get_ylabel() == "probability"
    assert stand_ins == [(after["model"], "th", 200, t) for t in (0.3, 0.8, 1.3)]
    assert "--- T = 1.3\na↧sample\n" in capsys.readouterr().out
    assert not plt.get_fignums()  # otherwise, Jupyter would show it again


def test_blanks_are_visible_in_the_labels(after, stand_ins, monkeypatch):
    logits = torch.zeros(1, 100)
    logits[0, 94:100] = torch.arange(6.0, 0, -1)  # space, tab, newline, ...
    monkeypatch.setitem(after, "read_prime", lambda *_: (logits, None, None))
    after.run("temperature")
    names = [text.get_text() for text in after.shown[-1].axes[0].get_xticklabels()]
    assert names == list("·⇥↵⇤↧⇟")


def test_primes_are_continued_by_the_model(after, stand_ins, capsys):
    after.run("primes")
    primes = [args[1] for args in stand_ins]
    assert primes[0] == "th" and "Can I " in primes
    assert stand_ins == [(after["model"], prime, 99, 0.7) for prime in primes]
    out = capsys.readouterr().out
    for prime in primes:
        times = after["text"].count(prime)
        assert f"--- {prime!r} (count in the text: {times})\na↧sample\n" in out
    assert after["text"].count(primes[0]) > 10 and after["text"].count(primes[-1]) == 0


def test_primes_are_counted_in_the_text_that_is_learned(after, stand_ins, capsys):
    lesson = dict(after) | {"text": "thth", "original": ""}
    exec(after.cells["primes"], lesson)
    assert "--- 'th' (count in the text: 2)\n" in capsys.readouterr().out


def test_predictions_show_what_the_model_expects_along_a_phrase(after, capsys):
    after.run("predictions")
    lines = capsys.readouterr().out.splitlines()
    phrase = after["phrase"]
    assert len(lines) == len(phrase) - 1
    states = after["model"].init_zero_state()
    for n, (line, char) in enumerate(
        zip(lines, after["char_to_tensor"](phrase).split(1)), start=1
    ):
        logits, *states = after["model"](char, *states)
        p = torch.softmax(logits[0].detach(), dim=0)
        head, expected = line.split("  expected:")
        assert head.lstrip() == f"{phrase[:n]} -> {phrase[n]!r}"
        top = re.findall(r"  ('.+?'|\".+?\") (\d\.\d\d)", expected)
        assert len(top) == 3
        best = p.topk(3)
        for (shown, chance), value, i in zip(top, best.values, best.indices):
            assert ast.literal_eval(shown) == after["ALPHABET"][i]
            assert float(chance) == pytest.approx(value.item(), abs=6e-3)


def test_surprise_shades_each_target_by_its_own_loss(after, stand_ins, capsys):
    after.run("surprise")
    ((model, inputs, targets),) = stand_ins
    assert model is after["model"] and len(inputs) == 200
    losses = targets / 20 + torch.arange(200) / 100
    axes, scale = plt.gcf().axes
    (marks,) = axes.collections
    np.testing.assert_allclose(marks.get_array(), losses, rtol=1e-6)
    assert marks.get_clim() == (0, 6) and scale.get_ylabel() == "loss (nats)"
    dark, light = marks.cmap([1.0, 0.0])[:, 0]
    assert dark < 0.1 and light > 0.9
    for i, (text, place) in enumerate(zip(axes.texts, marks.get_offsets())):
        char = after["ALPHABET"][targets[i]]
        assert text.get_text() == {" ": "·", "\n": "↵"}.get(char, char)
        assert text.get_position() == tuple(place) == (i % 40, -(i // 40))
        assert text.get_color() == ("white" if losses[i] > 3.5 else "black")
    assert i == 199
    assert f"mean of these 200 losses: {losses.mean():.3f}" in capsys.readouterr().out


def test_context_averages_each_place_over_a_thousand_portions(after, stand_ins, capsys):
    after.run("context")
    assert {id(model) for model, _, _ in stand_ins} == {id(after["model"])}
    assert [len(inputs) for _, inputs, _ in stand_ins] == [40] * 1000
    targets = torch.stack([targets for _, _, targets in stand_ins])
    expected = (targets / 20).mean(dim=0) + torch.arange(40) / 100
    axes = plt.gcf().axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), np.arange(1, 41))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), expected, rtol=1e-5)
    baselines = [(text.get_text(), text.get_position()[1]) for text in axes.texts]
    assert baselines == list(after["baselines"].items())
    heights = [line.get_ydata()[0] for line in axes.lines[1:]]
    assert heights == list(after["baselines"].values())
    assert axes.get_xlabel() == "characters read" and axes.get_ylim() == (0, 5)
    printed = re.findall(r"\d+\.\d*", capsys.readouterr().out)
    shown = [*expected[:5].tolist(), expected[10:].mean().item()]
    assert [float(x) for x in printed] == pytest.approx(shown, abs=6e-3)


def test_the_mean_after_11_to_40_is_of_these_places(after, monkeypatch, capsys):
    count = lambda model, inputs, targets: torch.arange(1.0, len(targets) + 1)  # noqa: E731
    monkeypatch.setitem(after, "character_losses", count)
    after.run("context")
    assert "after 11 to 40: 25.50\n" in capsys.readouterr().out


def test_the_cells_after_training_leave_its_portions_alone(after, stand_ins):
    state = after["train_rng"].bit_generator.state
    ids = list(after.cells)
    for cell_id in ids[ids.index("temperature") :]:
        after.run(cell_id)
    assert after["train_rng"].bit_generator.state == state


def test_how_far_back_a_trained_network_remembers(tmp_path, capsys):
    """The three statements of the prose, after 800 iterations, loosely."""
    pdf = str(tmp_path / "loss.pdf")
    settings = {"NUM_ITER": 800, "LOG_EVERY": 10**6, "LOSS_PLOT_FILE": pdf}
    lesson = Lesson("lstm", "train", **settings)
    lesson.run("context")
    means, third = lesson["means"], lesson["baselines"]["previous character"]
    assert means[0] > third
    assert max(means[2:]) < third
    assert abs(np.mean(means[10:25]) - np.mean(means[25:])) < 0.1
