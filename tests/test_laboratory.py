"""The laboratory's experiments, with few iterations or with stand-ins for training.

The cells under test are `learn`, `table`, `unread`, `memory-text`, `memory`, and
`memory-seen`.
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

SETTINGS = UNUSUAL | {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2}
LINE = "abcdabcdabcd"  # the letters that the cell `memory-seen` reads


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


@pytest.fixture
def lab(tmp_path):
    """The laboratory on the beginning of the FAQ, with all that the experiments need,
    but nothing trained. Every setting is other than its default."""
    beginning = TEXT_FILE.read_text(encoding="utf-8")[:3000]
    (tmp_path / "own.txt").write_text(beginning, encoding="utf-8")
    settings = SETTINGS | {
        "TEXT_FILE": str(tmp_path / "own.txt"),
        "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf"),
    }
    training = ("train", "perplexity", "temperature-samples", "unread")
    return Notebook(LABORATORY, "memory-text", skip=(*SKIP, *training), **settings)


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


@pytest.fixture
def panels(experiments):
    """The panels of the figure that Jupyter shows below `memory-seen`."""
    plt.close("all")
    experiments.run("memory-seen")
    return plt.gcf().axes


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


@pytest.mark.parametrize("cell_id", ["table", "memory-text"])
def test_a_cell_without_training_prints_what_is_stored(experiments, cell_id):
    message = (
        f"The stored output of {cell_id} is of other code, another text, or another "
        "version of NumPy: python tests/refresh.py lstm"
    )
    assert experiments.out[cell_id] == LABORATORY_RUN[cell_id], message


def test_the_prose_has_the_loss_of_the_table_with_twenty_sightings(experiments):
    sentence = (
        r"with twenty sightings and seven characters, "
        r"the loss comes down to ([\d.]+\d)"
    )
    found = re.findall(sentence, LABORATORY_RUN.prose["table-read"])
    assert len(found) == 1, "Was the sentence in table-read reworded? Change the test."
    read, unread = experiments["read"], experiments["unread"]
    loss = experiments["table_loss"](read, unread, 7, 20)
    message = f"The loss is {loss:.4f}. Change the sentence in table-read."
    assert found[0] == f"{loss:.2f}", message


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


# The cell `memory-text`


def test_there_are_5200_lines_to_learn(experiments):
    assert experiments["learned"].count("\n") == 5200


def test_there_are_300_new_lines(experiments):
    assert experiments["new"].count("\n") == 300


@pytest.mark.parametrize("part", ["learned", "new"])
def test_a_line_has_a_digit_twelve_letters_a_space_a_digit(experiments, part):
    for line in experiments[part].splitlines():
        assert re.fullmatch(r"[0-9][abcd]{12} [0-9]", line), f"{line!r} in `{part}`"


@pytest.mark.parametrize("part", ["learned", "new"])
def test_a_line_ends_with_its_first_digit(experiments, part):
    for line in experiments[part].splitlines():
        assert line[0] == line[-1], f"{line!r} in `{part}`"


@pytest.mark.parametrize("part", ["learned", "new"])
def test_no_line_comes_twice(experiments, part):
    counts = Counter(experiments[part].splitlines())
    repeated = [line for line, count in counts.items() if count > 1]
    assert not repeated


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
    """The least possible loss in the prose, with 12 ln 4, supposes this."""
    letters = re.sub("[^a-d]", "", experiments["learned"])
    for letter in "abcd":
        share = letters.count(letter) / len(letters)
        assert share == pytest.approx(0.25, abs=0.01), letter


def test_the_gap_can_be_changed_in_one_place(lab):
    """Exercise 3 asks for it."""
    assert "gap = 12 " in lab.cells["memory-text"]
    lab.cells["memory-text"] = lab.cells["memory-text"].replace("gap = 12 ", "gap = 4 ")
    lab.run("memory-text")
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
    assert experiments.out["memory-text"].splitlines() == [*lines[:4], ""]


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
    """The 160 characters after the prime are ten lines of 16."""
    lstm, plain = memory["pupils"].values()
    expected = [(lstm, "\n", 160, 0.5), (plain, "\n", 160, 0.5)]
    assert memory["generate"].calls == expected


def test_memory_prints_samples_without_control_characters(memory):
    """Of the 4,799 losses of new lines, 300 are 4, and the others 1."""
    sample = "1abc⇥⇤↧⇟ 1\n"  # without the prime, a newline
    losses = "second digit: 4.00 nats, all: 1.19\n\n"
    expected = f"--- LSTM\n{sample}{losses}--- RNN\n{sample}{losses}"
    assert memory.out["memory"] == expected


# The cells `unread` and `memory` on another device


class StopHereError(Exception):
    """Raised where a test has seen enough of a cell."""


@pytest.mark.parametrize("cell_id", ["unread", "memory"])
def test_a_network_is_moved_to_the_device_before_it_learns(lab, cell_id):
    """The device "meta" has no numbers, but shows where a tensor was made."""

    def learn(model, *args):
        places = {weights.device.type for weights in model.parameters()}
        assert places == {"meta"}, "The model should be moved to `device`."
        raise StopHereError

    lab["device"] = "meta"
    lab["learn"] = learn
    with pytest.raises(StopHereError):
        lab.run(cell_id)


# The cell `memory-seen`


def test_the_states_are_the_cell_states_along_a_line(experiments):
    """Each line is read anew, after the same other line."""
    lstm = experiments["pupils"][torch.nn.LSTM]
    before = f"3{LINE} 3\n"
    for digit in range(10):
        line = f"{digit}{LINE} {digit}"
        for n in range(len(line)):
            indices = experiments["char_to_tensor"](before + line[: n + 1])
            _, (_, cell_state) = lstm(indices)
            np.testing.assert_allclose(
                experiments["states"][digit, n],
                cell_state[0].detach(),
                atol=1e-5,
                err_msg=f"cell state after character {n} of {line!r}",
            )


def test_the_states_reach_the_cpu_before_they_are_drawn(experiments, monkeypatch):
    """Matplotlib cannot draw what is on a GPU. Without a GPU, the test can only see
    that `cpu` is called for as many numbers as there are."""
    moved = []
    to_cpu = torch.Tensor.cpu

    def cpu(tensor):
        moved.append(tensor.numel())
        return to_cpu(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    experiments.run("memory-seen")
    assert sum(moved) == 10 * 15 * 16, "digits, characters, HIDDEN_DIM"


def chosen_numbers(experiments):
    """Return the three numbers of the cell state that `memory-seen` should draw."""
    states = experiments["states"].numpy()
    spread = states[:, 12].std(axis=0, ddof=1)
    drift = states[:, 1:13].std(axis=1, ddof=1).mean(axis=0)
    return np.argsort(-spread / (drift + 0.1))[:3]


def test_the_panels_show_what_varies_with_the_digit_not_with_the_letters(
    experiments, panels
):
    expected = [f"number {n} of $c$" for n in chosen_numbers(experiments)]
    assert [axes.get_title() for axes in panels] == expected


def test_each_panel_has_a_curve_for_each_digit(experiments, panels):
    states = experiments["states"]
    for axes, n in zip(panels, chosen_numbers(experiments), strict=True):
        assert len(axes.lines) == 10
        for digit, line in enumerate(axes.lines):
            assert list(line.get_xdata()) == list(range(15))
            np.testing.assert_allclose(line.get_ydata(), states[digit, :, n])


def test_each_digit_is_written_on_its_own_curve(experiments, panels):
    states = experiments["states"]
    for axes, n in zip(panels, chosen_numbers(experiments), strict=True):
        places = {text.get_text(): text.get_position() for text in axes.texts}
        assert list(places) == list("0123456789")
        for digit in range(10):
            height = states[digit, digit + 2, n].item()
            message = f"The {digit} should stand on the curve of its digit."
            assert places[str(digit)] == (digit + 2, pytest.approx(height)), message


def test_the_characters_read_stand_below_each_panel(panels):
    for axes in panels:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert list(axes.get_xticks()) == list(range(15))
        assert labels == ["#", *LINE, "·", "#"]


def test_the_axis_of_each_panel_is_named(panels):
    for axes in panels:
        assert axes.get_xlabel() == "character just read"
