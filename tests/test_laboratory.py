"""The laboratory's experiments, with few iterations or with stand-ins for training.

The cells under test are `learn`, `table`, `unread`, `pairs`, `pays`, `memory-text`,
`memory`, `transplant`, `gates`, and `memory-seen`.
"""

import itertools
import math
import re
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import (
    LABORATORY,
    SKIP,
    TEXT_FILE,
    UNUSUAL,
    Notebook,
    Recorder,
    new_model,
)
from stored import LABORATORY_RUN
from torch.nn import functional as F

SETTINGS = UNUSUAL | {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2}
LETTERS = "abcdabcdab"  # those that the cell `gates` reads between the digits
LSTM_PAYS, RNN_PAYS = "LSTM, ends count 50 times", "RNN, ends count 50 times"


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    """The laboratory up to `memory-seen` on the FAQ, with the default seed and 30
    iterations. Tests only read it, or draw its last figure again."""
    settings = SETTINGS | {
        "RANDOM_SEED": 123,
        "NUM_ITER": 30,
        "LOSS_PLOT_FILE": str(tmp_path_factory.mktemp("experiments") / "loss.pdf"),
    }
    return Notebook(LABORATORY, "memory-seen", **settings)


def untrained_laboratory(folder):
    """Return the laboratory on the beginning of the FAQ, with all that the experiments
    need, but nothing trained. Every setting is other than its default."""
    beginning = TEXT_FILE.read_text(encoding="utf-8")[:3000]
    (folder / "own.txt").write_text(beginning, encoding="utf-8")
    settings = SETTINGS | {
        "TEXT_FILE": str(folder / "own.txt"),
        "LOSS_PLOT_FILE": str(folder / "loss.pdf"),
    }
    training = ("train", "perplexity", "temperature-samples", "unread", "pays")
    return Notebook(LABORATORY, "memory-text", skip=(*SKIP, *training), **settings)


@pytest.fixture
def lab(tmp_path):
    """An untrained laboratory. A test may change it."""
    return untrained_laboratory(tmp_path)


@pytest.fixture
def unread(lab):
    """`lab` after its cell `unread`, with two stand-ins: `learn` only counts, and the
    losses that the n-th call of `character_losses` returns have the mean n."""
    numbers = itertools.count(1)

    def learn(*args):
        return [10, 20, 30, 100, 300, 500, 501]

    def character_losses(*args):
        n = next(numbers)
        return torch.tensor([n - 1.0, n - 1.0, n + 2.0])

    lab["NUM_ITER"] = 501
    lab["learn"] = Recorder(learn)
    lab["character_losses"] = Recorder(character_losses)
    plt.close("all")
    torch.manual_seed(0)  # the seed that counts is the setting
    lab.run("unread")
    return lab


@pytest.fixture
def memory(lab):
    """`lab` after its cell `memory`, with three stand-ins: nothing is trained, a second
    digit costs 4 nats and any other character 1, and all samples are the same."""

    def learn(*args):
        return [1]

    def character_losses(model, inputs, targets):
        losses = torch.ones(len(targets))
        losses[lab["second"]] = 4.0
        return losses

    def generate(*args):
        return "\n1abc\t\r\x0b\x0c 1"

    lab["learn"] = Recorder(learn)
    lab["character_losses"] = Recorder(character_losses)
    lab["generate"] = Recorder(generate)
    torch.manual_seed(0)  # the seed that counts is the setting
    lab.run("memory")
    return lab


def assert_same_weights(model, expected, message):
    """Check that two models have the same sizes and, but for rounding, weights."""
    pairs = zip(model.parameters(), expected.parameters(), strict=True)
    for weights, expected_weights in pairs:
        np.testing.assert_allclose(
            weights.detach(), expected_weights.detach(), atol=1e-5, err_msg=message
        )


def assert_seeded(model, expected):
    """Check that a model nobody has trained has the weights that the seed gives."""
    message = "The cell should set the seed RANDOM_SEED just before it makes the model."
    assert_same_weights(model, expected, message)


def seeded_model(lab):
    """Return a model as in the cell `setup`, before training."""
    torch.manual_seed(lab["RANDOM_SEED"])
    return new_model(lab)


# The cell `step`, where it depends on LAYER


def test_step_prints_the_shape_of_a_state_that_is_one_tensor(lab):
    assert "\nstate: (2, 16)\n" in lab.out["step"], "a GRU of 2 layers and size 16"


def test_the_untrained_network_follows_the_seed(lab):
    torch.manual_seed(0)  # the seed that counts is the setting
    lab.run("step")
    assert_seeded(lab["untrained"], seeded_model(lab))


# The cell `learn`


def test_learn_trains_as_the_training_cell_does(lab):
    lab["NUM_ITER"] = 30
    lab.run("setup")
    lab.run("train")
    model = seeded_model(lab)
    for _ in lab["learn"](model, lab["text"], 30, lab["LEARNING_RATE"]):
        pass
    message = "`learn` should train like the cell `train`"
    assert_same_weights(model, lab["model"], message)


def test_learn_takes_what_it_is_given_not_the_settings(lab):
    text, model, expected = lab["text"], seeded_model(lab), seeded_model(lab)
    for _ in lab["learn"](expected, text, 9, 0.01):
        pass
    lab["text"] = "x" * len(text)
    lab["NUM_ITER"] = 5
    lab["LEARNING_RATE"] = 9.0
    for _ in lab["learn"](model, text, 9, 0.01):
        pass
    assert_same_weights(model, expected, "the settings should not count in `learn`")


@pytest.mark.parametrize("weighted", [True, False])
def test_learn_follows_the_gradient_of_the_weighted_mean(lab, weighted):
    """Each loss counts as often as the weight of its target says; with None, once."""
    model, expected = seeded_model(lab), seeded_model(lab)
    weight = torch.linspace(1, 50, 100) if weighted else None
    next(lab["learn"](model, lab["text"], 1, 0.01, weight))

    rng = np.random.default_rng(lab["RANDOM_SEED"])
    inputs, targets = lab["draw_example"](lab["text"], lab["TEXT_PORTION_SIZE"], rng)
    logits, _ = expected(inputs)
    losses = F.cross_entropy(logits, targets, reduction="none")
    counts = weight[targets] if weighted else torch.ones(len(targets))
    ((counts * losses).sum() / counts.sum()).backward()
    pairs = zip(model.parameters(), expected.parameters(), strict=True)
    for weights, expected_weights in pairs:
        np.testing.assert_allclose(
            weights.grad,
            expected_weights.grad,
            atol=1e-6,
            err_msg="the gradient of the first portion",
        )


