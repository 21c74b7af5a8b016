"""The experiments: what is trained on what, and answers that are known beforehand."""

import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import numbers, transplant_counts, values
from torch import nn
from torch.nn import functional as F


def weights(model):
    """Return a copy of all weights of a model, as one vector."""
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def as_text(indices):
    """Return the characters of indices, a tensor or a list."""
    return "".join(string.printable[index] for index in indices)


def texts_drawn_from(notebook, cell_id):
    """Run a cell; return the texts from which it has drawn portions, each once."""
    texts = []
    exact = notebook["draw_example"]

    def draw_example(text, portion_size, rng):
        if text not in texts:
            texts.append(text)
        return exact(text, portion_size, rng)

    notebook["draw_example"] = draw_example
    notebook.run(cell_id)
    notebook["draw_example"] = exact
    return texts


def named_curves(axes):
    """Return {name: heights} of the curves that a legend names. What the legend shows
    beside a name is matched to the curve with the same color and dashes."""
    legend = axes.get_legend()
    assert legend, "A legend should name the curves."
    curves = {}
    for text, shown in zip(legend.get_texts(), legend.get_lines()):
        for line in axes.lines:
            style = (line.get_color(), line.get_linestyle())
            if style == (shown.get_color(), shown.get_linestyle()):
                curves[text.get_text()] = set(line.get_ydata())
    return curves


# --- `learn`


@pytest.mark.parametrize("weight", [None, torch.linspace(1, 50, 100)])
@pytest.mark.parametrize("seed", [None, 5])
def test_learn_trains_a_new_network_as_it_is_told(lab, weight, seed):
    """Each loss counts as often as the weight of its target says. Layer, text, and
    rate are those that are given, not those of the settings."""
    text, portion_size = lab["text"], lab["TEXT_PORTION_SIZE"]
    lab.update(NUM_ITER=9, LAYER=nn.GRU, NUM_LAYERS=2)
    expected = lab.new_model(nn.LSTM, 1, seed)
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
    rng = np.random.default_rng(lab["RANDOM_SEED"] if seed is None else seed)
    for _ in range(9):
        inputs, targets = lab["draw_example"](text, portion_size, rng)
        losses = F.cross_entropy(expected(inputs)[0], targets, reduction="none")
        counts = torch.ones(len(targets)) if weight is None else weight[targets]
        optimizer.zero_grad()
        ((counts * losses).sum() / counts.sum()).backward()
        optimizer.step()

    lab.update(text="x" * len(text), LEARNING_RATE=9.0)
    measured = []
    network = lab["learn"](
        nn.LSTM, text, 0.01, weight, lambda *args: measured.append(args), seed=seed
    )
    np.testing.assert_allclose(weights(network), weights(expected), atol=1e-4)
    assert measured == [(network, n) for n in range(1, 10)], "(network, iteration)"


# --- `table` and `unread`


def test_the_table_leans_on_shorter_contexts(lab):
    """Counted by hand in “ababac”: of five characters with a next one, two are a b; of
    three that follow an a, two are a b. Ten imaginary sightings are divided as the
    shorter context predicts, and without any context, evenly."""
    lab.run("table")
    b = (2 + 10 * 1 / 100) / (5 + 10)
    b_after_a = (2 + 10 * b) / (3 + 10)
    assert lab["table_loss"]("ababac", "ab", 1) == pytest.approx(-math.log(b_after_a))


def test_the_tables_never_see_what_they_are_measured_on(lab):
    """The last tenth has characters of its own: who has not seen them gives them next
    to nothing, a hundredth of ten sightings beside 900."""
    lab["text"] = "ab" * 450 + "xyz!" * 25
    losses = [float(number) for number in numbers(lab.run("table")) if "." in number]
    assert len(losses) == 8, "tables of one to eight characters"
    assert min(losses) > math.log(890 / 0.1), "A table has seen the last tenth."


