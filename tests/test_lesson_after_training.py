"""The lesson's cells after training: whose predictions they show, and of what.

Nothing is trained here, because what these cells have to do does not depend on the
weights. Where a test must know the losses or the samples, a stand-in makes them.
"""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import LESSON, UNUSUAL, Notebook, Recorder, read_along
from stored import LESSON_RUN

TEMPERATURES = [0.3, 0.8, 1.3]
CONTEXT_SIZES = [*range(1, 17), 100]  # how many characters the cell `context` shows


def untrained_lesson():
    """Return the lesson up to `setup`, with settings other than its defaults."""
    lesson = Notebook(LESSON, "setup", **UNUSUAL)
    with torch.no_grad():  # otherwise, all characters would be about equally likely
        lesson["model"].linear.weight.mul_(8)
    return lesson


def known_losses(model, inputs, targets):
    """Stand in for `character_losses`: each loss tells its target and its place."""
    return targets / 20 + torch.arange(len(targets)) / 100


def known_sample(model, prime_str, predict_len, temperature):
    """Stand in for `generate`: the sample contains a control character."""
    return "a\x0bsample"


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what the cells have drawn, so that open figures don't pile up."""
    yield
    plt.close("all")


@pytest.fixture
def lesson():
    return untrained_lesson()


@pytest.fixture
def lesson_with_known_samples(lesson):
    lesson["generate"] = Recorder(known_sample)
    return lesson


@pytest.fixture(scope="module")
def temperature():
    """The lesson after its cell `temperature`. Tests only read it."""
    lesson = untrained_lesson()
    lesson.run("temperature")
    return lesson


@pytest.fixture(scope="module")
def surprise():
    """The lesson after its cell `surprise`, with known losses. Tests only read it."""
    lesson = untrained_lesson()
    lesson["text"] = "A tab\tand a line.\n" * 20  # every portion has all the blanks
    lesson["character_losses"] = Recorder(known_losses)
    lesson.run("surprise")
    return lesson


@pytest.fixture(scope="module")
def context():
    """The lesson after its cell `context`, with known losses. Tests only read it."""
    lesson = untrained_lesson()
    lesson["character_losses"] = Recorder(known_losses)
    lesson.run("context")
    return lesson


# --- the cell `temperature`


def six_most_likely(lesson):
    """Return what may follow “The test”: six indices, and all probabilities at T=1."""
    logits, _ = read_along(lesson["model"], lesson["char_to_tensor"]("The test"))
    probabilities = torch.softmax(logits[-1], dim=0)
    return probabilities.topk(6).indices, probabilities


def test_the_bars_are_the_probabilities_at_each_temperature(temperature):
    """They are computed here as powers of those at T=1, p ** (1 / T), normalized."""
    top, probabilities = six_most_likely(temperature)
    panels = temperature["figure"].axes
    assert len(panels) == len(TEMPERATURES)
    for panel, t in zip(panels, TEMPERATURES):
        powers = probabilities ** (1 / t)
        expected = powers[top] / powers.sum()
        heights = [bar.get_height() for bar in panel.patches]
        np.testing.assert_allclose(heights, expected, rtol=1e-4, err_msg=f"T = {t}")


def test_each_panel_says_its_temperature(temperature):
    titles = [panel.get_title() for panel in temperature["figure"].axes]
    assert titles == ["T = 0.3", "T = 0.8", "T = 1.3"]


def test_each_bar_says_its_height(temperature):
    for panel in temperature["figure"].axes:
        expected = [f"{bar.get_height():.2f}" for bar in panel.patches]
        assert [label.get_text() for label in panel.texts] == expected


def test_each_bar_says_its_character(temperature):
    top, _ = six_most_likely(temperature)
    expected = [repr(temperature["ALPHABET"][i]) for i in top]
    for panel in temperature["figure"].axes:
        assert [label.get_text() for label in panel.get_xticklabels()] == expected


def test_the_axes_of_the_temperature_plot_have_their_names(temperature):
    panels = temperature["figure"].axes
    assert [panel.get_xlabel() for panel in panels] == ["next character"] * 3
    assert panels[0].get_ylabel() == "probability"


def test_the_printed_sums_are_those_of_the_bars(temperature):
    expected = ""
    for panel, t in zip(temperature["figure"].axes, TEMPERATURES):
        total = sum(bar.get_height() for bar in panel.patches)
        expected += f"T = {t}: the six add up to {total:.2f}\n"
    assert temperature.out["temperature"] == expected


# --- the cells that write: `temperature-samples` and `primes`


def test_a_sample_is_drawn_at_each_temperature(lesson_with_known_samples):
    lesson = lesson_with_known_samples
    lesson.run("temperature-samples")
    expected = [(lesson["model"], lesson["PRIME_STR"], 200, t) for t in TEMPERATURES]
    assert lesson["generate"].calls == expected


def test_each_sample_is_printed_below_its_temperature(lesson_with_known_samples):
    """Control characters are replaced by the signs for them: \\x0b by ↧."""
    expected = "".join(f"--- T = {t}\na↧sample\n\n" for t in TEMPERATURES)
    assert lesson_with_known_samples.run("temperature-samples") == expected