def test_learn_without_a_weight_counts_all_alike(lab):
    model, expected = seeded_model(lab), seeded_model(lab)
    for _ in lab["learn"](expected, lab["text"], 5, 0.01, torch.ones(100)):
        pass
    for _ in lab["learn"](model, lab["text"], 5, 0.01):
        pass
    assert_same_weights(model, expected, "a weight of 1 for all should change nothing")


def test_learn_draws_its_portions_with_the_seed_of_the_settings(lab):
    def weights_after_one_update(seed):
        model = seeded_model(lab)
        lab["RANDOM_SEED"] = seed
        next(lab["learn"](model, lab["text"], 1, 0.01))
        lab["RANDOM_SEED"] = 7
        return model.linear.weight

    weights = weights_after_one_update(8)
    again = weights_after_one_update(8)
    other = weights_after_one_update(9)
    assert torch.equal(weights, again), "the same seed should draw the same portion"
    assert not torch.equal(weights, other), "another seed should draw another portion"


def test_learn_yields_each_iteration_after_its_update(lab):
    model = seeded_model(lab)
    before = model.linear.weight.detach().clone()
    iterations = []
    for iteration in lab["learn"](model, lab["text"], 5, 0.01):
        iterations.append(iteration)
        after = model.linear.weight.detach().clone()
        assert not torch.equal(before, after), f"no update before yield {iteration}"
        before = after
    assert iterations == [1, 2, 3, 4, 5]


def test_learn_leaves_the_generator_of_the_training_alone(lab):
    """Otherwise, running the training cell again would not go on as it began."""
    before = lab["train_rng"].bit_generator.state
    for _ in lab["learn"](lab["model"], lab["text"], 5, 0.01):
        pass
    assert lab["train_rng"].bit_generator.state == before


# The cell `table`


def probability(read, context, char, num_starts, weight):
    """Return the probability of char after context, by the rule in `table-intro`:
    that after the next shorter context weighs as much as `weight` sightings."""
    shorter = 1 / 100
    if context:
        shorter = probability(read, context[1:], char, num_starts, weight)
    sightings = [i for i in range(num_starts) if read.startswith(context, i)]
    hits = [i for i in sightings if read.startswith(context + char, i)]
    return (len(hits) + weight * shorter) / (len(sightings) + weight)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("weight", [10, 20])
def test_the_table_leans_on_shorter_contexts(lab, length, weight):
    """The loss is the one that follows from the rule in `table-intro`."""
    read, unread = "abracadabra, abracadabra", "cabra drabra"
    losses = []
    for i in range(length, len(unread)):
        context = unread[i - length : i]
        num_starts = len(read) - length  # those that have a next character
        p = probability(read, context, unread[i], num_starts, weight)
        losses.append(-math.log(p))
    found = lab["table_loss"](read, unread, length, weight)
    assert found == pytest.approx(np.mean(losses))


def test_a_shorter_context_weighs_ten_sightings(lab):
    """That is what the cells use, and the prose says."""
    read, unread = "abracadabra, abracadabra", "cabra drabra"
    found = lab["table_loss"](read, unread, 3)
    assert found == lab["table_loss"](read, unread, 3, 10)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_tables_probabilities_add_up_to_one(lab, length):
    """Whatever the context: seen, seen only at the end of the text, or never seen."""
    read = "abracadabra, xyz"
    contexts = {read[i : i + length] for i in range(len(read) - length + 1)}
    contexts |= {"q" * length, "q" * (length - 1) + "a"}
    for context in sorted(contexts):
        total = 0
        for char in lab["ALPHABET"]:
            total += math.exp(-lab["table_loss"](read, context + char, length))
        assert total == pytest.approx(1), f"all probabilities after {context!r}"


def test_the_unread_text_is_the_last_tenth(experiments):
    text = experiments["text"]
    assert experiments["read"] + experiments["unread"] == text
    assert len(experiments["read"]) == len(text) * 9 // 10


def test_tables_of_one_to_eight_characters_are_measured_on_the_unread_text(lab):
    expected = []
    for length in 1, 2, 3, 4, 5, 6, 7, 8:
        expected.append(lab["table_loss"](lab["read"], lab["unread"], length))
    assert lab["tables"] == expected
    shown = " ".join(f"{loss:.2f}" for loss in expected)
    assert lab.out["table"] == f"tables of 1 to 8 characters, unread: {shown}\n"


@pytest.mark.parametrize("cell_id", ["table", "pairs", "memory-text"])
def test_a_cell_without_training_prints_what_is_stored(experiments, cell_id):
    message = (
        f"The stored output of {cell_id} is of other code, another text, or another "
        "version of NumPy: python tests/refresh.py lstm"
    )
    assert experiments.out[cell_id] == LABORATORY_RUN[cell_id], message


@pytest.mark.parametrize(
    "sentence, length, weight",
    [
        (r"a weight of 20 and seven characters, the table has ([\d.]+\d)", 7, 20),
        (r"down to ([\d.]+\d) with a weight of 28 and sixteen characters", 16, 28),
    ],
    ids=["20 sightings", "28 sightings"],
)
def test_the_prose_has_the_losses_of_tuned_tables(
    experiments, sentence, length, weight
):
    found = re.findall(sentence, LABORATORY_RUN.prose["exercises"])
    assert len(found) == 1, "Was the sentence in exercise 7 reworded? Change the test."
    read, unread = experiments["read"], experiments["unread"]
    loss = experiments["table_loss"](read, unread, length, weight)
    message = f"The loss is {loss:.4f}. Change the sentence in exercise 7."
    assert found[0] == f"{loss:.2f}", message


@pytest.mark.parametrize("length, word", [(5, "five characters"), (8, "eight")])
def test_the_prose_says_how_many_contexts_are_found_again(experiments, length, word):
    found = re.findall(word + r" in (\d+)%", LABORATORY_RUN.prose["table-read"])
    assert len(found) == 1, "Was the sentence in `table-read` reworded?"
    read, unread = experiments["read"], experiments["unread"]
    contexts = {read[i : i + length] for i in range(len(read) - length)}
    places = range(length, len(unread))
    share = sum(unread[i - length : i] in contexts for i in places) / len(places)
    assert float(found[0]) == pytest.approx(100 * share, abs=0.5)


def test_the_prose_says_how_many_questions_the_unread_tenth_has(experiments):
    found = re.findall(r"only (\d+) questions", LABORATORY_RUN.prose["pays-read"])
    assert len(found) == 1, "Was the sentence in `pays-read` reworded?"
    assert int(found[0]) == len(re.findall(r"\?\s", experiments["unread"]))


# The cell `unread`


