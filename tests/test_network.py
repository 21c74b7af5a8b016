"""Settings, portions, network, and writing, held against independent computations."""

import contextlib
import math
import string

import numpy as np
import pytest
import torch
from notebooks import Lesson
from torch.nn import functional as F


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(model, indices):
    """Return logits (L, 100) and the last states, by the equations of the LSTM."""
    weights = {k: v.detach().double().numpy() for k, v in model.named_parameters()}
    layer = {k.split(".")[1]: v for k, v in weights.items() if "_ih" in k or "_hh" in k}
    suffixes = sorted(k.removeprefix("weight_hh") for k in layer if "weight_hh" in k)
    width = weights["linear.weight"].shape[1]
    hidden, cell = np.zeros((2, len(suffixes), width))
    rows = []
    for index in indices.tolist():
        x = weights["embedding.weight"][index]
        for n, suffix in enumerate(suffixes):
            from_x = layer["weight_ih" + suffix] @ x + layer["bias_ih" + suffix]
            from_h = layer["weight_hh" + suffix] @ hidden[n] + layer["bias_hh" + suffix]
            i, f, g, o = (from_x + from_h).reshape(4, -1)
            cell[n] = sigmoid(f) * cell[n] + sigmoid(i) * np.tanh(g)
            x = hidden[n] = sigmoid(o) * np.tanh(cell[n])
        rows.append(weights["linear.weight"] @ x + weights["linear.bias"])
    return np.array(rows), hidden, cell


def read_along(model, indices, size=1):
    """Return logits (L, 100) and the last state, size characters per call."""
    state, rows = None, []
    for characters in indices.split(size):
        logits, state = model(characters, state)
        rows.append(logits.detach())
    return torch.cat(rows), state