def primes(lesson):
    """Return what samples of the cell `primes` began with (it must have run)."""
    return [prime_str for _, prime_str, _, _ in lesson["generate"].calls]


def test_the_primes_begin_samples_made_with_the_settings(lesson_with_known_samples):
    lesson = lesson_with_known_samples
    lesson.run("primes")
    length, t = UNUSUAL["PREDICT_LEN"], UNUSUAL["TEMPERATURE"]
    expected = [(lesson["model"], prime, length, t) for prime in primes(lesson)]
    assert lesson["generate"].calls == expected


def test_the_first_prime_is_that_of_the_settings(lesson_with_known_samples):
    lesson = lesson_with_known_samples
    lesson.run("primes")
    first, *others = primes(lesson)
    assert first == UNUSUAL["PRIME_STR"]
    assert "Can I " in others
    assert first not in others, "The other primes should be others."


def test_each_prime_is_counted_in_the_text(lesson_with_known_samples):
    lesson = lesson_with_known_samples
    lesson["text"] = "The The Can I "
    out = lesson.run("primes")
    expected = ""
    for prime in primes(lesson):
        count = "The The Can I ".count(prime)
        expected += f"--- {prime!r} (count in the text: {count})\na↧sample\n\n"
    assert out == expected


def test_the_last_prime_is_not_in_the_text(lesson_with_known_samples):
    """The prose says so: the network can continue “even one that is not in the FAQ”."""
    lesson = lesson_with_known_samples
    lesson.run("primes")
    last = primes(lesson)[-1]
    assert last not in lesson["text"], (
        f"The FAQ contains {last!r}. Cell `primes` of the lesson needs another last "
        "prime, because the cell before it promises one that is not in the FAQ."
    )


# --- the cell `predictions`


def test_predictions_are_the_three_most_likely_characters_along_a_phrase(lesson):
    out = lesson.run("predictions")
    phrase = lesson["phrase"]
    inputs = lesson["char_to_tensor"](phrase[:-1])
    logits, _ = read_along(lesson["model"], inputs)
    expected = []
    for n, probabilities in enumerate(logits.softmax(dim=1), start=1):
        top = probabilities.topk(3)
        line = f"{phrase[:n]} -> {phrase[n]!r}  expected:"
        for i, p in zip(top.indices, top.values):
            line += f"  {lesson['ALPHABET'][i]!r} {p:.2f}"
        expected.append(line)
    assert [line.lstrip() for line in out.splitlines()] == expected


# --- the cell `surprise`


def test_surprise_asks_for_the_losses_of_the_model_on_100_characters(surprise):
    ((model, inputs, targets),) = surprise["character_losses"].calls
    assert model is surprise["model"]
    assert len(inputs) == len(targets) == 100


def test_each_character_is_shaded_by_its_own_loss(surprise):
    (call,) = surprise["character_losses"].calls
    expected = known_losses(*call).view(4, 25)
    axes, _ = surprise["figure"].axes  # the second is the color bar's
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array(), expected, rtol=1e-6)


def test_a_loss_of_10_has_the_last_color(surprise):
    """So that two portions can be compared, the colors must not follow the losses."""
    axes, _ = surprise["figure"].axes
    assert axes.images[0].get_clim() == (0, 10)


def test_the_darker_a_character_the_greater_its_loss(surprise):
    axes, _ = surprise["figure"].axes
    losses = np.arange(11.0)
    colors = axes.images[0].to_rgba(losses)  # (11, 4)
    brightness = colors[:, :3].sum(axis=1)
    assert (np.diff(brightness) < 0).all(), (
        "A greater loss should have a darker color, as the cell `surprise-intro` says. "
        f"The losses from 0 to 10 have the brightness {brightness.round(2)}."
    )