def test_the_reader_has_the_sizes_of_the_settings(unread):
    reader = unread["reader"]
    assert str(reader.embedding) == "Embedding(100, 12)"
    assert str(reader.recurrent) == "GRU(12, 16, num_layers=2)"


def test_the_reader_begins_with_the_weights_of_the_seed(unread):
    assert_seeded(unread["reader"], seeded_model(unread))


def test_the_reader_learns_nothing_but_the_read_text(unread):
    expected = (unread["reader"], unread["read"], 501, 0.01)
    assert unread["learn"].calls == [expected]


def test_the_reader_is_measured_on_each_part_as_one_sequence(unread):
    read_part = unread["read"][: len(unread["unread"])]
    expected = [read_part, unread["unread"]] * 6  # after each of six iterations
    calls = unread["character_losses"].calls
    for (model, inputs, targets), part in zip(calls, expected, strict=True):
        indices = unread["char_to_tensor"](part)
        assert model is unread["reader"]
        assert torch.equal(inputs, indices[:-1])
        assert torch.equal(targets, indices[1:])


@pytest.mark.parametrize(
    "label, means",
    [
        ("network, read", [1, 3, 5, 7, 9, 11]),
        ("network, unread", [2, 4, 6, 8, 10, 12]),
    ],
)
def test_a_curve_shows_the_losses_of_its_part(unread, label, means):
    """The first call of `character_losses` measures the read part, the next the
    unread one, and so on, and the n-th call returns the mean n."""
    lines = {line.get_label(): line for line in plt.gcf().axes[0].lines}
    assert list(lines[label].get_xdata()) == [10, 30, 100, 300, 500, 501]
    assert list(lines[label].get_ydata()) == pytest.approx(means)


def test_the_best_table_is_drawn_as_a_level_line(unread):
    lines = {line.get_label(): line for line in plt.gcf().axes[0].lines}
    heights = list(lines["best table, unread"].get_ydata())
    assert heights == [min(unread["tables"])] * 2


def test_the_legend_names_the_three_lines(unread):
    names = [text.get_text() for text in plt.gcf().axes[0].get_legend().get_texts()]
    assert names == ["network, read", "network, unread", "best table, unread"]


def test_the_axes_of_the_curves_are_named(unread):
    (axes,) = plt.gcf().axes
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "mean loss (nats)"


def test_the_iterations_are_written_as_plain_numbers(unread):
    """Not as powers of ten, which is the default on a logarithmic axis."""
    figure = plt.gcf()
    figure.canvas.draw()
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert axes.get_xscale() == "log"
    assert {"10", "100", "1000"} <= set(labels)


def test_unread_prints_the_last_losses_beside_the_best_table(unread):
    assert unread.out["unread"] == (
        "network at the end: read 11.00, unread 12.00; "
        f"best table, unread: {min(unread['tables']):.2f}\n"
    )


# The cell `pairs`


def set_text(lab, text):
    """Run the cell `pairs` on another text; return what it prints."""
    lab["text"] = text
    return lab.run("pairs")


BEGINNING = "x" * 100  # no end is counted within it
HAND_MADE = BEGINNING + "3.5? Yes.\nNo! So...\tWell?"


def test_an_end_is_a_period_or_question_mark_before_white_space(lab):
    """Not the point of 3.5, nor the first of three points, nor the last character, and
    no exclamation mark."""
    set_text(lab, HAND_MADE)
    assert lab["questions"] == [103], "after 3.5"
    assert lab["statements"] == [108, 118], "after Yes, and the last of three points"
    assert lab["ends"] == [103, 108, 118]


@pytest.mark.parametrize("num_before, expected", [(99, []), (100, [100])])
def test_an_end_has_a_hundred_characters_before_it(lab, num_before, expected):
    set_text(lab, "x" * num_before + "? x")
    message = f"a question mark with {num_before} characters before it"
    assert lab["questions"] == expected, message


def test_pairs_prints_how_many_ends_there_are(lab):
    """The text has 125 characters, 42 for each of 3 ends."""
    assert set_text(lab, HAND_MADE) == (
        "1 questions and 2 statements in the text\none end in 42 characters\n"
    )


class MarkGuesser:
    """A stand-in for a network: `score` says, from the last character that a part has,
    how much more likely than a period a question mark is.

    After any character but the last, it claims the reverse. `parts` holds the texts
    that it has read, one list for each call.
    """

    def __init__(self, lab, score, char="?"):
        self.alphabet = lab["ALPHABET"]
        self.score = score
        self.char = char
        self.parts = []
        self.records_graph = False

    def __call__(self, inputs):
        parts = []
        logits = torch.zeros(*inputs.shape, 100)
        sign = 1 if self.char == "?" else -1
        for i, column in enumerate(inputs.T.tolist()):
            part = "".join(self.alphabet[index] for index in column)
            parts.append(part)
            score = sign * self.score(part[-1])
            logits[:-1, i, self.alphabet.index(self.char)] = -score
            logits[-1, i, self.alphabet.index(self.char)] = score
        self.parts.append(parts)
        self.records_graph |= torch.is_grad_enabled()
        return logits, None


QUESTIONS_AND_STATEMENTS = BEGINNING + "q? s. s. q? s. q? " * 3  # q before each "?"


@pytest.mark.parametrize("char", ["?", "."])
@pytest.mark.parametrize(
    "what, likely_after_q, expected",
    [
        ("knows the answer", 1, 1),
        ("knows the reverse", -1, 0),
        ("is undecided", 0, 0.5),
    ],
)
def test_the_share_of_pairs_is_that_of_what_the_network_knows(
    lab, char, what, likely_after_q, expected
):
    """It makes no difference whether the network raises the one or lowers the other.
    If both are as likely after a question as after a statement, all pairs are ties."""
    set_text(lab, QUESTIONS_AND_STATEMENTS)

    def score(last_char):
        return likely_after_q if last_char == "q" else 0

    share = lab["share_of_pairs"](MarkGuesser(lab, score, char), 5)
    assert share == expected, f"the share of pairs of a network that {what}"


def test_a_network_that_answers_at_random_is_right_in_half_of_the_pairs(lab):
    set_text(lab, BEGINNING + "x? x. x. " * 200)
    rng = np.random.default_rng(0)
    guesser = MarkGuesser(lab, lambda last_char: rng.normal())
    assert lab["share_of_pairs"](guesser, 1) == pytest.approx(0.5, abs=0.1)


def test_every_question_is_paired_with_every_statement(lab):
    """Here, the digits are the scores. Of the 2 times 4 pairs, five are right: 1 is
    above 0 twice, and 3 above 0 twice and above 2. A tie, 3 and 3, counts half."""
    set_text(lab, BEGINNING + "1? 0. 3? 2. 3. 0. x")
    share = lab["share_of_pairs"](MarkGuesser(lab, int), 5)
    assert share == pytest.approx(5.5 / 8)


