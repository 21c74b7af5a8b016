"""The network held against the equations of the LSTM, in NumPy."""

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, numbers, read_text


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


@pytest.fixture
def indices(untrained):
    return untrained["char_to_tensor"]("The Safer Badgers")


@pytest.mark.parametrize("size", [1, 5, 17])
def test_the_network_follows_the_equations_of_the_lstm(untrained, indices, size):
    """In the laboratory, also with several of the 17 characters per call."""
    if untrained.name == LESSON and size > 1:
        pytest.skip("the lesson reads one character per call")
    expected = lstm_in_numpy(untrained["model"], indices)
    logits, (h, c) = read_text(untrained["model"], indices, size)
    message = "Is the state passed on? Is any layer left out?"
    for found, by_equations in zip((logits, h[0], c[0]), expected):
        np.testing.assert_allclose(
            found.detach(), by_equations, atol=2e-6, err_msg=message
        )


def test_the_network_is_as_large_as_the_settings_say(unusual):
    """EMBEDDING_DIM is 12 and HIDDEN_DIM 16; LAYER is nn.GRU and NUM_LAYERS 2."""
    lstm_cell = [(64, 12), (64, 16), (64,), (64,)]  # four times HIDDEN_DIM
    gru = [(48, 12), (48, 16), (48,), (48,)]  # three times
    gru_above = [(48, 16), (48, 16), (48,), (48,)]
    recurrent = {LESSON: lstm_cell, LABORATORY: gru + gru_above}[unusual.name]
    shapes = [tuple(weight.shape) for weight in unusual["model"].parameters()]
    assert shapes == [(100, 12), *recurrent, (100, 16), (100,)]


def test_character_losses_are_minus_the_logarithm_of_each_probability(
    untrained, indices
):
    """They record no graph: that of a long text would fill the memory."""
    model, inputs, targets = untrained["model"], indices[:-1], indices[1:]
    logits, _, _ = lstm_in_numpy(model, inputs)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = untrained["character_losses"](model, inputs, targets)
    expected = -np.log(p[np.arange(len(inputs)), targets])
    np.testing.assert_allclose(losses.detach(), expected, atol=1e-5)
    assert not losses.requires_grad, "`character_losses` should record no graph."


def test_read_along_reads_one_character_after_another(lesson):
    """And goes on from the state that it is given."""
    model, indices = lesson["model"], lesson["char_to_tensor"]("The Safer Badgers")
    expected, _ = read_text(model, indices)
    _, halfway = lesson["read_along"](model, indices[:8])
    for first, state in (0, None), (8, halfway):
        logits, _ = lesson["read_along"](model, indices[first:], state)
        torch.testing.assert_close(logits, expected[first:])


# --- The cells that compare two ways: what they print is rounding error, and no less


def tiny(output):
    """Return the numbers in scientific notation that a cell has printed."""
    return [float(number) for number in numbers(output) if "e" in number]


def test_by_hand_compares_with_the_layer_and_counts_its_forget_gates(lesson):
    """Here, 12 of 16 gates are open, and 4 closed. If the layer gave another h or
    another c, the difference would be seen."""
    layer = lesson["model"].lstm
    with torch.no_grad():
        _, gates, _, _ = layer.bias_ih.chunk(4)  # i, f, g, o
        gates[:12] = 50
        gates[12:] = -50
    out = lesson.run("by-hand")
    assert max(tiny(out)) < 1e-5
    assert [number for number in numbers(out) if "%" in number] == ["75%", "25%"]

    exact = layer.forward
    for off_h, off_c in (-1, 0), (0, 1):

        def forward(x, state=None, off_h=off_h, off_c=off_c):
            h, c = exact(x, state)
            return h + off_h, c + off_c

        layer.forward = forward
        assert max(tiny(lesson.run("by-hand"))) > 0.1, "A wrong layer is not noticed."


def test_one_call_compares_logits_and_gradients_of_one_run(lab):
    """A bias makes the network nearly sure of a character that is not in the text. By
    this logit, the gradient of a mean loss is at most 1; if gradients of several runs
    added up, it would be more. If a call with one character gave another logit, both
    differences would be seen."""
    model = lab["model"]
    with torch.no_grad():
        model.linear.bias[0] = 50
    in_logits, _, in_gradients, largest = tiny(lab.run("one-call"))
    assert max(in_logits, in_gradients) < 1e-4
    assert 0.1 < largest <= 1, "These are not the gradients of one run."

    exact = model.forward

    def forward(characters, state=None):
        logits, state = exact(characters, state)
        return logits * (0.9 if len(characters) == 1 else 1), state

    model.forward = forward
    in_logits, _, in_gradients, _ = tiny(lab.run("one-call"))
    assert in_logits > 0.1 and in_gradients > 0.01, "A difference is not noticed."