def test_the_reader_never_sees_the_last_tenth(lab):
    """It is measured on it as one sequence, as on a tenth that it has read, and the
    curves are named for what they are. Here, a character costs 3 nats in the last
    tenth, and 2 in the other."""
    text = lab["text"]
    cut = len(text) * 9 // 10
    measured = set()

    def character_losses(model, inputs, targets):
        part = as_text(inputs) + as_text(targets[-1:])
        measured.add(part)
        return torch.full((len(inputs),), 3.0 if part == text[cut:] else 2.0)

    lab["character_losses"] = character_losses
    lab.run("table")
    learned = texts_drawn_from(lab, "unread")
    assert learned == [text[:cut]], "It should learn the first nine tenths, no more."
    assert text[cut:] in measured and len(measured) == 2
    assert any(part in text[:cut] for part in measured)

    (figure,) = lab.drawn("unread")
    names = {"test|unread": 3.0, r"train|\bread": 2.0, "table": min(lab["tables"])}
    curves = named_curves(figure.axes[0])
    for words, height in names.items():
        at = [name for name, heights in curves.items() if heights == {height}]
        assert len(at) == 1 and re.search(words, at[0]), (
            f"The curve at {height:.2f} should be named {words!r}, not {at}."
        )


# --- A text that needs a memory


def test_each_line_ends_with_its_first_digit(lab):
    """After as many letters as `gap` says."""
    lab.run("memory-text")
    text = lab["memory_text"](4, 200, np.random.default_rng(0))
    lines = text.splitlines()
    assert len(lines) == 200 == text.count("\n")
    for line in lines:
        assert re.fullmatch(r"(\d)[a-d]{4} \1", line), line


def test_the_memory_is_measured_on_the_second_digits_of_new_lines(lab):
    """Here, a second digit costs 4 nats and any other character 1, so of the 14
    characters of a line, the mean is 17/14."""
    measured = []

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs) + as_text(targets[-1:]))
        after_space = inputs == string.printable.index(" ")
        return torch.where(after_space, 4.0, 1.0)

    lab["character_losses"] = character_losses
    lab["generate"] = lambda *args: "\n"
    lab.run("memory-text")
    (learned,) = texts_drawn_from(lab, "memory")
    found = [float(n) for n in numbers(lab.printed("memory")) if "." in n]
    assert found == pytest.approx([4, 17 / 14] * 2, abs=0.006)
    for text in measured:
        known = set(text.splitlines()) & set(learned.splitlines())
        assert not known, "The lines to measure on should be new to the network."


def test_a_transplant_whose_answer_is_known(lab):
    """Both vectors of this network's state hold the last digit that it has read. It
    goes by the hidden state where that is 0, 1, or 2, by neither where it is 3, and
    otherwise by the cell state."""
    joined = []

    def network(characters, state=None):
        logits = torch.zeros(len(characters), 100)
        if state is None:
            last = re.findall(r"\d", as_text(characters))[-1]
            vector = torch.tensor([[float(last)]])
            return logits, (vector, vector)
        hidden, cell = (int(vector) for vector in state)
        joined.append((hidden, cell))
        expected = "x" if hidden == 3 else str(hidden if hidden < 3 else cell)
        logits[-1, string.printable.index(expected)] = 1
        return logits, state

    lab.run("memory-text")
    lab["carriers"] = {nn.LSTM: network}
    out = lab.run("transplant")
    pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
    assert sorted(joined) == pairs, "(hidden state, cell state), of two lines each"
    assert transplant_counts(out) == {"hidden": 27, "cell": 54}, (
        "The hidden state should come from one line, the cell state from the other, "
        "and each answer be counted for the line that it is from."
    )


# --- The lesson after its training


def test_the_bar_under_a_letter_has_its_probability(lesson):
    """At the temperature that stands above the bars."""
    logits = torch.zeros(100)
    logits[10:16] = torch.tensor([3.0, 6.0, 2.0, 5.0, 4.0, 1.0])  # a to f
    lesson["model"] = lambda character, state=None: (logits[None], None)
    lesson.run("temperature")
    (figure,) = lesson.drawn("temperature")
    figure.canvas.draw()  # or there would be no letters yet
    for axes in figure.axes:
        temperature = values(axes.get_title())[-1]
        p = torch.softmax(logits / temperature, dim=0)
        places = list(axes.get_xticks())
        letters = [label.get_text() for label in axes.get_xticklabels()]
        assert sorted(letters) == list("abcdef")
        for bar in axes.patches:
            letter = letters[places.index(bar.get_x() + bar.get_width() / 2)]
            expected = p[string.printable.index(letter)].item()
            assert bar.get_height() == pytest.approx(expected, abs=1e-4), (
                f"The bar under {letter} is not its probability at T = {temperature}."
            )