def test_each_target_stands_in_its_place(surprise):
    """Its place is that of its loss: 25 characters in a row, from the top left on."""
    ((_, _, targets),) = surprise["character_losses"].calls
    signs = {" ": "·", "\n": "↵", "\t": "⇥"}
    expected = []
    for n, i in enumerate(targets):
        character = surprise["ALPHABET"][i]
        place = (n % 25, n // 25)
        expected.append((signs.get(character, character), place))
    axes, _ = surprise["figure"].axes
    found = [(text.get_text(), text.get_position()) for text in axes.texts]
    assert found == expected


def test_the_color_bar_has_its_name(surprise):
    _, color_bar = surprise["figure"].axes
    assert color_bar.get_ylabel() == "loss (nats)"


def test_the_mean_of_the_losses_is_printed(surprise):
    (call,) = surprise["character_losses"].calls
    mean = known_losses(*call).mean()
    assert surprise.out["surprise"] == f"mean of these losses: {mean:.3f} nats\n"


def test_surprise_shows_the_same_portion_every_time(lesson):
    lesson["character_losses"] = Recorder(known_losses)
    lesson.run("surprise")
    lesson.run("shift")  # draws from demo_rng
    lesson.run("surprise")
    (_, first, _), (_, second, _) = lesson["character_losses"].calls
    assert torch.equal(first, second), (
        "Cell `surprise` drew another portion when it ran again, but the prose after "
        "it names words of the first. Does it draw from a generator of its own?"
    )


def test_another_seed_lets_surprise_show_another_portion(lesson):
    lesson["character_losses"] = Recorder(known_losses)
    lesson.run("surprise")
    lesson["RANDOM_SEED"] += 1
    lesson.run("surprise")
    (_, first, _), (_, second, _) = lesson["character_losses"].calls
    assert not torch.equal(first, second)


def default_portion():
    """Return what the cell `surprise` shows with the default settings."""
    lesson = Notebook(LESSON, "baselines")
    lesson["model"] = None
    lesson["character_losses"] = Recorder(known_losses)
    lesson.run("surprise")
    ((_, _, targets),) = lesson["character_losses"].calls
    return "".join(lesson["ALPHABET"][i] for i in targets)


def test_the_portion_has_the_words_that_the_prose_names():
    """A change of the FAQ moves the portion; then the prose must name other words."""
    portion = default_portion()
    said = LESSON_RUN.prose["surprise-read"]
    words = re.findall(r"“(\w{2,})”", said)
    assert len(words) >= 2, (
        f"The cell `surprise-read` should name words in curly quotes, not {words}"
    )
    missing = [word for word in words if word not in portion]
    if "comma" in said and "," not in portion:
        missing.append("a comma")
    assert not missing, (
        f"Not in the portion that the cell `surprise` shows: {missing}. The sentence "
        "in the cell `surprise-read` must change: let it name what stands in "
        f"{portion!r}."
    )


# --- the cell `context`


def calls_by_size(context):
    """Return for each size in CONTEXT_SIZES the calls of `character_losses`."""
    calls = context["character_losses"].calls
    count = len(calls) // len(CONTEXT_SIZES)
    assert len(calls) == count * len(CONTEXT_SIZES), (
        "Cell `context` should predict the same number of characters for each of "
        f"{len(CONTEXT_SIZES)} sizes, but it made {len(calls)} predictions."
    )
    groups = {}
    for k, size in enumerate(CONTEXT_SIZES):
        groups[size] = calls[k * count : (k + 1) * count]
    return groups


@pytest.fixture(scope="module")
def mean_losses(context):
    """For each size in CONTEXT_SIZES, the mean of the last (known) losses."""
    means = []
    for calls in calls_by_size(context).values():
        last = [known_losses(*call)[-1] for call in calls]
        means.append(np.mean(last))
    return means


def test_context_makes_as_many_predictions_as_the_prose_says(context):
    found = re.findall(r"same (\d+) predictions", LESSON_RUN.prose["context-intro"])
    assert len(found) == 1, (
        "The cell `context-intro` no longer says “the same 500 predictions”: adapt "
        "the pattern in this test to what it says."
    )
    said = int(found[0])
    for size, calls in calls_by_size(context).items():
        assert len(calls) == said, (
            f"With {size} characters, the cell `context` makes {len(calls)} "
            f"predictions, but the cell `context-intro` says {said}."
        )


def test_the_predictions_are_those_of_the_model(context):
    for model, _, _ in context["character_losses"].calls:
        assert model is context["model"]


def test_all_but_the_last_n_characters_are_hidden(context):
    """For each n, the same characters are predicted, in the same order."""
    for size, calls in calls_by_size(context).items():
        for call, example in zip(calls, context["examples"]):
            _, inputs, targets = call
            all_inputs, all_targets = example
            assert len(inputs) == size
            assert torch.equal(inputs, all_inputs[-size:])
            assert torch.equal(targets, all_targets[-size:])


def test_the_curve_is_the_mean_loss_of_the_last_character(context, mean_losses):
    (axes,) = context["figure"].axes
    curve, _ = axes.lines
    assert list(curve.get_xdata()) == [str(size) for size in CONTEXT_SIZES]
    np.testing.assert_allclose(curve.get_ydata(), mean_losses, rtol=1e-5)


def test_the_dashed_line_is_the_baseline_that_its_label_names(context):
    (axes,) = context["figure"].axes
    _, dashed = axes.lines
    assert dashed.get_linestyle() == "--"
    assert dashed.get_label() == "previous character"
    assert set(dashed.get_ydata()) == {context["baselines"]["previous character"]}
    assert axes.get_legend() is not None, "Without a legend, the label isn't shown."


def test_the_axes_of_the_context_plot_have_their_names(context):
    (axes,) = context["figure"].axes
    assert axes.get_xlabel() == "characters it sees"
    assert axes.get_ylabel() == "mean loss (nats)"


def test_the_mean_losses_are_printed_by_size(context, mean_losses):
    printed = re.findall(r"(\d+): (\d+\.\d\d)", context.out["context"])
    assert [int(size) for size, _ in printed] == CONTEXT_SIZES
    means = [float(mean) for _, mean in printed]
    assert means == pytest.approx(mean_losses, abs=6e-3)
