"""The network held against the equations of the LSTM, and the cells that show them."""

import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, Notebook, Recorder, read_along
from stored import RUNS
from torch.nn import functional as F

# What the cell `step` prints: parameters, their number, and shapes of tensors. The 512
# rows are those of the four gates; in the laboratory, three characters are read.
PARAMETERS = {
    LESSON: """\
embedding.weight  (100, 100)
lstm.weight_ih    (512, 100)
lstm.weight_hh    (512, 128)
lstm.bias_ih      (512,)
lstm.bias_hh      (512,)
linear.weight     (100, 128)
linear.bias       (100,)
140,660 weights to learn
""",
    LABORATORY: """\
embedding.weight       (100, 100)
recurrent.weight_ih_l0 (512, 100)
recurrent.weight_hh_l0 (512, 128)
recurrent.bias_ih_l0   (512,)
recurrent.bias_hh_l0   (512,)
linear.weight          (100, 128)
linear.bias            (100,)
140,660 weights to learn
""",
}
SHAPES = {
    LESSON: """
character: (1,) logits: (1, 100)
hidden: (1, 128) cell_state: (1, 128)
""",
    LABORATORY: """
characters: (3,) embedded: (3, 100)
outputs: (3, 128) logits: (3, 100)
state: (1, 128) (1, 128)
""",
}


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


def softmax_in_numpy(logits):
    """Return probabilities of the same shape; the last dimension adds up to 1."""
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


# The network


@pytest.fixture
def indices(untrained):
    return untrained["char_to_tensor"]("The Safer Badgers")


@pytest.fixture
def call_sizes(untrained):
    """How many of the 17 characters one call of the model may read."""
    return [1, 5, 17] if untrained.name == LABORATORY else [1]


def test_the_logits_follow_the_equations_of_the_lstm(untrained, indices, call_sizes):
    model = untrained["untrained"]
    expected, _, _ = lstm_in_numpy(model, indices)
    for size in call_sizes:
        logits, _ = read_along(model, indices, size)
        message = f"logits, with {size} characters per call"
        np.testing.assert_allclose(logits, expected, atol=2e-6, err_msg=message)


def test_the_state_follows_the_equations_of_the_lstm(untrained, indices, call_sizes):
    model = untrained["untrained"]
    _, expected_h, expected_c = lstm_in_numpy(model, indices)
    for size in call_sizes:
        _, (h, c) = read_along(model, indices, size)
        message = f"state, with {size} characters per call"
        np.testing.assert_allclose(
            h[0].detach(), expected_h, atol=2e-6, err_msg=message
        )
        np.testing.assert_allclose(
            c[0].detach(), expected_c, atol=2e-6, err_msg=message
        )


# The formulas in the prose

STEP = r"c'&?=(.+?) *(?:&|\\qquad\\qquad) *h'&?=(.+?)(?: \\|\$)"
PLACES = [(LESSON, "drawing-read"), (LABORATORY, "model-intro")]


@pytest.mark.parametrize("name, cell_id", PLACES, ids=[LESSON, LABORATORY])
def test_the_formulas_of_a_step_are_those_of_pytorch(name, cell_id):
    """c' and h' are worked out as the formulas say, from the gates of nn.LSTMCell."""
    found = re.findall(STEP, RUNS[name].prose[cell_id])
    assert len(found) == 1, f"The formulas of c' and h' in {cell_id}: {found}"
    of_c, of_h = (
        re.sub(r"\\odot ?|\\,", "*", formula).replace(r"*\tanh", "*np.tanh")
        for formula in found[0]
    )
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
    c_by_formula = eval(of_c, gates | {"c": c.item()})
    h_by_formula = eval(
        of_h.replace("c'", "new_c"), gates | {"new_c": c_by_formula, "np": np}
    )
    assert (c_by_formula, h_by_formula) == pytest.approx((new_c.item(), new_h.item()))


# The cell `step`


def test_step_prints_the_parameters(untrained):
    assert untrained.out["step"].startswith(PARAMETERS[untrained.name])


def test_step_prints_the_shapes(untrained):
    assert SHAPES[untrained.name] in untrained.out["step"]


def test_step_prints_the_probability_of_h_after_t(untrained):
    character = untrained["char_to_tensor"]("t")
    logits, _, _ = lstm_in_numpy(untrained["untrained"], character)
    p = softmax_in_numpy(logits)[0, string.printable.index("h")]
    expected = f"p('h') = {p:.5f}, so the loss is {-math.log(p):.3f}\n"
    assert untrained.out["step"].endswith(expected)


# The cell `character-losses`


