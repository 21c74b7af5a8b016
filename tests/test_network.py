"""The network held against the equations of the LSTM, in NumPy."""

import re

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, Notebook, numbers, read, read_text


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
    expected, expected_h, expected_c = lstm_in_numpy(untrained["model"], indices)
    logits, (h, c) = read_text(untrained["model"], indices, size)
    np.testing.assert_allclose(logits, expected, atol=2e-6)
    np.testing.assert_allclose(h[0].detach(), expected_h, atol=2e-6)
    np.testing.assert_allclose(c[0].detach(), expected_c, atol=2e-6)


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
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    assert not losses.requires_grad


def test_read_along_reads_one_character_after_another(untrained, indices):
    if untrained.name != LESSON:
        pytest.skip("the laboratory reads in one call")
    model = untrained["model"]
    expected, expected_state = read_text(model, indices)
    logits, state = untrained["read_along"](model, indices)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(state[1], expected_state[1])

    _, halfway = untrained["read_along"](model, indices[:8])
    rest, _ = untrained["read_along"](model, indices[8:], halfway)
    torch.testing.assert_close(rest, expected[8:])


# --- The formulas of the prose

STEP = r"c'&=(.+?) *\\\\ *h'&=(.+?) *\\end"


def test_the_formulas_of_a_step_are_those_of_pytorch():
    """c' and h' are worked out as the lesson's formulas say, from the gates of
    nn.LSTMCell."""
    prose = [cell.source for cell in read(LESSON).cells if cell.cell_type != "code"]
    found = re.findall(STEP, " ".join("\n".join(prose).split()))
    assert found, "The lesson should give formulas for c' and h', in two lines."
    torch.manual_seed(0)
    layer = torch.nn.LSTMCell(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.rand(weight.shape) * 2 - 1)
        x, h, c = (torch.tensor([[number]]) for number in (0.8, -0.3, 1.5))
        new_h, new_c = layer(x, (h, c))
        sums = x @ layer.weight_ih.T + layer.bias_ih + h @ layer.weight_hh.T
        a_i, a_f, a_g, a_o = (sums + layer.bias_hh)[0].tolist()
    gates = {"f": sigmoid(a_f), "i": sigmoid(a_i), "g": np.tanh(a_g), "o": sigmoid(a_o)}
    for formulas in found:
        of_c, of_h = (
            re.sub(r"\\(?:odot|cdot|,) ?", "*", formula).replace(r"*\tanh", "*tanh")
            for formula in formulas
        )
        by_formula = eval(of_c, gates | {"c": c.item()})
        assert by_formula == pytest.approx(new_c.item()), f"c' = {formulas[0]}"
        names = gates | {"new_c": by_formula, "tanh": np.tanh}
        by_formula = eval(of_h.replace("c'", "new_c"), names)
        assert by_formula == pytest.approx(new_h.item()), f"h' = {formulas[1]}"


# --- The cells that compare two ways: what they print is rounding error, and no less


def tiny(output):
    """Return the numbers in scientific notation that a cell has printed."""
    return [float(number) for number in numbers(output) if "e" in number]


@pytest.fixture
def lesson():
    return Notebook(LESSON, "setup", HIDDEN_DIM=16)


@pytest.fixture
def laboratory():
    return Notebook(LABORATORY, "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=16)


def test_by_hand_finds_only_rounding_error(lesson):
    assert max(tiny(lesson.run("by-hand"))) < 1e-5


@pytest.mark.parametrize("off_h, off_c", [(-1, 0), (0, 1)])
def test_by_hand_would_see_a_difference_in_either_state(lesson, off_h, off_c):
    exact = torch.nn.LSTMCell.forward

    def forward(layer, x, state=None):
        h, c = exact(layer, x, state)
        return h + off_h, c + off_c

    for part in lesson["model"].children():
        if isinstance(part, torch.nn.LSTMCell):
            part.forward = forward.__get__(part)
    assert max(tiny(lesson.run("by-hand"))) > 0.1


@pytest.fixture
def calls(laboratory):
    """The sizes of the calls that the laboratory's model gets."""
    sizes = []
    exact = laboratory["model"].forward

    def forward(characters, state=None):
        sizes.append(len(characters))
        return exact(characters, state)

    laboratory["model"].forward = forward
    return sizes


def test_one_call_reads_by_the_character_and_all_at_once(laboratory, calls):
    """It compares logits and gradients, and finds only rounding error."""
    differences = tiny(laboratory.run("one-call"))[::2]  # the others are values
    assert set(calls) == {1, 20}
    assert calls.count(1) % 20 == 0
    assert len(differences) == 2
    assert max(differences) < 1e-5


@pytest.mark.parametrize("what", ["logits", "gradients"])
def test_one_call_would_see_a_difference(laboratory, calls, monkeypatch, what):
    """Only those of the reading by the character are off. The gradients are fresh ones:
    if they added up from run to run, or one run's were compared with itself, the
    difference would be another."""
    model = laboratory["model"]
    read = model.forward
    exact = torch.Tensor.backward

    def forward(characters, state=None):
        logits, state = read(characters, state)
        if what == "logits" and len(characters) == 1:
            logits = logits - (torch.arange(100) == 7).float()
        return logits, state

    def backward(loss):
        exact(loss)
        if what == "gradients" and calls[-1] == 1:
            model.linear.bias.grad[7] -= 1

    model.forward = forward
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    in_logits, _, in_gradients, _ = tiny(laboratory.run("one-call"))
    assert in_logits == pytest.approx(float(what == "logits"), abs=1e-4)
    if what == "gradients":
        assert in_gradients == 1


def test_one_call_compares_the_gradients_of_one_run(laboratory):
    """If they added up over the runs that are timed, they would agree as well, so the
    largest value, printed beside the difference, must be that of a fresh gradient."""
    model = laboratory["model"]
    with torch.no_grad():
        model.linear.bias[0] = 50  # a character that is not in the text: p is nearly 1
    _, _, _, largest = tiny(laboratory.run("one-call"))
    assert largest <= 1, "the gradient of a mean loss by this logit is at most 1"
    assert largest > 0.1
