"""The laboratory's experiments, with networks whose answers are known beforehand."""

import re
import string

import torch
from notebooks import as_text, legend, numbers, values
from torch import nn


def test_the_losses_at_the_end_are_named_for_what_they_are(lab):
    """Here, a character costs 3 nats in the last tenth and 2 in the other, and later 1
    more. At the end is not at its best."""
    test_text = lab["text"][len(lab["text"]) * 9 // 10 :]
    measured = []

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs) + as_text(targets[-1:]) == test_text)
        return torch.full((len(inputs),), 2.0 + measured[-1] + (len(measured) > 2))

    lab.update(character_losses=character_losses, NUM_ITER=30)
    lab.run("table")
    best = min(lab["tables"])
    printed = re.findall(r"(training|test|table)\D*(\d\.\d\d)", lab.run("unread"))
    expected = [("training", "3.00"), ("test", "4.00"), ("table", f"{best:.2f}")]
    assert sorted(printed) == sorted(expected), "the losses after the last iteration"
    for name, (_, y) in legend(lab.figures["unread"][0].axes[0]).items():
        network = [3, 4] if "test" in name else [2, 3]
        expected = [best] * 2 if "table" in name else network
        assert y == expected, f"This is not {name!r}."


def test_one_of_the_two_is_written_by_the_table_and_one_by_the_network(lab):
    """In this text, each letter has one that follows, so the table follows the text."""
    asked = []

    def generate(model, prime_str, predict_len, temperature):
        asked.append((model, temperature))
        return f"{prime_str}the network's".ljust(predict_len)

    lab.update(text="abcdefg" * 400, reader=object(), generate=generate)
    lab.run("table")
    parts = lab.run("table-writes").split("---")[1:]
    assert asked == [(lab["reader"], 1)], "another network, or temperature"
    assert [part.split()[0] for part in parts] == ["A", "B"]
    by_table, by_network = sorted(parts, key=lambda part: "the network's" in part)
    assert "the network's" in by_network
    assert lab["by_table"] in by_table, "The fold tells the reader to print it."
    assert lab["by_table"][-190:] in lab["text"]


def test_the_memory_is_measured_on_new_lines_and_each_layer_writes(lab):
    """Here, a character costs 1 nat, and one that follows a space 15."""
    lab.run("memory-text")
    draw_example, known, measured = lab["draw_example"], set(), []

    def noting(text, *args):
        known.update(text.splitlines())
        return draw_example(text, *args)

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs))
        return 1 + 14.0 * (inputs == string.printable.index(" "))

    def generate(model, *_):
        return f"\nwritten by {type(model.recurrent).__name__}"

    lab.update(character_losses=character_losses, generate=generate)
    lab["draw_example"] = noting
    out = lab.run("memory")
    new = {line for text in measured for line in text.splitlines()}
    assert not new & known, "The lines to measure on should be new to the network."
    costs = re.findall(r"(second|all)\D*(\d+\.\d\d)", out)
    assert costs == [("second", "15.00"), ("all", "2.00")] * 2, "Each should be named."
    layers = re.findall(r"LSTM|RNN", out)
    assert layers == ["LSTM", "LSTM", "RNN", "RNN"], "A sample of the other layer."


def test_a_transplant_whose_answer_is_known(lab):
    """This network's vectors hold the last digit read. It goes by the hidden state
    where that is 0, 1, or 2, by neither where it is 3, and else by the cell state."""
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
    lab.update(carriers={nn.LSTM: network}, costs={nn.LSTM: 0.5})
    lines = lab.run("transplant").splitlines()
    assert "not" not in lines[0], "This network has learned the digit."
    pairs = [(a, b) for a in range(10) for b in range(10) if a != b]
    assert sorted(joined) == pairs, "(hidden state, cell state), of two lines each"
    counts = [values(line)[0] for line in lines if numbers(line)]
    assert counts == [27, 54, 9], "Each answer should count for the line it is from."
    lab["costs"] = {nn.LSTM: 1.1}
    assert "not learned" in lab.run("transplant"), "There is no digit to follow."
