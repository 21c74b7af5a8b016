"""The network held against the equations of the LSTM, in NumPy."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, numbers, read_text, values


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(model, indices):
    """Return logits (L, 100) and the last hidden and cell states, each (hidden_dim,).

    These are the equations of the lesson under *Inside the LSTM*, in double precision.
    """
    weights = [weight.detach().double().numpy() for weight in model.parameters()]
    embedding, w_ih, w_hh, b_ih, b_hh, linear, linear_bias = weights
    h = np.zeros(w_hh.shape[1])
    c = np.zeros(w_hh.shape[1])
    logits = []
    for index in indices.tolist():
        x = embedding[index]
        a_i, a_f, a_g, a_o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
        c = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)
        h = sigmoid(a_o) * np.tanh(c)
        logits.append(linear @ h + linear_bias)
    return np.array(logits), h, c


@pytest.mark.parametrize("size", [1, 5, 17])
def test_the_network_follows_the_equations_of_the_lstm(untrained, size):
    """In the laboratory, also with several of the 17 characters per call."""
    if untrained.name == LESSON and size > 1:
        pytest.skip("the lesson reads one character per call")
    indices = untrained["char_to_tensor"]("The Safer Badgers")
    expected = lstm_in_numpy(untrained["model"], indices)
    logits, (h, c) = read_text(untrained["model"], indices, size)
    message = "Is the state passed on? Is any layer left out?"
    for found, by_equations in zip((logits, h[0], c[0]), expected):
        np.testing.assert_allclose(
            found.detach(), by_equations, atol=2e-6, err_msg=message
        )


def test_the_network_is_as_large_as_the_settings_say(small):
    """EMBEDDING_DIM is 12 and HIDDEN_DIM 16; LAYER is nn.GRU and NUM_LAYERS 2."""
    lstm_cell = [(64, 12), (64, 16), (64,), (64,)]  # four times HIDDEN_DIM
    gru = [(48, 12), (48, 16), (48,), (48,)]  # three times
    gru_above = [(48, 16), (48, 16), (48,), (48,)]
    recurrent = {LESSON: lstm_cell, LABORATORY: gru + gru_above}[small.name]
    shapes = [tuple(weight.shape) for weight in small["model"].parameters()]
    assert shapes == [(100, 12), *recurrent, (100, 16), (100,)]


# --- The cells that compare two ways: what they print is rounding error


def tiny(output):
    """Return the numbers in scientific notation that a cell has printed."""
    return [float(number) for number in numbers(output) if "e" in number]


def test_by_hand_agrees_with_the_layer_and_counts_its_forget_gates(lesson):
    """Here, 12 of 16 gates are open, and 4 closed."""
    with torch.no_grad():
        _, gates, _, _ = lesson["model"].lstm.bias_ih.chunk(4)  # i, f, g, o
        gates[:12] = 50
        gates[12:] = -50
    out = lesson.run("by-hand")
    assert max(tiny(out)) < 1e-5, "Are the gates in the order of PyTorch?"
    assert [number for number in numbers(out) if "%" in number] == ["75%", "25%"]


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
    for line, name, low, high in (
        (logits, "logits", 40, 99),
        (gradients, "grad", 0, 1),
    ):
        difference, largest = values(line)
        assert name in line and difference < 1e-4 and low < largest < high, line