def test_predictions_show_what_follows_and_what_was_expected(lesson):
    """After n characters, this network expects the n-th letter, then Y and Z."""
    read = []

    def network(character, state=None):
        read.append(as_text(character))
        logits = torch.full((1, 100), -50.0)
        nth_letter = string.ascii_uppercase[len(read) - 1]
        for char, p in (nth_letter, 0.5), ("Y", 0.3), ("Z", 0.2):
            logits[0, string.printable.index(char)] = math.log(p)
        return logits, None

    lesson["model"] = network
    lines = lesson.run("predictions").splitlines()
    assert len(lines) == len(read)
    for n, line in enumerate(lines):
        assert re.findall("[A-Z]", line)[-3:] == [string.ascii_uppercase[n], "Y", "Z"]
        assert values(line)[-3:] == pytest.approx([0.5, 0.3, 0.2], abs=0.006)
        if n + 1 < len(read):
            assert repr(read[n + 1]) in line, "the character that follows"


def test_each_prime_begins_its_sample(lesson):
    """And above it stands how often that prime occurs in the text."""
    primes = []

    def generate(model, prime_str, *_):
        assert model is lesson["model"]
        primes.append(prime_str)
        return f"{prime_str}<sample>"

    lesson["generate"] = generate
    *parts, _ = lesson.run("primes").split("<sample>")
    assert len(set(primes)) == len(primes) == len(parts) >= 3, "several, all different"
    for prime, part in zip(primes, parts):
        assert part.endswith(prime), f"The sample should begin with {prime!r}: {part!r}"
        assert str(lesson["text"].count(prime)) in numbers(part), (
            f"{prime!r} is not the prime whose count stands above its sample: {part!r}"
        )


# --- `counting`


@pytest.fixture
def counter(lesson):
    """The lesson with gates that stay open, so that numbers of c grow large: number 0
    adds nearly one at each character."""
    with torch.no_grad():
        lesson["model"].lstm.weight_ih.mul_(5)
        lesson["model"].lstm.bias_ih[:32] += 20  # of the input and forget gates
        lesson["model"].lstm.bias_ih[32] += 100  # of what number 0 adds
    return lesson


def test_the_lines_are_the_cell_state_and_stay_between_the_limits(counter):
    """Computed here with nothing but nn.LSTMCell."""
    counter.run("counting")
    (figure,) = counter.drawn("counting")
    lines = [line.get_ydata() for line in figure.axes[0].lines]
    numbers_of_c = np.array([line for line in lines if len(line) == 101])
    limits = [list(line) for line in lines if len(line) == 2]

    rng = np.random.default_rng(counter["RANDOM_SEED"] + 2)
    inputs, _ = counter["draw_example"](counter["text"], 100, rng)
    model, state, c = counter["model"], None, [np.zeros(16)]
    with torch.no_grad():
        for index in inputs:
            state = model.lstm(model.embedding(index[None]), state)
            c.append(state[1][0].numpy())
    np.testing.assert_allclose(numbers_of_c, np.transpose(c), atol=1e-4)
    assert sorted(limits) == [[0, -100], [0, 100]]
    assert (np.abs(numbers_of_c) <= np.arange(101)).all()
    assert np.abs(numbers_of_c).max() > 50, "or nothing would be near the limits"


def test_the_loss_as_it_is_and_with_the_numbers_cut_off(counter):
    """The second is that of a loop in which no number gets beyond 5 or -5."""
    portions = []
    exact = counter["draw_example"]

    def draw_example(*args):
        portions.append(exact(*args))
        return portions[-1]

    counter["draw_example"] = draw_example
    found = [float(n) for n in numbers(counter.run("counting")) if "." in n]

    expected = []
    for limit in (math.inf, 5):
        nats = []
        for inputs, targets in portions[1:]:
            state = None
            for character, target in zip(inputs.split(1), targets.split(1)):
                logits, (hidden, c) = counter["model"](character, state)
                state = (hidden, c.detach().clip(-limit, limit))
                nats.append(F.cross_entropy(logits, target).item())
        expected.append(np.mean(nats))
    assert found == pytest.approx(expected, abs=1e-3)
    assert abs(found[0] - found[1]) > 0.01, "or cutting off would not show here"
