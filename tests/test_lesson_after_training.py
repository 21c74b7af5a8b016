"""The lesson's cells after training: whose predictions they show, and of what.

(The last of them, `by-hand`, has its tests in test_network.py.)

Nothing is trained here, because what these cells have to do does not depend on the
weights. Where a test must know the losses or the samples, a stand-in makes them.
"""

import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.text import Annotation
from notebooks import LESSON, UNUSUAL, Notebook, Recorder, read_along
from stored import LESSON_RUN

TEMPERATURES = [0.3, 0.8, 1.3]
CONTEXT_SIZES = [*range(1, 17), 100]  # how many characters the cell `context` shows
ASKING_SIZES = [5, 10, 20, 40]  # how many characters the cell `asking` shows
SIGNS_OF_BLANKS = {
    " ": "·",
    "\n": "↵",
    "\t": "⇥",
    "\r": "⇤",
    "\x0b": "↧",
    "\x0c": "⇟",
}


def untrained_lesson():
    """Return the lesson up to `setup`, with settings other than its defaults."""
    lesson = Notebook(LESSON, "setup", **UNUSUAL)
    with torch.no_grad():  # otherwise, all characters would be about equally likely
        lesson["model"].linear.weight.mul_(8)
    return lesson


def cells_after(lesson, cell_id):
    """Return the ids of the code cells after one."""
    ids = list(lesson.cells)
    return ids[ids.index(cell_id) + 1 :]


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


@pytest.fixture
def lesson_with_known_losses(lesson):
    """The lesson, ready for its cell `surprise`."""
    lesson.run("temperature")  # defines the signs for blanks
    lesson["character_losses"] = Recorder(known_losses)
    return lesson


@pytest.fixture(scope="module")
def temperature():
    """The lesson after its cell `temperature`. Tests only read it."""
    lesson = untrained_lesson()
    lesson.run("temperature")
    return lesson


@pytest.fixture(scope="module")
def temperature_of_blanks():
    """The lesson after its cell `temperature`, with a model that always expects one
    of the six blanks, some of them hardly. Tests only read it."""
    lesson = Notebook(LESSON, "alphabet")
    expected = torch.full((1, 100), -99.0)
    for k, blank in enumerate(SIGNS_OF_BLANKS):
        expected[0, lesson["ALPHABET"].index(blank)] = -k
    lesson["model"] = lambda characters, state: (expected, None)
    lesson.run("temperature")
    return lesson


@pytest.fixture(scope="module")
def surprise():
    """The lesson after its cell `surprise`, with known losses. Tests only read it."""
    lesson = untrained_lesson()
    lesson.run("temperature")  # defines the signs for blanks
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


def test_the_cells_run_one_after_the_other(lesson_with_known_losses):
    """A cell that needs a name which no cell before it defines would raise here."""
    lesson = lesson_with_known_losses
    for cell_id in cells_after(lesson, "temperature"):
        lesson.run(cell_id)


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


def test_each_panel_has_room_for_any_probability(temperature):
    for panel in temperature["figure"].axes:
        bottom, top = panel.get_ylim()
        assert bottom == 0 and top >= 1


def test_each_panel_says_its_temperature(temperature):
    titles = [panel.get_title() for panel in temperature["figure"].axes]
    assert titles == ["T = 0.3", "T = 0.8", "T = 1.3"]


def test_each_bar_says_its_height_unless_that_rounds_to_zero(temperature_of_blanks):
    for panel in temperature_of_blanks["figure"].axes:
        expected = [f"{bar.get_height():.2f}" for bar in panel.patches]
        expected = ["" if label == "0.00" else label for label in expected]
        assert [label.get_text() for label in panel.texts] == expected


def test_some_bars_have_a_label_and_some_have_none(temperature_of_blanks):
    """So that the test before this one sees both."""
    coldest, *_, hottest = temperature_of_blanks["figure"].axes
    assert [label.get_text() for label in coldest.texts].count("") == 4
    assert "" not in [label.get_text() for label in hottest.texts]


