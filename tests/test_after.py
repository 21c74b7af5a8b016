"""The lesson's cells after training: whose predictions they show, and of what."""

import ast
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import UNUSUAL, Lesson, read_along


@pytest.fixture(scope="module")
def after():
    after = Lesson("lstmcell", "setup", **UNUSUAL | {"RANDOM_SEED": 123})
    with torch.no_grad():
        after["model"].linear.weight.mul_(8)
    return after


@pytest.fixture
def asked(after, monkeypatch):
    """Known losses and samples instead of the model's; returns what was asked for."""
    asked = []

    def losses(*args):
        asked.append(args)
        return args[-1] / 20 + torch.arange(len(args[-1])) / 100

    monkeypatch.setitem(after, "character_losses", losses)
    sample = lambda *args: asked.append(args) or "a\x0bsample"  # noqa: E731
    monkeypatch.setitem(after, "generate", sample)
    plt.close("all")
    return asked


def test_temperature_shows_the_models_own_prediction(after):
    plt.close("all")
    out = after.run("temperature")
    logits, _ = read_along(after["model"], after["char_to_tensor"]("The test"))
    p = torch.softmax(logits[-1], dim=0)
    top = p.topk(6).indices
    names = [repr(after["ALPHABET"][i]) for i in top]
    for axes, t in zip(plt.gcf().axes, (0.3, 0.8, 1.3), strict=True):
        expected = (p ** (1 / t) / (p ** (1 / t)).sum())[top]
        heights = [bar.get_height() for bar in axes.patches]
        assert axes.get_title() == f"T = {t}"
        np.testing.assert_allclose(heights, expected, rtol=1e-4)
        assert [text.get_text() for text in axes.texts] == [f"{h:.2f}" for h in heights]
        assert [text.get_text() for text in axes.get_xticklabels()] == names
        assert f"T = {t}: the six add up to {sum(heights):.2f}\n" in out


def test_samples_come_from_the_model_at_each_temperature_and_prime(
    after, asked, monkeypatch
):
    assert "--- T = 1.3\na↧sample\n" in after.run("temperature-samples")
    assert asked == [(after["model"], "The ", 200, t) for t in (0.3, 0.8, 1.3)]
    asked.clear()
    monkeypatch.setitem(after, "text", "thth Can I ")
    out = after.run("primes")
    primes = [args[1] for args in asked]
    assert primes[0] == "The " and "Can I " in primes
    assert asked == [(after["model"], prime, 33, 0.5) for prime in primes]
    counts = [int(n) for n in re.findall(r"in the text: (\d+)\)\na↧sample\n", out)]
    assert counts == ["thth Can I ".count(prime) for prime in primes]


def test_predictions_show_what_the_model_expects_along_a_phrase(after):
    lines = after.run("predictions").splitlines()
    phrase = after["phrase"]
    logits, _ = read_along(after["model"], after["char_to_tensor"](phrase[:-1]))
    for n, (line, p) in enumerate(zip(lines, logits.softmax(1), strict=True), start=1):
        head, expected = line.split("  expected:")
        assert head.lstrip() == f"{phrase[:n]} -> {phrase[n]!r}"
        shown = re.findall(r"  ('.+?'|\".+?\") (\d\.\d\d)", expected)
        best = [after["ALPHABET"][i] for i in p.topk(3).indices]
        assert [ast.literal_eval(char) for char, _ in shown] == best
        chances = [float(chance) for _, chance in shown]
        assert chances == pytest.approx(p.topk(3).values.tolist(), abs=6e-3)


def test_surprise_shades_each_target_by_its_own_loss(after, asked):
    out = after.run("surprise")
    after.run("shift")  # which draws from demo_rng
    after.run("surprise")
    (model, inputs, targets), (_, again, _) = asked
    assert torch.equal(inputs, again)  # the same portion every time
    assert model is after["model"] and len(inputs) == 100
    losses = (targets / 20 + torch.arange(100) / 100).view(4, 25)
    axes, _ = plt.gcf().axes
    np.testing.assert_allclose(axes.images[0].get_array(), losses, rtol=1e-6)
    assert axes.images[0].get_clim() == (0, 10)
    portion = "".join(after["ALPHABET"][i] for i in targets)
    assert "University" in portion and "gives" in portion  # as the prose says
    for n, (text, i) in enumerate(zip(axes.texts, targets, strict=True)):
        char = after["ALPHABET"][i]
        assert text.get_text() == {" ": "·", "\n": "↵"}.get(char, char)
        assert text.get_position() == (n % 25, n // 25)
    assert out == f"mean of these losses: {losses.mean():.3f} nats\n"


def test_context_hides_all_but_the_last_characters_and_leaves_train_rng(after, asked):
    out = after.run("context")
    examples, expected = after["examples"], []
    assert len(asked) == 17 * len(examples) >= 17 * 300
    for k, n in enumerate([*range(1, 17), 100]):
        calls = asked[k * len(examples) : (k + 1) * len(examples)]
        for (model, inputs, targets), (x, y) in zip(calls, examples):
            assert model is after["model"]
            assert torch.equal(inputs, x[-n:]) and torch.equal(targets, y[-n:])
        expected.append(np.mean([y[-1] / 20 + (n - 1) / 100 for _, _, y in calls]))
    line, dashed = plt.gcf().axes[0].lines
    assert dashed.get_ydata()[0] == after["previous"]
    assert list(line.get_xdata()) == [str(n) for n in [*range(1, 17), 100]]
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    shown = re.findall(r"(\d+): (\d\.\d\d)", out)
    assert [n for n, _ in shown] == list(line.get_xdata())
    assert [float(nats) for _, nats in shown] == pytest.approx(expected, abs=6e-3)
    ids, state = list(after.cells), after["train_rng"].bit_generator.state
    for cell_id in ids[ids.index("temperature") :]:
        after.run(cell_id)
    assert after["train_rng"].bit_generator.state == state