@pytest.mark.parametrize("num_seen", [1, 7, 100])
def test_the_network_reads_what_stands_before_each_end(lab, num_seen):
    """Side by side, in one call: each column of its inputs is one part."""
    guesser = MarkGuesser(lab, lambda last_char: 0)
    lab["share_of_pairs"](guesser, num_seen)
    ends = lab["questions"] + lab["statements"]
    expected = [lab["text"][end - num_seen : end] for end in ends]
    assert len(expected) == 36, "the ends in the beginning of the FAQ"
    assert guesser.parts == [expected]


def test_a_real_network_reads_each_part_as_if_it_were_alone(lab):
    def margin(end):
        logits, _ = lab["model"](lab["char_to_tensor"](lab["text"][end - 20 : end]))
        question_mark, period = lab["char_to_tensor"]("?.")
        return (logits[-1, question_mark] - logits[-1, period]).item()

    statements = [margin(end) for end in lab["statements"]]
    right = []
    for end in lab["questions"]:
        right += [margin(end) > other for other in statements]
    share = lab["share_of_pairs"](lab["model"], 20)
    assert 0 < share < 1, "a share that says nothing about the network"
    assert share == pytest.approx(np.mean(right), abs=0.01)


def test_the_share_of_pairs_records_no_graph(lab):
    """It only measures; a graph of all the parts would fill the memory."""
    guesser = MarkGuesser(lab, lambda last_char: 0)
    lab["share_of_pairs"](guesser, 5)
    assert not guesser.records_graph


# The cell `pays`


@pytest.fixture(scope="module")
def pays(tmp_path_factory):
    """The laboratory after its cell `pays` on 24,000 characters. Tests only read it.

    There are three stand-ins: nothing is trained, a share is 0.5 for the GRU that the
    settings ask for, 0.6 for an LSTM, or 0.7 for a plain layer, and more the more is
    seen, and their mean losses are 1, 2, and 3.
    """
    lab = untrained_laboratory(tmp_path_factory.mktemp("pays"))

    def learn(*args):
        return [1]

    def rank(model):
        return ["GRU", "LSTM", "RNN"].index(type(model.recurrent).__name__)

    def share_of_pairs(model, num_seen):
        return 0.5 + rank(model) / 10 + num_seen / 500

    def character_losses(model, inputs, targets):
        return rank(model) + torch.tensor([0.0, 0.0, 3.0])

    lab["learn"] = Recorder(learn)
    lab["share_of_pairs"] = share_of_pairs
    lab["character_losses"] = Recorder(character_losses)
    lab["text"] *= 8
    torch.manual_seed(0)  # the seed that counts is the setting
    lab.run("pays")
    return lab


def test_the_network_as_it_is_learns_nothing_more(pays):
    assert pays["networks"]["as it is"] is pays["model"]
    assert pays["model"] not in [args[0] for args in pays["learn"].calls]


def test_an_lstm_and_a_plain_layer_learn_what_pays(pays):
    """One layer each, of the sizes of the settings."""
    assert list(pays["networks"]) == ["as it is", LSTM_PAYS, RNN_PAYS]
    _, lstm, plain = pays["networks"].values()
    assert str(lstm.recurrent) == "LSTM(12, 16)"
    assert str(plain.recurrent) == "RNN(12, 16)"
    assert str(lstm.embedding) == str(plain.embedding) == "Embedding(100, 12)"


@pytest.mark.parametrize(
    "label, layer", [(LSTM_PAYS, torch.nn.LSTM), (RNN_PAYS, torch.nn.RNN)]
)
def test_each_network_begins_with_the_weights_of_the_seed(pays, label, layer):
    torch.manual_seed(pays["RANDOM_SEED"])
    expected = pays["RNN"](100, 12, 16, layer, 1)
    assert_seeded(pays["networks"][label], expected)


def test_both_learn_the_whole_text_the_plain_layer_at_a_fifth_of_the_rate(pays):
    _, lstm, plain = pays["networks"].values()
    without_weight = [args[:4] for args in pays["learn"].calls]
    expected = [(lstm, pays["text"], 7, 0.01), (plain, pays["text"], 7, 0.002)]
    assert without_weight == expected


def test_the_ends_count_fifty_times_and_all_else_once(pays):
    expected = [50 if char in "?." else 1 for char in pays["ALPHABET"]]
    assert len(pays["learn"].calls) == 2
    for *_, weight in pays["learn"].calls:
        assert weight.tolist() == expected


@pytest.mark.parametrize(
    "label, layer, rate",
    [(LSTM_PAYS, torch.nn.LSTM, 0.01), (RNN_PAYS, torch.nn.RNN, 0.002)],
)
def test_each_network_is_trained_to_the_end(experiments, label, layer, rate):
    """`learn` trains nothing without a loop around it."""
    torch.manual_seed(123)
    expected = experiments["RNN"](100, 12, 16, layer, 1)
    weight = torch.tensor(
        [50.0 if char in "?." else 1.0 for char in experiments["ALPHABET"]]
    )
    for _ in experiments["learn"](expected, experiments["text"], 30, rate, weight):
        pass
    message = "The cell `pays` should train both networks for NUM_ITER iterations."
    assert_same_weights(experiments["networks"][label], expected, message)


def test_pays_prints_the_shares_and_the_mean_loss_of_each_network(pays):
    assert pays.out["pays"] == (
        "characters seen                5   10   20   40  100\n"
        "as it is                     51%  52%  54%  58%  70%   mean loss 1.00\n"
        "LSTM, ends count 50 times    61%  62%  64%  68%  80%   mean loss 2.00\n"
        "RNN, ends count 50 times     71%  72%  74%  78%  90%   mean loss 3.00\n"
    )


def test_the_mean_losses_are_measured_on_20000_characters_of_the_text(pays):
    indices = pays["char_to_tensor"](pays["text"][:20000])
    networks = pays["networks"].values()
    calls = pays["character_losses"].calls
    for (model, inputs, targets), network in zip(calls, networks, strict=True):
        assert model is network
        assert torch.equal(inputs, indices[:-1])
        assert torch.equal(targets, indices[1:])


@pytest.mark.parametrize(
    "label, shares",
    [
        ("as it is", [0.51, 0.52, 0.54, 0.58, 0.70]),
        (LSTM_PAYS, [0.61, 0.62, 0.64, 0.68, 0.80]),
        (RNN_PAYS, [0.71, 0.72, 0.74, 0.78, 0.90]),
    ],
)
def test_a_curve_shows_the_shares_of_its_network(pays, label, shares):
    lines = {line.get_label(): line for line in pays["axes"].lines}
    assert list(lines[label].get_ydata()) == pytest.approx(shares)