def test_each_bar_says_its_character(temperature):
    top, _ = six_most_likely(temperature)
    characters = [temperature["ALPHABET"][i] for i in top]
    expected = [SIGNS_OF_BLANKS.get(char, char) for char in characters]
    for panel in temperature["figure"].axes:
        assert [label.get_text() for label in panel.get_xticklabels()] == expected


def test_a_bar_for_a_blank_says_the_sign_for_it(temperature_of_blanks):
    expected = list(SIGNS_OF_BLANKS.values())
    for panel in temperature_of_blanks["figure"].axes:
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
    expected = []
    for n, i in enumerate(targets):
        character = surprise["ALPHABET"][i]
        place = (n % 25, n // 25)
        expected.append((SIGNS_OF_BLANKS.get(character, character), place))
    axes, _ = surprise["figure"].axes
    found = [(text.get_text(), text.get_position()) for text in axes.texts]
    assert found == expected
    bottom, top = axes.get_ylim()
    assert top < bottom, "The first row should be at the top."


def test_the_color_bar_has_its_name(surprise):
    _, color_bar = surprise["figure"].axes
    assert color_bar.get_ylabel() == "loss (nats)"


def test_the_mean_of_the_losses_is_printed(surprise):
    (call,) = surprise["character_losses"].calls
    mean = known_losses(*call).mean()
    assert surprise.out["surprise"] == f"mean of these losses: {mean:.3f} nats\n"


def test_surprise_shows_the_same_portion_every_time(lesson_with_known_losses):
    lesson = lesson_with_known_losses
    lesson.run("surprise")
    lesson.run("shift")  # draws from demo_rng
    lesson.run("surprise")
    (_, first, _), (_, second, _) = lesson["character_losses"].calls
    assert torch.equal(first, second), (
        "Cell `surprise` drew another portion when it ran again, but the prose after "
        "it names words of the first. Does it draw from a generator of its own?"
    )


def test_another_seed_lets_surprise_show_another_portion(lesson_with_known_losses):
    lesson = lesson_with_known_losses
    lesson.run("surprise")
    lesson["RANDOM_SEED"] += 1
    lesson.run("surprise")
    (_, first, _), (_, second, _) = lesson["character_losses"].calls
    assert not torch.equal(first, second)


def default_portion():
    """Return what the cell `surprise` shows with the default settings."""
    lesson = Notebook(LESSON, "baselines")
    lesson["model"] = None
    lesson["blanks"] = {}
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


def test_the_predictions_are_made_in_different_places(context):
    places = {tuple(inputs.tolist()) for inputs, _ in context["examples"]}
    assert len(places) > 400, "500 random portions should hardly be the same"


def test_all_but_the_last_n_characters_are_hidden(context):
    """For each n, the same characters are predicted, in the same order."""
    for size, calls in calls_by_size(context).items():
        for call, example in zip(calls, context["examples"]):
            _, inputs, targets = call
            all_inputs, all_targets = example
            assert len(inputs) == size
            assert torch.equal(inputs, all_inputs[-size:])
            assert torch.equal(targets, all_targets[-size:])


@pytest.fixture(scope="module")
def context_plot(context):
    """The axes of the plot: the curve, the point for 100, and the baseline."""
    (axes,) = context["figure"].axes
    return axes


@pytest.fixture(scope="module")
def tick_labels(context_plot):
    """What is written below each place on the axis, by place."""
    labels = [label.get_text() for label in context_plot.get_xticklabels()]
    return dict(zip(context_plot.get_xticks(), labels))


def test_the_curve_and_the_point_are_the_mean_losses(context_plot, mean_losses):
    curve, point, _ = context_plot.lines
    heights = [*curve.get_ydata(), *point.get_ydata()]
    np.testing.assert_allclose(heights, mean_losses, rtol=1e-5)


def test_below_each_mean_loss_stands_its_n(context_plot, tick_labels):
    curve, point, _ = context_plot.lines
    places = [*curve.get_xdata(), *point.get_xdata()]
    found = [tick_labels.get(place, "nothing") for place in places]
    assert found == [str(size) for size in CONTEXT_SIZES]


def test_from_1_to_16_the_axis_is_to_scale(context_plot):
    curve, _, _ = context_plot.lines
    assert list(curve.get_xdata()) == CONTEXT_SIZES[:-1]


def test_100_stands_apart_after_a_break(context_plot, tick_labels):
    curve, point, _ = context_plot.lines
    (place,) = point.get_xdata()  # a single point: no line leads to it
    (gap,) = [tick for tick, label in tick_labels.items() if label == "…"]
    assert max(curve.get_xdata()) + 1 < gap < place - 1


def test_the_network_is_in_one_color(context_plot):
    curve, point, dashed = context_plot.lines
    assert curve.get_color() == point.get_color() != dashed.get_color()


def test_the_dashed_line_is_the_baseline(context, context_plot):
    *_, dashed = context_plot.lines
    assert dashed.get_linestyle() == "--"
    assert set(dashed.get_ydata()) == {context["baselines"]["previous character"]}


def test_the_legend_names_the_curve_and_the_dashed_line(context_plot):
    curve, _, dashed = context_plot.lines
    assert curve.get_label() == "network"
    assert dashed.get_label() == "previous character"
    shown = [label.get_text() for label in context_plot.get_legend().get_texts()]
    assert shown == ["network", "previous character"]


def test_the_axes_of_the_context_plot_have_their_names(context_plot):
    assert context_plot.get_xlabel() == "characters it sees"
    assert context_plot.get_ylabel() == "mean loss (nats)"


def test_each_mean_loss_is_printed_on_a_line_with_its_n(context, mean_losses):
    lines = context.out["context"].splitlines()
    printed = [re.fullmatch(r" *(\d+): (\d+\.\d\d)", line) for line in lines]
    assert None not in printed, f"A line is not like “10: 1.23” in {lines}"
    assert [int(line[1]) for line in printed] == CONTEXT_SIZES
    means = [float(line[2]) for line in printed]
    assert means == pytest.approx(mean_losses, abs=6e-3)


# --- the cell `asking`


HEAD = "x" * 100  # no end may come earlier than this
Q_OR_S = HEAD + " is q? See s. Or q? See s. So s.\n"  # says which it is


class LastCharacter:
    """A model's stand-in that looks only at the last character: the logit of “?” is
    greater than that of “.” by the margin given for it, or else by 0.

    `calls` holds the characters and the state of each call; each returns a new state.
    """

    def __init__(self, alphabet, margins):
        self.question, self.period = alphabet.index("?"), alphabet.index(".")
        self.margins = torch.zeros(100)
        for char, margin in margins.items():
            self.margins[alphabet.index(char)] = margin
        self.calls = []

    def __call__(self, characters, state):
        assert characters.dim() == 1, f"characters: {tuple(characters.shape)}"
        self.calls.append((characters, state))
        logits = torch.zeros(len(characters), 100)
        logits[:, self.period] = characters.float()  # only the difference may count
        logits[:, self.question] = characters + self.margins[characters]
        return logits, f"state {len(self.calls)}"


def asked(text, margins=None):
    """Return the lesson after its cell `asking`, with a stand-in for the model."""
    lesson = Notebook(LESSON, "alphabet")
    lesson["text"] = text
    lesson["model"] = LastCharacter(lesson["ALPHABET"], margins or {})
    lesson.run("asking")
    return lesson


def shares_by_size(lesson):
    """Return what is printed as shares for 5, 10, 20, and 40 characters."""
    return re.findall(r"(\d+) characters: (\d+%) of the pairs", lesson.out["asking"])


def test_asking_records_no_graph(lesson):
    lesson.run("asking")
    assert not lesson["logits"].requires_grad


def test_an_end_is_a_mark_with_a_blank_after_it():
    lesson = asked(HEAD + "! No? It is 2.5 or so.\nWhy?!\tYes.\tNo?\nSo: what?")
    assert lesson["ends"] == [104, 121, 132, 136]
    assert lesson["questions"] == [104, 136]
    assert lesson["statements"] == [121, 132]


def test_an_end_has_100_characters_before_it():
    assert asked("x" * 99 + "? ")["ends"] == []
    assert asked("x" * 100 + "? ")["ends"] == [100]


def test_the_lines_are_those_of_four_sizes_and_of_the_first_word():
    found = re.sub(r"\d+%", "P", asked(Q_OR_S).out["asking"])
    assert found == (
        "  5 characters: P of the pairs\n"
        " 10 characters: P of the pairs\n"
        " 20 characters: P of the pairs\n"
        " 40 characters: P of the pairs\n"
        "the first word: P of the pairs\n"
    )


def test_a_model_that_knows_the_answer_is_right_in_all_pairs():
    lesson = asked(Q_OR_S, {"q": 1, "s": -2})
    assert shares_by_size(lesson) == [(str(n), "100%") for n in ASKING_SIZES]


def test_a_model_that_has_it_the_wrong_way_round_is_right_in_no_pair():
    lesson = asked(Q_OR_S, {"q": -2, "s": 1})
    assert shares_by_size(lesson) == [(str(n), "0%") for n in ASKING_SIZES]


@pytest.mark.parametrize("margin", [-3, 3])
def test_a_model_that_always_says_the_same_is_right_in_half_of_the_pairs(margin):
    lesson = asked(Q_OR_S, {"q": margin, "s": margin})
    assert shares_by_size(lesson) == [(str(n), "50%") for n in ASKING_SIZES]


def test_the_share_of_a_model_is_that_counted_by_hand():
    """The questions end in a, b; the statements in a, b, b, c. Of their eight pairs,
    a against a and b against b (twice) are ties; a is right against b (twice) and
    c, b against c: 4 + 3/2 of 8 are 69%."""
    text = HEAD + " a? a. b. b? b. c. "
    lesson = asked(text, {"a": 2, "b": 1, "c": -1})
    assert shares_by_size(lesson) == [(str(n), "69%") for n in ASKING_SIZES]


def test_a_tie_is_half_of_a_pair():
    """With two questions and three statements: of the six pairs, 1 against 1 is a
    tie, 1 is right against 0, and 3 against all three."""
    lesson = asked(Q_OR_S)
    margin = torch.tensor([1.0, 3.0, 1.0, 2.0, 0.0])
    assert lesson["share_of_pairs"](margin) == pytest.approx(4.5 / 6)


@pytest.fixture(scope="module")
def reading():
    """Text, ends, and for each size the calls of the model in the cell `asking`."""
    text = HEAD + "".join(f"{n} is the number? No, {n + 1} is. " for n in range(7))
    lesson = asked(text)
    calls = lesson["model"].calls
    assert len(calls) == sum(ASKING_SIZES), (
        f"The model should be called {sum(ASKING_SIZES)} times, once for each "
        f"character of each size in {ASKING_SIZES}, not {len(calls)} times."
    )
    groups = {}
    for size in ASKING_SIZES:
        groups[size], calls = calls[:size], calls[size:]
    return lesson, groups


def test_exactly_the_last_n_characters_before_each_end_are_read_in_order(reading):
    lesson, groups = reading
    text, alphabet = lesson["text"], lesson["ALPHABET"]
    ends = lesson["questions"] + lesson["statements"]
    for size, calls in groups.items():
        read = torch.stack([characters for characters, _ in calls], dim=1)
        found = ["".join(alphabet[i] for i in row) for row in read]
        assert found == [text[end - size : end] for end in ends], f"n = {size}"


def test_each_size_starts_without_a_state_and_passes_it_along(reading):
    _, groups = reading
    number = 0  # of calls so far
    for size, calls in groups.items():
        expected = [None, *(f"state {number + k}" for k in range(1, size))]
        assert [state for _, state in calls] == expected, f"n = {size}"
        number += size


FIRST_WORD = r"the first word: (\d+)% of the pairs\n"


def share_of_the_first_word(sentences):
    """Return the percentage that the first word gets right in a small text.

    The text goes on for a while without another end.
    """
    lesson = asked(HEAD + "! " + sentences + " and" * 200)
    return int(re.search(FIRST_WORD, lesson.out["asking"])[1])


@pytest.mark.parametrize(
    "question",
    [
        "what is it?",
        "What is it?",
        "DOES IT?",
        "Can't I?",
        "'\"(What) is it?",
        "Note: what is it?",
        "A heading\nWhat is it?",
        "A heading\n\nWhat is it?",
        "Stop! What is it?",
        "It is so. What is it?",
        "Is it so? What is it?",
        "Is it 12:30 or 3.5?",
        "Is it so" + ", and so" * 50 + "?",
    ],
)
def test_a_question_is_told_by_its_first_word(question):
    assert share_of_the_first_word(f"{question} Wear it. ") == 100


@pytest.mark.parametrize(
    "question",
    ["Or is it?", "Whatever?", "is: not so?", "Is\nnot it?", "Is it! Or not?"],
)
def test_a_question_with_another_first_word_is_not_told(question):
    assert share_of_the_first_word(f"{question} Wear it. ") == 50


def test_a_statement_with_the_first_word_of_a_question_is_taken_for_one():
    assert share_of_the_first_word("Or not? What it is, is plain. ") == 0


def test_the_share_of_the_first_word_is_that_counted_by_hand():
    """Two of three questions and one of three statements begin like questions. Of
    the nine pairs, 2 * 2 are right and 2 * 1 + 1 * 2 are ties: (4 + 2) / 9."""
    sentences = "Will it? So? Are we? May is warm. So is June. It is. "
    assert share_of_the_first_word(sentences) == 67


@pytest.mark.parametrize("sentence", ["It is. ", "Is it? ", "It is, "])
def test_a_text_without_pairs_gets_one_sentence(sentence):
    lesson = asked(HEAD + sentence * 3)
    assert lesson.out["asking"] == (
        "There are no pairs: this text has no questions, or no statements.\n"
    )
    assert lesson["model"].calls == [], "The model has nothing to read."


@pytest.mark.parametrize("sentence", ["It is. ", "Is it? ", "It is, "])
def test_the_cells_after_it_run_with_a_text_without_pairs(lesson, sentence):
    lesson["text"] = HEAD + sentence * 3
    lesson.run("asking")
    for cell_id in cells_after(lesson, "asking"):
        lesson.run(cell_id)


# --- the cell `drawing`


@pytest.fixture(scope="module")
def drawing():
    """The axes of the cell `drawing`, which needs nothing but the imports."""
    lesson = Notebook(LESSON, "imports")
    lesson.run("drawing")
    return lesson["axes"]


def words_of(artist):
    """Return what a text in a drawing says, on one line."""
    return " ".join(artist.get_text().split())


def words_in(drawing):
    """Return all that is written in the drawing."""
    return [words_of(text) for text in drawing.texts if text.get_text()]


def place_of(drawing, name):
    """Return where the one text stands that says name."""
    (text,) = [text for text in drawing.texts if text.get_text() == name]
    return text.get_position()


def arrows_of(drawing):
    """Return the arrows, each from its get_position() to its xy."""
    return [text for text in drawing.texts if isinstance(text, Annotation)]


def gates_of(drawing):
    """Return the shapes that stand for gates."""
    return [line for line in drawing.lines if line.get_marker() != "None"]


def nearest_words(drawing, place, choices):
    """Return which of choices is written nearest to a place in the drawing."""
    texts = [text for text in drawing.texts if words_of(text) in choices]
    assert len(texts) == len(choices), f"Not each once in the drawing: {choices}"
    return words_of(min(texts, key=lambda text: math.dist(text.get_position(), place)))


def test_the_drawing_is_one_figure():
    plt.close("all")
    Notebook(LESSON, "imports").run("drawing")
    assert len(plt.get_fignums()) == 1


def test_the_drawing_prints_nothing():
    assert Notebook(LESSON, "imports").run("drawing") == ""


def test_no_later_cell_needs_the_drawing(lesson):
    for cell_id in cells_after(lesson, "drawing"):
        lesson.run(cell_id)


@pytest.mark.parametrize(
    "name", ["$f$", "$i$", "$g$", "$o$", "$c$", "$c'$", "$h$", "$h'$"]
)
def test_each_name_is_written_once(drawing, name):
    assert words_in(drawing).count(name) == 1


def test_the_three_gates_go_from_0_to_1_and_the_candidate_from_minus_1(drawing):
    words = " ".join(words_in(drawing))
    assert words.count("0 to 1") == 3
    assert words.count("−1 to 1") == 1


def test_a_straight_road_leads_from_the_old_cell_state_to_the_new(drawing):
    (left, height), (right, _) = place_of(drawing, "$c$"), place_of(drawing, "$c'$")
    roads = []
    for arrow in arrows_of(drawing):
        (start, start_height), (end, end_height) = arrow.get_position(), arrow.xy
        if start_height == end_height == height:
            roads.append((start, end))
    assert len(roads) == 1
    assert left < roads[0][0] < 1 and 9 < roads[0][1] < right


def test_four_shapes_stand_for_the_gates(drawing):
    shapes = {gate.get_marker() for gate in gates_of(drawing)}
    assert len(shapes) == len(gates_of(drawing)) == 4, "Each has a shape of its own."


GATES = {  # of each name, what it is, and the box on the way it goes
    "$f$": ("forget gate 0 to 1", r"$\times f$"),
    "$i$": ("input gate 0 to 1", r"$+\ i \cdot g$"),
    "$g$": ("candidate −1 to 1", r"$+\ i \cdot g$"),
    "$o$": ("output gate 0 to 1", r"$\times o$"),
}
BOXES = {box for _, box in GATES.values()} | {"tanh"}


def test_on_each_shape_stands_its_name(drawing):
    shapes = [(*gate.get_xdata(), *gate.get_ydata()) for gate in gates_of(drawing)]
    assert sorted(shapes) == sorted(place_of(drawing, name) for name in GATES)


@pytest.mark.parametrize("name", GATES)
def test_beside_each_name_stands_what_it_is(drawing, name):
    choices = {words for words, _ in GATES.values()}
    found = nearest_words(drawing, place_of(drawing, name), choices)
    assert found == GATES[name][0]


@pytest.mark.parametrize("name", GATES)
def test_an_arrow_leads_from_each_gate_to_its_box(drawing, name):
    place = place_of(drawing, name)
    arrows = [arrow for arrow in arrows_of(drawing) if arrow.get_position() == place]
    assert len(arrows) == 1, f"{len(arrows)} arrows, not one, begin at {name}."
    assert nearest_words(drawing, arrows[0].xy, BOXES) == GATES[name][1]


@pytest.mark.parametrize("name", GATES)
def test_an_arrow_leads_to_each_gate_from_below(drawing, name):
    x, y = place_of(drawing, name)
    arrows = [arrow for arrow in arrows_of(drawing) if arrow.xy == (x, y)]
    assert len(arrows) == 1, f"{len(arrows)} arrows, not one, end at {name}."
    start_x, start_y = arrows[0].get_position()
    assert start_x == x and start_y < y


def test_the_arrows_lie_below_the_gates_and_the_gates_below_their_names(drawing):
    arrows = [arrow.zorder for arrow in arrows_of(drawing)]
    gates = [gate.zorder for gate in gates_of(drawing)]
    names = [text.zorder for text in drawing.texts if text.get_text() in GATES]
    assert max(arrows) < min(gates) <= max(gates) < min(names)
