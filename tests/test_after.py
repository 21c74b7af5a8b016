"""The cells after training: whose predictions they show, and of what."""

import ast
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import Lesson


@pytest.fixture(scope="module")
def after(name):
    """A notebook up to `setup`, with another model than the untrained one."""
    lesson = Lesson(name, "setup", HIDDEN_DIM=8, PREDICT_LEN=99, TEMPERATURE=0.7)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(8)
    return lesson


@pytest.fixture
def asked(after, monkeypatch):
    """Known losses and samples instead of the model's; returns what was asked for."""
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


def predictions_along(lesson, text):
    """Return the model's probabilities after each character of text, (L, 100)."""
    state, rows = None, []
    for character in lesson["char_to_tensor"](text).split(1):
        logits, state = lesson["model"](character, state)
        rows.append(logits.detach())
    return torch.softmax(torch.cat(rows), dim=1)


def test_temperature_shows_the_models_own_prediction(after, monkeypatch):
    plt.close("all")
    after.run("temperature")
    p = predictions_along(after, "The test")[-1]
    top = p.topk(6).indices
    for axes, t in zip(plt.gcf().axes, (0.3, 0.8, 1.3), strict=True):
        expected = (p ** (1 / t) / (p ** (1 / t)).sum())[top]
        heights = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(heights, expected, rtol=1e-4)
        labels = [text.get_text() for text in axes.texts]
        assert labels == [f"{height:.2f}" for height in heights]
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert names == [after["ALPHABET"][i].translate(after["BLANKS"]) for i in top]
        assert axes.get_title() == f"T = {t}"


def test_samples_come_at_three_temperatures(after, asked):
    assert "--- T = 1.3\na↧sample\n" in after.run("temperature-samples")
    assert asked == [(after["model"], "th", 200, t) for t in (0.3, 0.8, 1.3)]


def test_primes_are_continued_by_the_model_and_counted(after, asked, monkeypatch):
    monkeypatch.setitem(after, "text", "thth Can I ")
    out = after.run("primes")
    primes = [args[1] for args in asked]
    assert primes[0] == "th" and "Can I " in primes
    assert asked == [(after["model"], prime, 99, 0.7) for prime in primes]
    counts = [int(n) for n in re.findall(r"in the text: (\d+)\)\na↧sample\n", out)]
    assert counts == ["thth Can I ".count(prime) for prime in primes]


def test_predictions_show_what_the_model_expects_along_a_phrase(after):
    lines = after.run("predictions").splitlines()
    phrase = after["phrase"]
    assert len(lines) == len(phrase) - 1
    for n, (line, p) in enumerate(zip(lines, predictions_along(after, phrase)), 1):
        head, expected = line.split("  expected:")
        assert head.lstrip() == f"{phrase[:n]} -> {phrase[n]!r}"
        shown = re.findall(r"  ('.+?'|\".+?\") (\d\.\d\d)", expected)
        best = p.topk(3)
        for (char, chance), value, i in zip(
            shown, best.values, best.indices, strict=True
        ):
            assert ast.literal_eval(char) == after["ALPHABET"][i]
            assert float(chance) == pytest.approx(value.item(), abs=6e-3)


def test_surprise_shades_each_target_by_its_own_loss(after, asked):
    out = after.run("surprise")
    ((model, inputs, targets),) = asked
    assert model is after["model"] and len(inputs) == 200
    losses = (targets / 20 + torch.arange(200) / 100).view(5, 40)
    axes, scale = plt.gcf().axes
    np.testing.assert_allclose(axes.images[0].get_array(), losses, rtol=1e-6)
    assert scale.get_ylabel() == "loss (nats)"
    for n, (text, i) in enumerate(zip(axes.texts, targets, strict=True)):
        assert text.get_text() == after["ALPHABET"][i].translate(after["BLANKS"])
        assert text.get_position() == (n % 40, n // 40)
    assert out == f"mean of these losses: {losses.mean():.3f} nats\n"


def test_context_hides_all_but_the_last_characters_of_the_same_examples(after, asked):
    out = after.run("context")
    examples = after["examples"]
    assert len(asked) == 16 * len(examples) >= 16 * 300
    expected = []
    for n in range(1, 17):
        calls = asked[(n - 1) * len(examples) : n * len(examples)]
        for (model, inputs, targets), (x, y) in zip(calls, examples):
            assert model is after["model"]
            assert torch.equal(inputs, x[-n:]) and torch.equal(targets, y[-n:])
        last = [targets[-1] / 20 + (n - 1) / 100 for _, _, targets in calls]
        expected.append(np.mean(last))
    line = plt.gcf().axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), range(1, 17))
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    printed = re.findall(r"(\d+): (\d\.\d\d)", out)
    assert [int(n) for n, _ in printed] == list(range(1, 17))
    assert [float(x) for _, x in printed] == pytest.approx(expected, abs=6e-3)


def test_the_cells_after_training_leave_its_portions_alone(after, asked):
    state = after["train_rng"].bit_generator.state
    ids = list(after.cells)
    for cell_id in ids[ids.index("temperature") :]:
        after.run(cell_id)
    assert after["train_rng"].bit_generator.state == state