def test_the_legend_names_the_three_networks_and_chance(pays):
    names = [text.get_text() for text in pays["axes"].get_legend().get_texts()]
    assert names == ["as it is", LSTM_PAYS, RNN_PAYS, "by chance"]


def test_the_points_of_each_curve_stand_above_the_characters_seen(pays):
    axes = pays["axes"]
    axes.figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["5", "10", "20", "40", "100"]
    for line in axes.lines[:-1]:  # the last one is that of chance
        assert list(line.get_xdata(orig=False)) == list(axes.get_xticks())


def test_a_dashed_line_shows_what_chance_gives(pays):
    *_, chance = pays["axes"].lines
    assert chance.get_label() == "by chance"
    assert list(chance.get_ydata()) == [0.5, 0.5]


def test_the_axes_of_the_shares_are_named(pays):
    assert pays["axes"].get_xlabel() == "characters seen"
    assert pays["axes"].get_ylabel() == "share of pairs"


@pytest.mark.parametrize(
    "sentences", ["Is it so? " * 20, "So it is. " * 20, "so " * 70]
)
def test_a_text_without_pairs_gets_one_sentence(lab, sentences):
    """Without statements, without questions, and without both."""
    lab["learn"] = Recorder(lambda *args: [1])
    set_text(lab, sentences)
    message = "There are no pairs: this text has no questions, or no statements.\n"
    assert lab.run("pays") == message
    assert not lab["learn"].calls, "Nothing should be trained."


def test_the_cells_after_a_text_without_pairs_run(lab):
    lab["NUM_ITER"] = 1
    set_text(lab, "so " * 70)
    for cell_id in lab.ids("pays", "memory-seen"):
        lab.run(cell_id)


# The cell `memory-text`


def change_gap(lab, gap):
    """Run the cell `memory-text` with another number of letters between the digits."""
    code = lab.cells["memory-text"]
    assert code.count("\ngap = 10 ") == 1, "Was the gap changed? Change the tests."
    lab.cells["memory-text"] = code.replace("\ngap = 10 ", f"\ngap = {gap} ")
    lab.run("memory-text")


def test_there_are_5200_lines_to_learn(experiments):
    assert experiments["learned"].count("\n") == 5200


def test_there_are_300_new_lines(experiments):
    assert experiments["new"].count("\n") == 300


@pytest.mark.parametrize("part", ["learned", "new"])
def test_a_line_has_a_digit_ten_letters_a_space_a_digit(experiments, part):
    for line in experiments[part].splitlines():
        assert re.fullmatch(r"[0-9][abcd]{10} [0-9]", line), f"{line!r} in `{part}`"


@pytest.mark.parametrize("part", ["learned", "new"])
def test_a_line_ends_with_its_first_digit(experiments, part):
    for line in experiments[part].splitlines():
        assert line[0] == line[-1], f"{line!r} in `{part}`"


@pytest.mark.parametrize("part", ["learned", "new"])
def test_hardly_any_line_comes_twice(experiments, part):
    """There are ten million lines to draw from, so a few may."""
    lines = experiments[part].splitlines()
    assert len(lines) - len(set(lines)) <= 5, "lines that had come before"


def test_no_new_line_is_among_those_to_learn(experiments):
    """Otherwise, the network could know it by heart."""
    learned = set(experiments["learned"].splitlines())
    assert not learned & set(experiments["new"].splitlines())


def test_each_digit_begins_a_tenth_of_the_lines(experiments):
    """The least possible loss in the prose, with ln 10, supposes this."""
    lines = experiments["learned"].splitlines()
    counts = Counter(line[0] for line in lines)
    assert sorted(counts) == list("0123456789")
    for digit, count in counts.items():
        assert count / len(lines) == pytest.approx(0.1, abs=0.02), digit


def test_each_letter_is_a_quarter_of_the_letters(experiments):
    """The least possible loss in the prose, with 10 ln 4, supposes this."""
    letters = re.sub("[^a-d]", "", experiments["learned"])
    for letter in "abcd":
        share = letters.count(letter) / len(letters)
        assert share == pytest.approx(0.25, abs=0.01), letter


def test_the_gap_can_be_changed_in_one_place(lab):
    """Exercise 3 asks for it."""
    change_gap(lab, 4)
    for line in (lab["learned"] + lab["new"]).splitlines():
        assert re.fullmatch(r"[0-9][abcd]{4} [0-9]", line), line


def test_the_lines_are_the_same_every_time(lab):
    before = lab["learned"], lab["new"]
    lab["rng"].random()
    lab.run("memory-text")
    assert (lab["learned"], lab["new"]) == before


def test_another_seed_makes_other_lines(lab):
    before = lab["learned"]
    lab["RANDOM_SEED"] += 1
    lab.run("memory-text")
    assert lab["learned"] != before


def test_memory_text_shows_the_first_four_lines(experiments):
    lines = experiments["learned"].splitlines()
    shown = experiments.out["memory-text"].splitlines()
    assert shown == [*lines[:4], ""], "It should show four whole lines."


# The cell `memory`


def test_an_lstm_is_compared_with_a_plain_layer(memory):
    """The other settings count, but LAYER and NUM_LAYERS do not."""
    shown = [str(pupil.recurrent) for pupil in memory["pupils"].values()]
    assert shown == ["LSTM(12, 16)", "RNN(12, 16)"]
    assert list(memory["pupils"]) == [torch.nn.LSTM, torch.nn.RNN]


def test_the_pupils_have_the_embedding_of_the_settings(memory):
    for pupil in memory["pupils"].values():
        assert str(pupil.embedding) == "Embedding(100, 12)"


@pytest.mark.parametrize("layer", [torch.nn.LSTM, torch.nn.RNN])
def test_each_pupil_begins_with_the_weights_of_the_seed(memory, layer):
    torch.manual_seed(memory["RANDOM_SEED"])
    expected = memory["RNN"](100, 12, 16, layer, 1)
    assert_seeded(memory["pupils"][layer], expected)


def test_the_plain_layer_learns_the_same_at_a_fifth_of_the_rate(memory):
    lstm, plain = memory["pupils"].values()
    assert memory["learn"].calls == [
        (lstm, memory["learned"], 7, 0.01),
        (plain, memory["learned"], 7, 0.002),
    ]


