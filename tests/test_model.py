"""The network against the LSTM equations, written out in numpy."""

import numpy as np
import pytest
import torch
from notebooks import run_cells
from torch.nn import functional as F

LAYERS = pytest.mark.parametrize("num_layers", [1, 2, 3])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(model, indices):
    """Return the logits (T, 100) and the last states, by the equations of the LSTM."""
    weights = {k: v.detach().double().numpy() for k, v in model.named_parameters()}
    suffixes = sorted({k.split("_ih")[1] for k in weights if "weight_ih" in k})
    size = model.hidden_dim
    hidden, cell = np.zeros((2, len(suffixes), size))
    logits = []
    for index in indices:
        x = weights["embedding.weight"][index]
        for layer, suffix in enumerate(suffixes):
            w_x, w_h = (weights[f"lstm.weight_{k}{suffix}"] for k in ("ih", "hh"))
            b_x, b_h = (weights[f"lstm.bias_{k}{suffix}"] for k in ("ih", "hh"))
            gates = w_x @ x + b_x + w_h @ hidden[layer] + b_h
            i, f, g, o = gates.reshape(4, size)
            cell[layer] = sigmoid(f) * cell[layer] + sigmoid(i) * np.tanh(g)
            hidden[layer] = sigmoid(o) * np.tanh(cell[layer])
            x = hidden[layer]
        logits.append(weights["linear.weight"] @ x + weights["linear.bias"])
    return np.array(logits), hidden, cell


def one_by_one(model, indices):
    hidden, cell_state = model.init_zero_state()
    all_logits = []
    for character in indices.split(1):
        logits, hidden, cell_state = model(character, hidden, cell_state)
        all_logits.append(logits)
    return torch.cat(all_logits), hidden, cell_state


def close(actual, expected, atol=2e-6):
    np.testing.assert_allclose(actual.detach().squeeze(), expected, rtol=0, atol=atol)


def test_steps_follow_the_equations(lesson):
    model, indices = (
        lesson["untrained"],
        lesson["char_to_tensor"]("The Safer Badgers app"),
    )
    logits, hidden, cell_state = one_by_one(model, indices)
    expected, last_hidden, last_cell = lstm_in_numpy(model, indices.numpy())
    close(logits, expected)
    close(hidden, last_hidden.squeeze())
    close(cell_state, last_cell.squeeze())


@LAYERS
def test_one_call_follows_the_equations_in_any_number_of_layers(cells, num_layers):
    torch.manual_seed(0)
    model = cells["RNN"](100, 20, 16, num_layers)
    indices = torch.randint(0, 100, (50,))
    logits, hidden, cell_state = model(indices, *model.init_zero_state())
    expected, last_hidden, last_cell = lstm_in_numpy(model, indices.numpy())
    close(logits, expected)
    close(hidden, last_hidden.squeeze())
    close(cell_state, last_cell.squeeze())
    assert hidden.shape == cell_state.shape == (num_layers, 1, 16)


@LAYERS
def test_one_call_equals_200_calls_in_logits_loss_and_gradients(cells, num_layers):
    torch.manual_seed(0)
    model = cells["RNN"](100, 100, 128, num_layers)
    indices = cells["char_to_tensor"](cells["text"][:201])
    inputs, targets = indices[:-1], indices[1:]
    logits, _, _ = one_by_one(model, inputs)
    losses = [F.cross_entropy(row[None], t) for row, t in zip(logits, targets.split(1))]
    loss = sum(losses) / 200
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    whole, _, _ = model(inputs, *model.init_zero_state())
    whole_loss = F.cross_entropy(whole, targets, reduction="sum") / 200
    whole_gradients = torch.autograd.grad(whole_loss, list(model.parameters()))
    assert (logits - whole).abs().max() < 1e-5
    assert abs(loss - whole_loss) < 1e-5
    for one, other in zip(gradients, whole_gradients):
        assert (one - other).abs().max() < 1e-5


def test_the_cell_one_call_prints_differences_below_1e_5(capsys):
    run_cells("lstm", "one-call")
    lines = capsys.readouterr().out.splitlines()
    found = [float(line.split()[-1]) for line in lines if "largest difference" in line]
    assert len(found) == 3
    assert max(found) < 1e-5


@pytest.mark.parametrize("length", [1, 2, 200])
def test_one_call_takes_any_number_of_characters(cells, length):
    model = cells["RNN"](100, 100, 128, 2)
    characters = torch.zeros(length, dtype=torch.long)
    logits, hidden, cell_state = model(characters, *model.init_zero_state())
    assert logits.shape == (length, 100)
    assert hidden.shape == cell_state.shape == (2, 1, 128)


def test_shapes_and_parameter_count_of_the_lecture(lesson):
    model = lesson["untrained"]
    assert sum(parameter.numel() for parameter in model.parameters()) == 140_660
    hidden, cell_state = model.init_zero_state()
    assert hidden.shape[-2:] == cell_state.shape[-2:] == (1, 128)
    assert not hidden.any() and not cell_state.any()
    logits, hidden, cell_state = model(torch.tensor([10]), hidden, cell_state)
    assert logits.shape == (1, 100)
    assert hidden.shape[-2:] == cell_state.shape[-2:] == (1, 128)


def test_the_untrained_loss_is_near_ln_100(lesson):
    assert lesson["single_losses"].shape == (200,)
    assert abs(lesson["single_losses"].mean().item() - np.log(100)) < 0.1


def test_character_losses_are_those_of_the_equations(lesson):
    indices = lesson["char_to_tensor"](lesson["text"][:51])
    losses = lesson["character_losses"](lesson["untrained"], indices[:-1], indices[1:])
    logits, _, _ = lstm_in_numpy(lesson["untrained"], indices[:-1].numpy())
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -log_softmax[np.arange(50), indices[1:].numpy()]
    close(losses, expected, atol=1e-5)


def test_states_are_made_where_the_model_is(lesson):
    """The device "meta" has no numbers, but shows where a tensor was made."""
    layers = (2,) if "NUM_LAYERS" in lesson else ()
    model = lesson["RNN"](100, 8, 8, *layers).to("meta")
    states = model.init_zero_state()
    assert [state.device.type for state in states] == ["meta", "meta"]
    characters = torch.zeros(1, dtype=torch.long, device="meta")
    logits, _, _ = model(characters, *states)
    assert logits.device.type == "meta"


def test_device_by_name(lesson, monkeypatch):
    select_device = lesson["select_device"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert select_device("auto").type == select_device("cpu").type == "cpu"
    with pytest.raises(RuntimeError, match='DEVICE is "cuda".*use "cpu" or "auto"'):
        select_device("cuda")
    with pytest.raises(ValueError, match="DEVICE is 'gpu'"):
        select_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert select_device("auto").type == select_device("cuda").type == "cuda"
