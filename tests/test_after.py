"""The figures, and the cells after training: whose, of what, and how drawn."""

import math

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
    lesson = Lesson(name, "setup", ["one-call"], **SETTINGS)
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


def test_the_loss_figure_counts_iterations_and_smooths(cells):
    losses = list(np.linspace(4, 1, 250))
    axes = cells["loss_figure"](losses, BASELINES).axes[0]
    thin, mean, high, low = axes.lines
    np.testing.assert_array_equal(thin.get_xdata(), np.arange(1, 251))
    np.testing.assert_array_equal(thin.get_ydata(), losses)
    np.testing.assert_array_equal(mean.get_xdata(), np.arange(100, 251))
    expected = [np.mean(losses[i - 100 : i]) for i in range(100, 251)]
    np.testing.assert_allclose(mean.get_ydata(), expected)
    assert thin.get_linewidth() < mean.get_linewidth()
    assert thin.get_color() != mean.get_color()
    assert [line.get_ydata()[0] for line in (high, low)] == [4.0, 2.0]
    assert {line.get_linestyle() for line in (high, low)} == {"--"}
    labels = [(text.get_text(), text.get_position()[1]) for text in axes.texts]
    assert labels == list(BASELINES.items())
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["one portion", "mean of the last 100"]
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "loss (nats per character)"
    assert axes.get_ylim() == (0, 5)


@pytest.mark.parametrize("count", [0, 1, 99])
def test_the_loss_figure_before_a_mean_can_be_taken(cells, count):
    axes = cells["loss_figure"]([4.6] * count, BASELINES).axes[0]
    assert len(axes.lines) == 3 and len(axes.lines[0].get_xdata()) == count
    assert not plt.get_fignums()  # or Jupyter would show it once more


def test_perplexity_is_that_of_the_last_500(after, monkeypatch, capsys):
    monkeypatch.setitem(after, "losses", [9.0] * 10 + [1.5] * 500)
    after.run("perplexity")
    mean = "mean loss of the last 500 iterations: 1.500 nats\n"
    assert capsys.readouterr().out == f"{mean}perplexity: {math.exp(1.5):.2f}\n"
    monkeypatch.setitem(after, "losses", [2.0, 4.0])
    after.run("perplexity")
    assert "last 2 iterations: 3.000 nats" in capsys.readouterr().out


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
        assert names == [repr(after["ALPHABET"][i]) for i in top]
        assert axes.get_title() == f"T = {t}" and axes.get_ylim() == (0, 1.1)
    assert panels[0].get_ylabel() == "probability"
    assert stand_ins == [(after["model"], "th", 300, t) for t in (0.3, 0.8, 1.3)]
    assert "--- T = 1.3\na↧sample\n" in capsys.readouterr().out


def test_primes_are_continued_by_the_model(after, stand_ins, capsys):
    after.run("primes")
    primes = [args[1] for args in stand_ins]
    assert primes[0] == "th" and len(primes) == 4
    assert stand_ins == [(after["model"], prime, 99, 0.7) for prime in primes]
    out = capsys.readouterr().out
    for prime in primes:
        times = after["text"].count(prime)
        assert f"--- {prime!r}: {times} times in the text\na↧sample\n" in out
    assert after["text"].count(primes[0]) > 10 and after["text"].count(primes[3]) == 0


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
        assert text.get_position() == tuple(place) == (i % 50, -(i // 50))
        assert text.get_color() == ("white" if losses[i] > 4 else "black")
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
    first, ranges = capsys.readouterr().out.splitlines()
    printed = [float(x) for x in first.split(": [")[1][:-1].split()]
    assert printed == pytest.approx(expected[:5].tolist(), abs=6e-3)
    means = expected[10:20].mean(), expected[20:].mean()
    assert ranges == f"11 to 20: {means[0]:.2f}, 21 to 40: {means[1]:.2f}"


def test_first_letters_are_told_from_the_others(after, stand_ins, capsys):
    if after.name == "lstm":
        pytest.skip("stands in the LSTMCell notebook")
    after.run("first-letters")
    first, other = [], []
    for _, inputs, targets in stand_ins:
        chars = [after["ALPHABET"][i] for i in torch.cat([inputs[:1], targets])]
        for i, (before, char) in enumerate(zip(chars, chars[1:])):
            if char.isalpha():
                loss = targets[i].item() / 20 + i / 100
                (other if before.isalpha() else first).append(loss)
    assert {id(model) for model, _, _ in stand_ins} == {id(after["model"])}
    assert len(stand_ins) == 50 and len(first) > 500
    out = capsys.readouterr().out
    assert f"first letters of words: {np.mean(first):.2f} nats" in out
    assert f"other letters:          {np.mean(other):.2f} nats" in out


def test_how_far_back_a_trained_network_remembers(tmp_path, capsys):
    """The three statements of the prose, after 800 iterations, loosely."""
    pdf = str(tmp_path / "loss.pdf")
    settings = {"NUM_ITER": 800, "LOG_EVERY": 10**6, "LOSS_PLOT_FILE": pdf}
    lesson = Lesson("lstm", "train", ["one-call"], **settings)
    lesson.run("context")
    means, third = lesson["means"], lesson["baselines"]["the character before"]
    assert means[0] > third
    assert max(means[2:]) < third
    assert abs(np.mean(means[10:25]) - np.mean(means[25:])) < 0.1
