"""The network against the LSTM equations, written out in numpy."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import Lesson
from torch.nn import functional as F

LAYERS = pytest.mark.parametrize("num_layers", [1, 2, 3])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(model, indices):
    """Return logits (L, 100) and the last states, by the equations of the LSTM."""
    weights = {k: v.detach().double().numpy() for k, v in model.named_parameters()}
    suffixes = sorted({k.split("_ih")[1] for k in weights if "weight_ih" in k})
    hidden, cell = np.zeros((2, len(suffixes), model.lstm.hidden_size))
    logits = []
    for index in indices:
        x = weights["embedding.weight"][index]
        for layer, suffix in enumerate(suffixes):
            w_x, w_h = (weights[f"lstm.weight_{k}{suffix}"] for k in ("ih", "hh"))
            b_x, b_h = (weights[f"lstm.bias_{k}{suffix}"] for k in ("ih", "hh"))
            gates = w_x @ x + b_x + w_h @ hidden[layer] + b_h
            i, f, g, o = gates.reshape(4, -1)
            cell[layer] = sigmoid(f) * cell[layer] + sigmoid(i) * np.tanh(g)
            hidden[layer] = sigmoid(o) * np.tanh(cell[layer])
            x = hidden[layer]
        logits.append(weights["linear.weight"] @ x + weights["linear.bias"])
    return np.array(logits), hidden, cell


def one_by_one(model, indices):
    hidden, cell_state = model.init_zero_state()
    rows = []
    for character in indices.split(1):
        logits, hidden, cell_state = model(character, hidden, cell_state)
        rows.append(logits)
    return torch.cat(rows), hidden, cell_state


def close(actual, expected, atol=2e-6):
    np.testing.assert_allclose(actual.detach(), expected, rtol=0, atol=atol)


def test_steps_follow_the_equations(lesson):
    model = lesson["untrained"]
    indices = lesson["char_to_tensor"]("The Safer Badgers app")
    results = one_by_one(model, indices)
    for result, expected in zip(results, lstm_in_numpy(model, indices.numpy())):
        close(result, expected)


@LAYERS
def test_one_call_follows_the_equations_in_any_number_of_layers(cells, num_layers):
    torch.manual_seed(0)
    model = cells["RNN"](100, 20, 16, num_layers)
    indices = torch.randint(0, 100, (50,))
    results = model(indices, *model.init_zero_state())
    for result, expected in zip(results, lstm_in_numpy(model, indices.numpy())):
        close(result, expected)


@LAYERS
def test_the_cell_one_call_compares_the_same_and_finds_rounding(num_layers, capsys):
    lesson = Lesson("lstm", "one-call", ["character-losses"], NUM_LAYERS=num_layers)
    lines = capsys.readouterr().out.splitlines()
    found = [float(line.split()[-1]) for line in lines if "largest difference" in line]
    assert len(found) == 3 and max(found) < 1e-5
    best = f"200 at a time: {min(lesson['times']):6.1f} ms, forward and backward"
    assert best in lines
    model, inputs, targets = (lesson[k] for k in ("untrained", "inputs", "targets"))
    logits, _, _ = one_by_one(model, inputs)
    gradients = torch.autograd.grad(
        F.cross_entropy(logits, targets), list(model.parameters())
    )
    gradients = torch.cat([gradient.flatten() for gradient in gradients])
    for _, loss, compared in lesson["results"]:
        assert abs(loss - F.cross_entropy(logits, targets)) < 1e-5
        assert (compared - gradients).abs().max() < 1e-5 < gradients.abs().max()


def test_by_hand_agrees_with_the_layer(capsys):
    lesson = Lesson("lstmcell", "by-hand")
    printed = capsys.readouterr().out.splitlines()[-1]
    assert 0 <= float(printed.split("difference: ")[1]) < 1e-5
    lesson["hidden"] = lesson["cell_state"] = None  # the cell makes its own
    lesson.run("by-hand")
    capsys.readouterr()
    indices = lesson["char_to_tensor"]("th").numpy()
    _, hidden, cell = lstm_in_numpy(lesson["untrained"], indices)
    close(lesson["new_h"], hidden)
    close(lesson["new_c"], cell)
    layer = lesson["untrained"].lstm
    exact = layer.forward
    layer.forward = lambda *args: (
        exact(*args)[0],
        exact(*args)[1] + torch.eye(128)[:1],
    )
    lesson.run("by-hand")  # one number of the layer's cell state is off by one
    assert capsys.readouterr().out == "largest difference: 1e+00\n"


def test_one_call_sees_a_difference(capsys):
    lesson = Lesson("lstm", "generate")
    exact = lesson["untrained"].forward

    def one_logit_off(characters, *states):
        logits, *states = exact(characters, *states)
        wrong = torch.eye(100)[:1] if len(characters) > 1 else 0
        return logits + wrong, *states

    lesson["untrained"].forward = one_logit_off
    lesson.run("one-call")
    assert "difference in logits    1e+00\n" in capsys.readouterr().out


def test_one_call_times_in_milliseconds(capsys):
    lesson = Lesson("lstm", "generate")
    ticks = iter(range(100))
    lesson["time"] = SimpleNamespace(perf_counter=lambda: next(ticks))
    capsys.readouterr()
    lesson.run("one-call")
    assert "200 at a time: 1000.0 ms" in capsys.readouterr().out


def test_sizes_states_and_parameter_count(lesson):
    model = lesson["untrained"]
    assert sum(parameter.numel() for parameter in model.parameters()) == 140_660
    assert (model.embedding.weight != 0).all()  # a row for every character
    states = model.init_zero_state()
    assert [state.shape for state in states] == [(1, 128)] * 2
    assert not any(state.any() for state in states)
    assert states[0].data_ptr() != states[1].data_ptr()  # not one tensor twice
    logits, hidden, cell_state = model(torch.tensor([10]), *states)
    assert logits.shape == (1, 100) and hidden.shape == cell_state.shape == (1, 128)


def test_the_cell_step_prints_the_loss_of_h_after_t(name, capsys):
    lesson = Lesson(name, "step", ["shift"])
    out = capsys.readouterr().out
    logits, _, _ = lstm_in_numpy(lesson["untrained"], [29])  # t
    p = np.exp(logits[0, 17]) / np.exp(logits[0]).sum()  # h
    assert f"p(h) = {p:.4f}, so the loss is {-math.log(p):.3f}" in out
    assert "140,660 weights to learn" in out and "(512, 100)" in out
    num_read = 1 if name == "lstmcell" else 3
    assert f"embedded: ({num_read}, 100)\nhidden: (1, 128) cell_state: (1, 128)" in out
    assert f"logits: ({num_read}, 100)\n" in out


def test_character_losses_are_those_of_the_equations(lesson):
    indices = lesson["char_to_tensor"](lesson["text"][:51])
    losses = lesson["character_losses"](lesson["untrained"], indices[:-1], indices[1:])
    logits, _, _ = lstm_in_numpy(lesson["untrained"], indices[:-1].numpy())
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    close(losses, -log_softmax[np.arange(50), indices[1:].numpy()], atol=1e-5)
    assert not losses.requires_grad


def test_the_untrained_loss_is_that_of_the_portion_shown(name, capsys):
    lesson = Lesson(name, "character-losses")
    printed = capsys.readouterr().out.splitlines()[-1]
    logits, _, _ = one_by_one(lesson["untrained"], lesson["inputs"])
    loss = F.cross_entropy(logits, lesson["targets"]).item()
    assert abs(loss - math.log(100)) < 0.15
    assert printed == f"mean loss: {loss:.3f} nats"


def test_states_are_made_where_the_model_is(lesson):
    """The device "meta" has no numbers, but shows where a tensor was made."""
    layers = (2,) if lesson.name == "lstm" else ()
    model = lesson["RNN"](100, 8, 8, *layers).to("meta")
    assert [state.device.type for state in model.init_zero_state()] == ["meta"] * 2
    indices = lesson["char_to_tensor"]("abc")
    losses = lesson["character_losses"](model, indices, indices)
    assert losses.device.type == "meta" and losses.shape == (3,)
    assert lesson["read_prime"](model, "abc")[0].shape == (1, 100)


def test_threads_are_those_of_the_settings(name):
    for count in (2, 1):
        Lesson(name, "device", NUM_THREADS=count)
        assert torch.get_num_threads() == count
    with pytest.raises(RuntimeError, match="positive"):
        Lesson(name, "device", NUM_THREADS=0)


def test_device_by_name(name, monkeypatch):
    errors = RuntimeError, AssertionError  # PyTorch's own, by its build
    for wrong in ("gpu", "cuda:99"):
        with pytest.raises(errors, match="(?i)device|cuda|nvidia"):
            Lesson(name, "device", DEVICE=wrong)
    if torch.cuda.is_available():
        assert Lesson(name, "device", DEVICE="auto")["device"] == "cuda"
    else:
        assert Lesson(name, "device", DEVICE="auto")["device"] == "cpu"
        with pytest.raises(errors, match="(?i)cuda|nvidia"):
            Lesson(name, "device", DEVICE="cuda")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        with pytest.raises(errors, match="(?i)cuda|nvidia"):
            Lesson(name, "device", DEVICE="auto")