@pytest.mark.parametrize("layer, rate", [(torch.nn.LSTM, 0.01), (torch.nn.RNN, 0.002)])
def test_each_pupil_is_trained_to_the_end(experiments, layer, rate):
    """`learn` trains nothing without a loop around it."""
    torch.manual_seed(123)
    expected = experiments["RNN"](100, 12, 16, layer, 1)
    for _ in experiments["learn"](expected, experiments["learned"], 30, rate):
        pass
    message = "The cell `memory` should train each pupil for NUM_ITER iterations."
    assert_same_weights(experiments["pupils"][layer], expected, message)


def test_the_pupils_are_measured_on_the_new_lines(memory):
    indices = memory["char_to_tensor"](memory["new"])
    calls = memory["character_losses"].calls
    pupils = memory["pupils"].values()
    for (model, inputs, targets), pupil in zip(calls, pupils, strict=True):
        assert model is pupil
        assert torch.equal(inputs, indices[:-1])
        assert torch.equal(targets, indices[1:])


def test_the_targets_called_second_are_the_second_digits(memory):
    digits = [memory["ALPHABET"][i] for i in memory["targets"][memory["second"]]]
    assert digits == [line[-1] for line in memory["new"].splitlines()]


def test_the_losses_printed_are_those_of_the_pupil_above(experiments):
    """With the weights after training, not with those before."""
    found = re.findall(
        r"--- (\w+)\n.*?second digit: (\S+) nats, all: (\S+)\n",
        experiments.out["memory"],
        re.S,
    )
    assert [name for name, _, _ in found] == ["LSTM", "RNN"]
    inputs, targets = experiments["inputs"], experiments["targets"]
    pupils = experiments["pupils"].values()
    for (_, second_digit, mean), pupil in zip(found, pupils):
        losses = experiments["character_losses"](pupil, inputs, targets)
        expected = losses[experiments["second"]].mean().item()
        assert float(second_digit) == pytest.approx(expected, abs=0.006)
        assert float(mean) == pytest.approx(losses.mean().item(), abs=0.006)


def test_each_pupil_writes_ten_lines_at_the_temperature_of_the_settings(memory):
    """The 140 characters after the prime are ten lines of 14."""
    lstm, plain = memory["pupils"].values()
    expected = [(lstm, "\n", 140, 0.5), (plain, "\n", 140, 0.5)]
    assert memory["generate"].calls == expected


def test_memory_prints_samples_without_control_characters(memory):
    """Of the 4,199 losses of new lines, 300 are 4, and the others 1."""
    sample = "1abc⇥⇤↧⇟ 1\n"  # without the prime, a newline
    losses = "second digit: 4.00 nats, all: 1.21\n\n"
    expected = f"--- LSTM\n{sample}{losses}--- RNN\n{sample}{losses}"
    assert memory.out["memory"] == expected


# The cells `unread`, `pays`, and `memory` on another device


class StopHereError(Exception):
    """Raised where a test has seen enough of a cell."""


@pytest.mark.parametrize("cell_id", ["unread", "pays", "memory"])
def test_a_network_is_moved_to_the_device_before_it_learns(lab, cell_id):
    """The device "meta" has no numbers, but shows where a tensor was made."""

    def learn(model, text, num_iter, learning_rate, weight=None):
        places = {weights.device.type for weights in model.parameters()}
        assert places == {"meta"}, "The model should be moved to `device`."
        if weight is not None:
            assert weight.device.type == "meta", "The weight should be on `device`."
        raise StopHereError

    lab["device"] = "meta"
    lab["learn"] = learn
    with pytest.raises(StopHereError):
        lab.run(cell_id)


# The cell `transplant`


class DigitKeeper:
    """A stand-in for the LSTM. Its states are the last digits that it has read, and
    `answer` says which character it expects, given hidden state and cell state.

    `reads` holds the texts that it has read from the beginning, `goes_on` those that it
    has read from a state, each with the state.
    """

    def __init__(self, lab, answer):
        self.alphabet = lab["ALPHABET"]
        self.answer = answer
        self.reads = []
        self.goes_on = []

    def __call__(self, characters, state=None):
        text = "".join(self.alphabet[index] for index in characters)
        logits = torch.zeros(len(text), 100)
        if state is None:
            self.reads.append(text)
            digit = re.findall("[0-9]", text)[-1]
            return logits, (f"h of {digit}", f"c of {digit}")
        self.goes_on.append((text, state))
        hidden, cell_state = state
        logits[:-1, self.alphabet.index("\n")] = 1  # only the last row counts
        logits[-1, self.alphabet.index(self.answer(hidden, cell_state))] = 1
        return logits, state


def transplant(lab, answer=lambda hidden, cell_state: "x"):
    """Run the cell `transplant` with a DigitKeeper; return it and what was printed."""
    keeper = DigitKeeper(lab, answer)
    lab["pupils"] = {torch.nn.RNN: None, torch.nn.LSTM: keeper}
    return keeper, lab.run("transplant")


def last_character_of_the_hidden_state(hidden, cell_state):
    return hidden[-1]


def last_character_of_the_cell_state(hidden, cell_state):
    return cell_state[-1]


def always_seven(hidden, cell_state):
    return "7"


def a_letter(hidden, cell_state):
    return "a"


@pytest.mark.parametrize(
    "answer, expected",
    [
        (last_character_of_the_hidden_state, [90, 0, 0]),
        (last_character_of_the_cell_state, [0, 90, 0]),
        (a_letter, [0, 0, 90]),
        (always_seven, [9, 9, 72]),
    ],
)
def test_the_transplant_counts_whose_digit_is_expected(lab, answer, expected):
    _, out = transplant(lab, answer)
    found = re.findall("(hidden state|cell state|neither): ([0-9]+) of 90", out)
    assert [source for source, _ in found] == ["hidden state", "cell state", "neither"]
    assert [int(count) for _, count in found] == expected


def test_the_transplant_joins_the_states_of_all_pairs_of_different_lines(lab):
    keeper, _ = transplant(lab)
    joined = [state for _, state in keeper.goes_on]
    expected = []
    for hidden, cell_state in itertools.permutations("0123456789", 2):
        expected.append((f"h of {hidden}", f"c of {cell_state}"))
    assert sorted(joined) == expected


def test_ten_lines_are_read_after_the_same_whole_line(lab):
    keeper, _ = transplant(lab)
    before, _ = lab["learned"].split("\n", 1)
    for digit, text in zip("0123456789", keeper.reads, strict=True):
        assert text.startswith(f"{before}\n{digit}"), f"the line of the {digit}: {text}"


@pytest.mark.parametrize("gap, first_half", [(10, 5), (5, 2)])
def test_ten_lines_are_read_halfway(lab, gap, first_half):
    change_gap(lab, gap)
    keeper, _ = transplant(lab)
    for text in keeper.reads:
        halfway = text.split("\n")[1]
        expected = f"[0-9][abcd]{{{first_half}}}"
        assert re.fullmatch(expected, halfway), f"{halfway!r}, with a gap of {gap}"