class Parrot(torch.nn.Module):
    """Predicts by the same logits always; its state is all that it has read."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, character, state=()):
        assert len(character) == 1
        self.read = (*(state or ()), *character.tolist())
        return self.logits.unsqueeze(0), self.read


def test_every_start_is_reached_and_targets_are_shifted_by_one(lesson):
    rng = np.random.default_rng(0)
    for size in 1, 4, 9:
        drawn = [lesson["draw_example"]("0123456789", size, rng) for _ in range(500)]
        assert {x[0].item() for x, _ in drawn} == set(range(10 - size))
        assert all(len(x) == size and (y == x + 1).all() for x, y in drawn)


def test_the_cells_show_the_two_starts_and_the_shift(lesson):
    assert lesson.out["portions"] == "['abcd', 'bcde']\n"
    rows = [row.split("->") for row in lesson.out["shift"].splitlines()[1:]]
    assert len(rows) == 8
    for row, following in zip(rows, rows[1:]):
        assert row[1].split() == following[0].split()
    index, char = rows[0][0].split(maxsplit=1)
    assert repr(string.printable[int(index)]) == char.strip()


@pytest.mark.parametrize("size", [0, -1, 1240, 5000])
def test_a_portion_that_does_not_fit_is_said_in_one_sentence(name, tmp_path, size):
    (tmp_path / "own.txt").write_text("a" * 1240)
    own = {"TEXT_FILE": tmp_path / "own.txt", "TEXT_PORTION_SIZE": size}
    message = "TEXT_PORTION_SIZE must be above 0 and below 1240, the length of the text"
    with pytest.raises(AssertionError, match=message):
        Lesson(name, "text", **own)


def test_the_network_follows_the_equations_however_the_text_is_cut(lesson):
    model, indices = lesson["untrained"], lesson["char_to_tensor"]("The Safer Badgers")
    assert sum(parameter.numel() for parameter in model.parameters()) == 140_660
    expected, *states = lstm_in_numpy(model, indices)
    for size in (1,) if lesson.name == "lstmcell" else (1, 5, 17):
        logits, last = read_along(model, indices, size)
        np.testing.assert_allclose(logits, expected, atol=2e-6)
        for one, other in zip(last, states):
            np.testing.assert_allclose(one.detach(), other, atol=2e-6)
    losses = lesson["character_losses"](model, indices[:-1], indices[1:])
    log_sums = np.log(np.exp(expected[:-1]).sum(axis=1))
    by_hand = log_sums - expected[np.arange(len(indices) - 1), indices[1:]]
    np.testing.assert_allclose(losses, by_hand, atol=1e-5)
    assert not losses.requires_grad


def test_the_cells_step_and_character_losses_print_what_they_say(lesson):
    logits, _, _ = lstm_in_numpy(lesson["untrained"], torch.tensor([29]))  # t
    p = np.exp(logits[0, 17]) / np.exp(logits[0]).sum()  # h
    out = lesson.out["step"]
    assert f"p(h) = {p:.4f}, so the loss is {-math.log(p):.3f}\n" in out
    assert "140,660 weights to learn\n" in out and " (512, 100)\n" in out
    num_read = 1 if lesson.name == "lstmcell" else 3
    assert f"characters: ({num_read},)" in out.replace("character:", "characters:")
    assert f"logits: ({num_read}, 100)\n" in out and out.count("(1, 128)") == 2
    logits, _ = read_along(lesson["untrained"], lesson["inputs"])
    loss = F.cross_entropy(logits, lesson["targets"])
    assert lesson.out["character-losses"] == f"mean loss: {loss:.3f} nats\n"


@pytest.mark.parametrize("num_layers", [2, 3])
def test_stacked_layers_follow_the_equations(num_layers):
    lesson = Lesson("lstm", "one-call", NUM_LAYERS=num_layers, HIDDEN_DIM=16)
    indices = lesson["char_to_tensor"]("The Safer Badgers")
    expected, *_ = lstm_in_numpy(lesson["untrained"], indices)
    logits, _ = read_along(lesson["untrained"], indices, 17)
    np.testing.assert_allclose(logits, expected, atol=2e-6)


def test_one_call_compares_both_ways_and_sees_a_difference(monkeypatch):
    lesson = Lesson("lstm", "one-call")
    lines = lesson.out["one-call"].splitlines()
    found = [float(line.split()[-1]) for line in lines if "largest difference" in line]
    assert len(found) == 2 and 0 <= min(found) <= max(found) < 1e-5
    best = f"200 at a time: {min(lesson['times']):6.1f} ms, forward and backward"
    assert best in lines and len(lesson["times"]) == 5
    model, inputs = lesson["untrained"], lesson["inputs"]
    loss = F.cross_entropy(model(inputs)[0], lesson["targets"])
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    for _, compared in lesson["results"]:
        by_hand = torch.cat([gradient.flatten() for gradient in gradients])
        assert (compared - by_hand).abs().max() < 1e-5 < by_hand.abs().max()
    exact, ticks = model.forward, iter(range(100))

    def one_logit_off(characters, state):
        logits, state = exact(characters, state)
        return logits + torch.eye(100)[:1] * (len(characters) > 1), state

    monkeypatch.setattr(model, "forward", one_logit_off)
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    out = lesson.run("one-call")
    assert "difference in logits    1e+00\n" in out and "time: 1000.0 ms" in out


def test_by_hand_agrees_with_the_layer_and_sees_a_difference(monkeypatch):
    lesson = Lesson("lstmcell", "by-hand")
    assert 0 <= float(lesson.out["by-hand"].split("difference: ")[1]) < 1e-5
    _, hidden, cell = lstm_in_numpy(lesson["untrained"], torch.tensor([29, 17]))  # th
    for found, expected in (lesson["new_h"], hidden), (lesson["new_c"], cell):
        np.testing.assert_allclose(found.detach(), expected, atol=2e-6)
    exact = lesson["layer"].forward

    def one_number_off(x, state=None):
        hidden, cell_state = exact(x, state)
        return hidden, cell_state - torch.eye(128)[:1] * (state is not None)

    monkeypatch.setattr(lesson["layer"], "forward", one_number_off)
    assert lesson.run("by-hand").endswith("difference: 1e+00\n")


@pytest.mark.parametrize("temperature", [0.8, 3.0])
def test_writing_draws_as_often_as_softmax_says_and_reads_it_back(lesson, temperature):
    """A chi-square test with a fixed seed; 18.47 is the 99.9% quantile of 4 degrees."""
    logits = torch.full((100,), -torch.inf)
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])  # a to e
    parrot = Parrot(logits)
    torch.manual_seed(0)
    written = lesson["generate"](parrot, "the", 5000, temperature)
    assert written == "".join(string.printable[index] for index in parrot.read)
    observed = torch.tensor([float(written[3:].count(char)) for char in "abcde"])
    expected = torch.softmax(logits[10:15] / temperature, dim=0) * 5000
    assert observed.sum() == 5000
    assert ((observed - expected) ** 2 / expected).sum() < 18.47


def test_a_low_temperature_takes_the_most_likely_and_none_overflows(lesson):
    model, generate = lesson["untrained"], lesson["generate"]
    written = generate(model, "th", 30, 1e-9)
    logits, _ = read_along(model, lesson["char_to_tensor"](written[:-1]))
    likely = [string.printable[i] for i in logits[1:].argmax(dim=1)]
    assert written == "th" + "".join(likely)
    parrot = Parrot(torch.linspace(-400, 400, 100))
    assert set(generate(parrot, "t", 50, 1e-30)[1:]) == {"\x0c"}
    assert len(set(generate(parrot, "t", 50, math.inf))) > 20


def test_writing_keeps_no_graph_and_repeats_with_the_seed(lesson, monkeypatch):
    recorded, exact = [], lesson["untrained"].forward

    def forward(*args):
        recorded.append(torch.is_grad_enabled())
        return exact(*args)

    monkeypatch.setattr(lesson["untrained"], "forward", forward)
    written = []
    for seed in 5, 5, 6:
        torch.manual_seed(seed)
        written.append(lesson["generate"](lesson["untrained"], "The ", 30, 0.8))
    assert written[0] == written[1] != written[2]
    assert recorded and not any(recorded)
    assert lesson["generate"](lesson["untrained"], "th", 0, 0.8) == "th"


@pytest.mark.parametrize(
    ("prime", "temperature", "message"),
    [
        ("th", 0, "temperature must be above 0, not 0"),
        ("th", -0.5, "temperature must be above 0, not -0.5"),
        ("th", math.nan, "temperature must be above 0, not nan"),
        ("", 0.8, "The prime is empty"),
        ("caf\u00e9", 0.8, "'café' is not all in string.printable"),
    ],
)
def test_what_a_student_may_type_gets_one_sentence(lesson, prime, temperature, message):
    with pytest.raises(AssertionError, match=message):
        lesson["generate"](lesson["untrained"], prime, 5, temperature)


def test_threads_and_device_are_those_of_the_settings(name, monkeypatch):
    for count in 2, 1:
        Lesson(name, "device", NUM_THREADS=count)
        assert torch.get_num_threads() == count
    errors = RuntimeError, AssertionError  # PyTorch's own, by its build
    with pytest.raises(errors, match="(?i)device"):
        Lesson(name, "alphabet", DEVICE="gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Lesson(name, "device", DEVICE="auto").out["device"] == "running on cuda\n"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Lesson(name, "device", DEVICE="auto").out["device"] == "running on cpu\n"


def test_every_tensor_is_made_on_the_device(name):
    """The device "meta" has no numbers, but shows where a tensor was made."""
    lesson = Lesson(name, "setup")
    lesson["device"] = "meta"
    for cell_id in "step", "setup", "train":
        with contextlib.suppress(
            RuntimeError
        ):  # where a number or fused Adam is needed
            lesson.run(cell_id)
    inputs, targets = lesson["inputs"], lesson["targets"]
    assert lesson["untrained"].linear.weight.is_meta and lesson["loss"].is_meta
    assert inputs.is_meta and targets.is_meta
    assert lesson["character_losses"](lesson["model"], inputs, targets).is_meta