def test_character_losses_are_minus_the_logarithm_of_each_probability(
    untrained, indices
):
    model = untrained["untrained"]
    inputs, targets = indices[:-1], indices[1:]
    logits, _, _ = lstm_in_numpy(model, inputs)
    p = softmax_in_numpy(logits)[np.arange(len(inputs)), targets]
    losses = untrained["character_losses"](model, inputs, targets)
    np.testing.assert_allclose(losses, -np.log(p), atol=1e-5)


def test_character_losses_record_no_graph(untrained, indices):
    """They only measure; a graph of a long text would fill the memory."""
    model = untrained["untrained"]
    losses = untrained["character_losses"](model, indices[:-1], indices[1:])
    assert not losses.requires_grad


def test_the_mean_loss_of_the_untrained_network_is_printed(untrained):
    logits, _ = read_along(untrained["untrained"], untrained["inputs"])
    loss = F.cross_entropy(logits, untrained["targets"])
    assert untrained.out["character-losses"] == f"mean loss: {loss:.3f} nats\n"


# The cell `one-call` of the laboratory: a portion read by one character per call, then
# in one call. Five runs of each are timed.


@pytest.fixture
def laboratory():
    """The laboratory, with a small network that a test may change."""
    return Notebook(LABORATORY, "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=16)


def comparison(out):
    """Return what `one-call` prints of the logits and of the gradients, each as the
    largest difference and the largest value."""
    pattern = r"largest difference in (\S+) +(\S+), largest value (\S+)\n"
    found = {name: numbers for name, *numbers in re.findall(pattern, out)}
    assert list(found) == ["logits", "gradients"], f"not as expected: {out!r}"
    in_logits, in_gradients = found.values()
    return [float(number) for number in in_logits + in_gradients]


def differences(out):
    """Return the largest differences that `one-call` prints: logits, gradients."""
    in_logits, _, in_gradients, _ = comparison(out)
    return in_logits, in_gradients


def test_one_call_reads_by_the_character_then_all_at_once(laboratory):
    model = laboratory["model"]
    model.forward = Recorder(model.forward)
    out = laboratory.run("one-call")
    call_sizes = [len(characters) for characters, _ in model.forward.calls]
    assert call_sizes == [1] * 20 * 5 + [20] * 5
    assert re.findall(r"^ *(\d+) calls of +(\d+): ", out, re.M) == [
        ("20", "1"),
        ("1", "20"),
    ]


def test_one_call_compares_the_gradients_of_the_mean_loss(laboratory):
    """Those of one run: if they added up over five, they would agree as well."""
    laboratory.run("one-call")
    model = laboratory["model"]
    logits, _ = model(laboratory["inputs"])
    loss = F.cross_entropy(logits, laboratory["targets"])
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    expected = torch.cat([gradient.flatten() for gradient in gradients])
    assert expected.abs().max() > 1e-3, "the gradients are too small to compare"
    assert len(laboratory["results"]) == 2
    for _, compared in laboratory["results"]:
        np.testing.assert_allclose(compared, expected, atol=1e-5)


def test_forward_backward_reads_as_many_characters_per_call_as_it_is_told(laboratory):
    laboratory.run("one-call")
    model = laboratory["model"]
    model.forward = Recorder(model.forward)
    laboratory["forward_backward"](7)
    assert [len(characters) for characters, _ in model.forward.calls] == [7, 7, 6]


def test_one_call_finds_only_rounding_error(laboratory):
    in_logits, in_gradients = differences(laboratory.run("one-call"))
    assert in_logits < 1e-5
    assert in_gradients < 1e-5


@pytest.mark.parametrize("off", [1.0, -1.0])
def test_one_call_sees_a_difference_in_one_logit(laboratory, off):
    model = laboratory["model"]
    exact = model.forward

    def forward(characters, state):
        logits, state = exact(characters, state)
        if len(characters) == 1:
            logits = logits + off * (torch.arange(100) == 7)
        return logits, state

    model.forward = forward
    in_logits, _ = differences(laboratory.run("one-call"))
    assert in_logits == 1


@pytest.mark.parametrize("off", [1.0, -1.0])
def test_one_call_sees_a_difference_in_one_gradient(laboratory, monkeypatch, off):
    model = laboratory["model"]
    model.forward = Recorder(model.forward)
    exact = torch.Tensor.backward

    def backward(loss):
        exact(loss)
        characters, _ = model.forward.calls[-1]
        if len(characters) == 1:
            model.linear.bias.grad[7] += off

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    in_logits, in_gradients = differences(laboratory.run("one-call"))
    assert in_logits < 1e-5
    assert in_gradients == 1


@pytest.mark.parametrize("bias", [50.0, -50.0])
def test_one_call_prints_the_largest_logit_whatever_its_sign(laboratory, bias):
    """All the other logits are between -5 and 5."""
    with torch.no_grad():
        laboratory["model"].linear.bias[7] = bias
    _, largest, _, _ = comparison(laboratory.run("one-call"))
    assert largest == 50, "It stands beside the largest difference, as one digit."


@pytest.mark.parametrize("gradient", [60.0, -60.0])
def test_one_call_prints_the_largest_gradient_whatever_its_sign(
    laboratory, monkeypatch, gradient
):
    """All the other gradients are between -5 and 5."""
    exact = torch.Tensor.backward

    def backward(loss):
        exact(loss)
        laboratory["model"].linear.bias.grad[7] = gradient

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    _, _, _, largest = comparison(laboratory.run("one-call"))
    assert largest == 60, "It stands beside the largest difference, as one digit."


@pytest.fixture
def timed(laboratory, monkeypatch):
    """What `one-call` prints when the clock is made up, and so is a GPU.

    Reading a character takes 0.01 seconds. `backward` only starts the GPU, which takes
    another time in each run. Fetching a tensor with `cpu` waits for the GPU.
    """
    now = 0.0
    gpu_busy = 0.0
    by_the_character = [5.0, 3.0, 1.0, 2.0, 4.0]
    all_at_once = [3.0, 5.0, 4.0, 0.2, 2.0]
    gpu_times = iter(by_the_character + all_at_once)
    exact_forward = laboratory["model"].forward
    exact_backward = torch.Tensor.backward
    exact_cpu = torch.Tensor.cpu

    def forward(characters, state):
        nonlocal now
        now += 0.01 * len(characters)
        return exact_forward(characters, state)

    def backward(loss):
        nonlocal gpu_busy
        gpu_busy += next(gpu_times)
        exact_backward(loss)

    def cpu(tensor):
        nonlocal now, gpu_busy
        now += gpu_busy
        gpu_busy = 0.0
        return exact_cpu(tensor)

    monkeypatch.setattr(laboratory["model"], "forward", forward)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    monkeypatch.setattr("time.perf_counter", lambda: now)
    return laboratory.run("one-call")


def test_one_call_prints_the_shortest_of_five_runs(timed):
    # 20 characters, and the GPU in the third run, or in the fourth
    assert re.findall(r"(\S+) ms\n", timed) == ["1200.0", "400.0"], (
        "The time should be that of the shortest of five runs, from before the first "
        "character is read until the gradients have been fetched."
    )


def test_one_call_prints_how_many_times_as_fast_it_is(timed):
    """1.2 seconds by the character, 0.4 in one call."""
    assert re.findall(r"^one call is (\S+) times as fast$", timed, re.M) == ["3"]


# The cell `by-hand` of the lesson: one step of the LSTM by its equations, at the “h” of
# “Th”


@pytest.fixture
def lesson():
    """The lesson, with weights that open and close the gates; a test may change it."""
    lesson = Notebook(LESSON, "setup")
    with torch.no_grad():
        lesson["model"].lstm.weight_ih.mul_(40)
    return lesson


def difference(out):
    """Return the largest difference that `by-hand` prints."""
    return float(re.findall(r"^largest difference: (\S+)$", out, re.M)[0])


def test_by_hand_finds_only_rounding_error(lesson):
    assert 0 <= difference(lesson.run("by-hand")) < 1e-5


def test_by_hand_works_out_the_state_after_th(lesson):
    lesson.run("by-hand")
    indices = lesson["char_to_tensor"]("Th")
    _, expected_h, expected_c = lstm_in_numpy(lesson["model"], indices)
    np.testing.assert_allclose(lesson["new_h"][0].detach(), expected_h, atol=1e-5)
    np.testing.assert_allclose(lesson["new_c"][0].detach(), expected_c, atol=1e-5)


@pytest.mark.parametrize("off_h, off_c", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_by_hand_sees_a_difference_in_either_state(lesson, off_h, off_c):
    layer = lesson["model"].lstm
    exact = layer.forward

    def forward(x, state):
        h, c = exact(x, state)
        return h + off_h, c + off_c

    layer.forward = forward
    assert difference(lesson.run("by-hand")) == 1


def test_by_hand_counts_the_forget_gates_that_are_open_or_closed(lesson):
    out = lesson.run("by-hand")
    forget_gates = lesson["f"].detach().numpy()
    above = np.mean(forget_gates > 0.9)
    below = np.mean(forget_gates < 0.1)
    assert min(above, below) > 0.1, "too few gates are open or closed to be counted"
    assert f"forget gates: {above:.0%} above 0.9, {below:.0%} below 0.1\n" in out