@pytest.mark.parametrize("gap, second_half", [(10, 5), (5, 3)])
def test_the_rest_of_the_letters_and_the_space_are_read(lab, gap, second_half):
    change_gap(lab, gap)
    keeper, _ = transplant(lab)
    for text, _ in keeper.goes_on:
        expected = f"[abcd]{{{second_half}}} "
        assert re.fullmatch(expected, text), f"{text!r}, with a gap of {gap}"


def test_each_line_has_letters_of_its_own(lab):
    """By chance, two may have the same."""
    keeper, _ = transplant(lab)
    assert len({text[-5:] for text in keeper.reads}) >= 8, "different ones of ten"
    assert len({text for text, _ in keeper.goes_on}) >= 70, "different ones of ninety"


def test_the_letters_of_the_transplant_follow_the_seed(lab):
    def letters(seed):
        lab["RANDOM_SEED"] = seed
        keeper, _ = transplant(lab)
        return keeper.reads, keeper.goes_on

    first = letters(7)
    assert letters(7) == first, "the same seed should make the same lines"
    assert letters(8) != first, "another seed should make other lines"


# The cell `gates`


NAMES = ["c", "f", "ig", "o"]  # in the order of `history`


def steps_of_the_pupil(lab):
    """Return h, c, f, ig, and o, each (characters, 10 lines, HIDDEN_DIM), by name.

    The pupil itself reads the characters, one after another; f, ig, and o follow from
    its states before each and from its weights, in NumPy.
    """
    lstm = lab["pupils"][torch.nn.LSTM]
    weights = [weight.detach().numpy() for weight in lstm.recurrent.parameters()]
    w_ih, w_hh, b_ih, b_hh = weights
    before, _ = lab["learned"].split("\n", 1)
    steps = {name: [] for name in ["h", *NAMES]}
    with torch.no_grad():
        for digit in range(10):
            _, state = lstm(lab["char_to_tensor"](f"{before}\n"))
            for character in lab["char_to_tensor"](f"{digit}{LETTERS} {digit}\n"):
                embedded = lstm.embedding(character[None])
                x, h = embedded[0].numpy(), state[0][0].numpy()
                a_i, a_f, a_g, a_o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
                _, state = lstm.recurrent(embedded, state)
                steps["h"].append(state[0][0].numpy())
                steps["c"].append(state[1][0].numpy())
                steps["f"].append(1 / (1 + np.exp(-a_f)))
                steps["ig"].append(np.tanh(a_g) / (1 + np.exp(-a_i)))
                steps["o"].append(1 / (1 + np.exp(-a_o)))
    shape = 10, 14, lab["HIDDEN_DIM"]
    return {
        name: np.array(numbers).reshape(shape).swapaxes(0, 1)
        for name, numbers in steps.items()
    }


@pytest.fixture(scope="module")
def steps(experiments):
    """What the pupil of `experiments` computes along the ten lines."""
    return steps_of_the_pupil(experiments)


@pytest.mark.parametrize("name", NAMES)
def test_gates_computes_what_the_pupil_does_along_ten_lines(experiments, steps, name):
    found = experiments["history"][NAMES.index(name)]
    np.testing.assert_allclose(
        found,
        steps[name],
        atol=1e-5,
        err_msg=f"{name} along the ten lines, (characters, lines, HIDDEN_DIM)",
    )


def test_the_output_gate_lets_out_what_the_pupil_puts_out(experiments, steps):
    """h' is o tanh(c')."""
    outputs = experiments["output_gates"] * torch.tanh(experiments["cells"])
    np.testing.assert_allclose(outputs, steps["h"], atol=1e-5)


