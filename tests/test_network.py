"""The network's sizes, and the cells that compute one thing in two ways."""

from collections import Counter
from types import SimpleNamespace

import torch
from notebooks import LABORATORY, LESSON, numbers, values


def test_the_network_is_as_large_as_the_settings_say(small):
    """EMBEDDING_DIM is 12 and HIDDEN_DIM 16; LAYER is nn.GRU and NUM_LAYERS 2."""
    lstm_cell = [(64, 12), (64, 16), (64,), (64,)]  # four times HIDDEN_DIM
    gru = [(48, 12), (48, 16), (48,), (48,)]  # three times
    gru_above = [(48, 16), (48, 16), (48,), (48,)]
    recurrent = {LESSON: lstm_cell, LABORATORY: gru + gru_above}[small.name]
    networks = [small["model"]]
    if small.name == LABORATORY:
        small.run("learn")
        arguments = small["LAYER"], small["text"], 0.01
        networks.append(small["learn"](*arguments, num_layers=small["NUM_LAYERS"]))
    for network in networks:
        shapes = [tuple(weight.shape) for weight in network.parameters()]
        assert shapes == [(100, 12), *recurrent, (100, 16), (100,)]


def test_by_hand_agrees_with_the_layer_and_counts_its_forget_gates(lesson):
    """Here, 12 of 16 gates are open, and 4 closed."""
    with torch.no_grad():
        _, gates, _, _ = lesson["model"].lstm.bias_ih.chunk(4)  # i, f, g, o
        gates[:12], gates[12:] = 50, -50
    difference, *gates = numbers(lesson.run("by-hand"))
    assert float(difference) < 1e-5, "Are the gates in the order of PyTorch?"
    assert [number for number in gates if "%" in number] == ["75%", "25%"]


def test_one_call_has_the_logits_and_gradients_of_many(lab):
    """Here, a portion has 20 characters, each call takes a second, and all logits are
    at least 40."""
    forward, calls = lab["model"].forward, Counter()

    def counted(characters, state=None):
        calls[len(characters)] += 1
        return forward(characters, state)

    lab["model"].forward = counted
    lab["model"].linear.bias.data += 50
    lab["time"] = SimpleNamespace(perf_counter=lambda: calls.total())
    *times, logits, gradients = lab.run("one-call").strip().splitlines()
    found = [values(line) for line in times if line]
    assert found == [[20, 1, 20000], [1, 20, 1000]], "calls, of size, milliseconds"
    assert calls == {1: 20, 20: 1}
    for line, name, low in ((logits, "logits", 40), (gradients, "gradients", 0)):
        difference, largest = values(line)
        assert name in line and difference < 1e-4 and low < largest < low + 60, line