def test_the_numbers_reach_the_cpu_before_they_are_drawn(experiments, monkeypatch):
    """Matplotlib cannot draw what is on a GPU. Without a GPU, the test can only see
    that `cpu` is called for as many numbers as there are."""
    moved = []
    to_cpu = torch.Tensor.cpu

    def cpu(tensor):
        moved.append(tensor.numel())
        return to_cpu(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    experiments.run("gates")
    expected = 4 * 14 * 10 * 16
    assert sum(moved) == expected, "c, f, ig, o; characters; digits; HIDDEN_DIM"


def test_the_numbers_drawn_record_no_graph(experiments):
    """Matplotlib cannot draw a tensor that does."""
    assert not experiments["history"].requires_grad


@pytest.fixture
def drawn_pupil(lab):
    """A function that returns `lab` after its cell `gates`, with a pupil of random
    weights. They are larger than a new network's, so that its numbers differ more."""

    def draw(seed):
        torch.manual_seed(seed)
        pupil = lab["RNN"](100, 12, 16, torch.nn.LSTM, 1)
        with torch.no_grad():
            for weights in pupil.parameters():
                weights.normal_(std=0.7)
        lab["pupils"] = {torch.nn.LSTM: pupil}
        for cell_id in "transplant", "gates":
            lab.run(cell_id)
        return lab

    return draw


@pytest.mark.parametrize("seed", [1, 4, 5, 7])
def test_the_numbers_chosen_vary_with_the_digit_not_with_the_letters(drawn_pupil, seed):
    """The best by the standard deviation between the digits after the last letter, over
    that along the letters (the mean of the ten lines) plus 0.1."""
    lab = drawn_pupil(seed)
    c = steps_of_the_pupil(lab)["c"]
    spread = c[10].std(axis=0, ddof=1)
    drift = c[1:11].std(axis=0, ddof=1).mean(axis=0)
    best = np.argsort(-spread / (drift + 0.1))
    assert lab["chosen"] == list(best[:2])


def test_gates_prints_how_far_the_chosen_output_gates_are_open(drawn_pupil):
    lab = drawn_pupil(1)
    o = steps_of_the_pupil(lab)["o"]
    expected = ""
    for n in lab["chosen"]:
        letters, space = o[1:11, :, n].mean(), o[11, :, n].mean()
        expected += f"number {n}: o is {letters:.2f} along the letters, "
        expected += f"{space:.2f} at the space\n"
    assert lab.out["gates"] == expected


# The cell `memory-seen`


def test_it_can_be_drawn_again_after_another_transplant(drawn_pupil):
    """The two cells before it must not share names that it needs."""
    lab = drawn_pupil(1)
    lab.run("transplant")
    lab.run("memory-seen")


def draw_panels(lab):
    """Return the upper and the lower panels of the figure that `memory-seen` draws."""
    plt.close("all")
    lab.run("memory-seen")
    axes = plt.gcf().axes
    assert len(axes) == 4, "two panels above two"
    return axes[:2], axes[2:]


@pytest.fixture(scope="module")
def panels(experiments):
    """The two upper and the two lower panels of `experiments`. Tests only read them."""
    return draw_panels(experiments)


def test_the_titles_name_the_numbers_chosen(experiments, panels):
    upper, _ = panels
    expected = [f"number {n} of $c$" for n in experiments["chosen"]]
    assert [axes.get_title() for axes in upper] == expected


def test_an_upper_panel_has_a_curve_of_c_for_each_digit(experiments, panels):
    upper, _ = panels
    for axes, n in zip(upper, experiments["chosen"], strict=True):
        assert len(axes.lines) == 10
        for digit, line in enumerate(axes.lines):
            assert list(line.get_xdata()) == list(range(14))
            expected = experiments["history"][0, :, digit, n]
            np.testing.assert_allclose(line.get_ydata(), expected)


def test_a_lower_panel_has_room_for_all_values(panels):
    """Gates are between 0 and 1, and what is added between -1 and 1."""
    _, lower = panels
    for axes in lower:
        bottom, top = axes.get_ylim()
        assert bottom <= -1 and top >= 1


def look(line):
    """Return what a reader knows a line by."""
    return line.get_color(), line.get_linestyle()


@pytest.mark.parametrize("name, place", [("$f$", 1), ("$ig$", 2), ("$o$", 3)])
def test_a_lower_panel_has_a_curve_of_each_gate_for_each_digit(
    experiments, panels, name, place
):
    """Those that look as the legend says, in both panels."""
    _, lower = panels
    legend = lower[0].get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    (handle,) = [
        line
        for line, line_name in zip(legend.get_lines(), names, strict=True)
        if line_name == name
    ]
    for axes, n in zip(lower, experiments["chosen"], strict=True):
        lines = [line for line in axes.lines if look(line) == look(handle)]
        assert len(lines) == 10, f"curves of {name} in the panel of number {n}"
        for digit, line in enumerate(lines):
            assert list(line.get_xdata()) == list(range(14))
            expected = experiments["history"][place, :, digit, n]
            np.testing.assert_allclose(line.get_ydata(), expected)


def test_the_legend_names_the_three_curves_of_the_gates(panels):
    _, lower = panels
    names = [text.get_text() for text in lower[0].get_legend().get_texts()]
    assert names == ["$f$", "$ig$", "$o$"]


def test_the_characters_read_stand_below_each_column(panels):
    upper, lower = panels
    for axes in lower:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert list(axes.get_xticks()) == list(range(14))
        assert labels == ["#", *LETTERS, "·", "#", "↵"]
    for above, below in zip(upper, lower, strict=True):
        message = "The upper panel should share the lower one's characters."
        assert above.get_shared_x_axes().joined(above, below), message


def test_the_axes_of_the_panels_are_named(panels):
    upper, lower = panels
    assert upper[0].get_ylabel() == "cell state"
    assert [axes.get_xlabel() for axes in lower] == ["character just read"] * 2


@pytest.mark.parametrize("seed", [0, 1])
def test_every_digit_stands_in_one_label(drawn_pupil, seed):
    upper, _ = draw_panels(drawn_pupil(seed))
    for axes in upper:
        digits = " ".join(text.get_text() for text in axes.texts).split()
        assert sorted(digits) == list("0123456789")


@pytest.fixture
def bundled():
    """The laboratory with nothing but made-up curves for `memory-seen`: halfway through
    the letters, number 3 of c has the heights below for the digits from 0 to 9, and
    number 5 has 2 for the digit 9, else 0."""
    heights = [-0.8, 0.5, -0.6, 0.55, 0.0, 0.9, -0.4, 1.15, 0.45, 0.05]
    lab = Notebook(LABORATORY, "imports")
    cells = torch.zeros(14, 10, 16)
    cells[:, :, 3] = -2 * torch.tensor(heights)
    cells[5, :, 3] = torch.tensor(heights)
    cells[:, 9, 5] = 2
    for name in "forget_gates", "additions", "output_gates":
        lab[name] = torch.zeros(14, 10, 16)
    lab.update(cells=cells, gap=10, letters=LETTERS, chosen=[3, 5])
    return lab


def test_each_bundle_of_curves_is_named_once_at_its_height(bundled):
    """A digit belongs to a bundle if it is no farther than 0.3 from its neighbor. The
    digits of a bundle are sorted, and they stand on its highest curve."""
    labels = []
    for axes in draw_panels(bundled)[0]:
        found = {}
        for text in axes.texts:
            found[text.get_text()] = pytest.approx(text.get_position()[1])
            assert text.get_verticalalignment() == "bottom"
        labels.append(found)
    assert labels == [
        {"0 2 6": -0.4, "4 9": 0.05, "1 3 8": 0.55, "5 7": 1.15},
        {"0 1 2 3 4 5 6 7 8": 0, "9": 2},
    ]


def test_the_labels_stand_among_the_letters(bundled):
    """There, the curves of a digit are level if the memory is as in a textbook."""
    for axes in draw_panels(bundled)[0]:
        for text in axes.texts:
            x, _ = text.get_position()
            assert 1 <= x <= 10, f"{text.get_text()!r} stands at {x}"


# The cells from `transplant` to `memory-seen` with other settings


@pytest.mark.parametrize("hidden_dim, num_drawn", [(1, 1), (2, 2), (3, 2)])
def test_a_small_network_is_drawn_as_far_as_it_goes(lab, hidden_dim, num_drawn):
    pupil = lab["RNN"](100, 12, hidden_dim, torch.nn.LSTM, 1)
    lab["HIDDEN_DIM"] = hidden_dim
    lab["pupils"] = {torch.nn.LSTM: pupil}
    for cell_id in "transplant", "gates":
        lab.run(cell_id)
    upper, _ = draw_panels(lab)
    drawn = [axes.get_title() for axes in upper if axes.lines]
    assert len(drawn) == num_drawn, f"numbers drawn: {drawn}"


@pytest.mark.parametrize("gap", [4, 5, 20])
def test_the_characters_below_the_panels_follow_the_gap(lab, gap):
    """Exercise 3 asks for other gaps."""
    change_gap(lab, gap)
    lab["pupils"] = {torch.nn.LSTM: lab["RNN"](100, 12, 16, torch.nn.LSTM, 1)}
    for cell_id in "transplant", "gates":
        lab.run(cell_id)
    _, lower = draw_panels(lab)
    labels = [label.get_text() for label in lower[0].get_xticklabels()]
    assert labels == ["#", *"abcdabcdabcdabcdabcd"[:gap], "·", "#", "↵"]
