"""Settings, portions, network, and writing, held against independent computations."""

import contextlib
import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import Lesson, read_along
from torch.nn import functional as F


def lstm_in_numpy(model, indices):
    """Return logits (L, 100) and the last two states, by the equations of the LSTM."""
    weights = (w.detach().double().numpy() for w in model.parameters())
    embedding, w_ih, w_hh, b_ih, b_hh, linear, bias = weights
    hidden, cell, rows = np.zeros(w_hh.shape[1]), 0, []
    for index in indices.tolist():
        sums = w_ih @ embedding[index] + b_ih + w_hh @ hidden + b_hh
        i, f, g, o = sums.reshape(4, -1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        cell = f * cell + i * np.tanh(g)
        hidden = o * np.tanh(cell)
        rows.append(linear @ hidden + bias)
    return np.array(rows), hidden, cell


class Parrot:
    """Predicts by the same logits always; its state is all that it has read."""

    logits = torch.linspace(-400, 400, 100)

    def __call__(self, character, state):
        self.read = (*(state or ()), *character.tolist())
        return self.logits.unsqueeze(0), self.read


def test_every_start_is_reached_and_targets_are_shifted_by_one(lesson):
    rng = np.random.default_rng(0)
    for size in 1, 4, 9:
        drawn = [lesson["draw_example"]("0123456789", size, rng) for _ in range(500)]
        assert {x[0].item() for x, _ in drawn} == set(range(10 - size))
        assert all(len(x) == size and (y == x + 1).all() for x, y in drawn)
    assert lesson.out["portions"].endswith("['abcd', 'bcde']\n")
    out = Lesson("lstmcell", "shift").out["shift"]
    rows = re.findall(r"(\d+) +(\S.*?) +-> +(\d+) +('.*')\n", out)
    assert len(rows) == 8 and all(a[2:] == b[:2] for a, b in zip(rows, rows[1:]))
    assert all(repr(string.printable[int(i)]) == char for i, char, _, _ in rows)


def test_a_portion_that_does_not_fit_is_said_in_one_sentence(name, tmp_path):
    (tmp_path / "own.txt").write_text("a" * 1240)
    lesson = Lesson(name, "portions", TEXT_FILE=tmp_path / "own.txt")
    for size in 0, -1, 1240, 5000:
        message = f"Portions can have 1 to 1239 inputs, not {size}."
        with pytest.raises(AssertionError, match=message):
            lesson["draw_example"](lesson["text"], size, lesson["demo_rng"])
    (tmp_path / "own.txt").write_text("\u4f60")
    with pytest.raises(AssertionError, match="No character of .*own.txt is in string"):
        lesson.run("text")


def test_the_network_follows_the_equations_however_the_text_is_cut(lesson):
    model, indices = lesson["untrained"], lesson["char_to_tensor"]("The Safer Badgers")
    expected, *states = lstm_in_numpy(model, indices)
    for size in (1,) if lesson.name == "lstmcell" else (1, 5, 17):
        logits, last = read_along(model, indices, size)
        np.testing.assert_allclose(logits, expected, atol=2e-6)
        for one, other in zip(last, states):
            np.testing.assert_allclose(one[0].detach(), other, atol=2e-6)
    losses = lesson["character_losses"](model, indices[:-1], indices[1:])
    by_hand = np.log(np.exp(expected[:-1]).sum(axis=1))
    by_hand -= expected[np.arange(len(indices) - 1), indices[1:]]
    np.testing.assert_allclose(losses, by_hand, atol=1e-5)
    assert not losses.requires_grad


def test_the_cells_step_and_character_losses_print_what_they_say(lesson):
    logits, _, _ = lstm_in_numpy(lesson["untrained"], torch.tensor([29]))  # t
    p = np.exp(logits[0, 17]) / np.exp(logits[0]).sum()  # h
    out = lesson.out["step"]
    assert f"p(h) = {p:.4f}, so the loss is {-math.log(p):.3f}\n" in out
    assert "140,660 weights to learn\n" in out and " (512, 100)\n" in out
    num_read = 1 if lesson.name == "lstmcell" else 3
    assert f"logits: ({num_read}, 100)\n" in out and out.count("(1, 128)") == 2
    logits, _ = read_along(lesson["untrained"], lesson["inputs"])
    loss = F.cross_entropy(logits, lesson["targets"])
    assert lesson.out["character-losses"] == f"mean loss: {loss:.3f} nats\n"


def test_one_call_compares_both_ways_and_sees_a_difference(monkeypatch):
    lesson = Lesson("lstm", "setup")
    lines = lesson.run("one-call").splitlines()
    assert [float(line.split()[-1]) < 1e-5 for line in lines[2:]] == [True, True]
    assert lines[1] == f"  1 calls of 200: {min(lesson['times']):6.1f} ms"
    model, inputs = lesson["model"], lesson["inputs"]
    loss = F.cross_entropy(model(inputs)[0], lesson["targets"])
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    by_hand = torch.cat([gradient.flatten() for gradient in gradients])
    for _, compared in lesson["results"]:
        assert (compared - by_hand).abs().max() < 1e-5 < by_hand.abs().max()
    exact, backward, ticks = model.forward, torch.Tensor.backward, iter(range(10**4))
    slow = lambda loss: (next(ticks), backward(loss))  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "backward", slow)

    def one_logit_off(characters, state):
        logits, state = exact(characters, state)
        next(ticks)
        return logits - torch.eye(100)[:1] * (len(characters) == 1), state

    monkeypatch.setattr(model, "forward", one_logit_off)
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    out = lesson.run("one-call")
    assert "difference in logits    1e+00\n" in out and "of 200: 3000.0 ms" in out
    assert lesson["times"] == [3000] * 5  # forward, backward, and to the clock's end


def test_by_hand_agrees_with_the_layer_and_sees_a_difference(monkeypatch):
    lesson = Lesson("lstmcell", "setup")
    with torch.no_grad():
        lesson["model"].lstm.weight_ih.mul_(40)  # gates open and closed
    difference, gates = lesson.run("by-hand").splitlines()
    assert 0 <= float(difference.split("difference: ")[1]) < 1e-5
    states = lstm_in_numpy(lesson["model"], lesson["char_to_tensor"]("Th"))[1:]
    for found, expected in zip((lesson["new_h"], lesson["new_c"]), states):
        np.testing.assert_allclose(found[0].detach(), expected, atol=1e-5)
    f = lesson["f"].detach().numpy()
    assert f"{np.mean(f > 0.9):.0%} above 0.9, {np.mean(f < 0.1):.0%} below" in gates
    exact = lesson["layer"].forward
    for off in (1, 0), (0, 1):
        wrong = lambda *args, off=off: map(torch.add, exact(*args), off)  # noqa: E731
        monkeypatch.setattr(lesson["layer"], "forward", wrong)
        assert "difference: 1e+00\n" in lesson.run("by-hand")


@pytest.mark.parametrize("temperature", [0.8, 3.0])
def test_writing_draws_as_often_as_softmax_says_and_reads_it_back(lesson, temperature):
    """A chi-square test with a fixed seed; 18.47 is the 99.9% quantile of 4 degrees."""
    logits, parrot = torch.full((100,), -torch.inf), Parrot()
    parrot.logits = logits
    logits[10:15] = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0])  # a to e
    torch.manual_seed(0)
    written = lesson["generate"](parrot, "the", 5000, temperature)
    assert written == "".join(string.printable[index] for index in parrot.read)
    observed = torch.tensor([float(written[3:].count(char)) for char in "abcde"])
    expected = torch.softmax(logits[10:15] / temperature, dim=0) * 5000
    assert observed.sum() == 5000
    assert ((observed - expected) ** 2 / expected).sum() < 18.47


def test_writing_at_the_extremes_and_without_a_graph(lesson, monkeypatch):
    model, generate, recorded = lesson["untrained"], lesson["generate"], []
    exact = model.forward
    record = lambda *args: recorded.append(torch.is_grad_enabled()) or exact(*args)  # noqa: E731
    monkeypatch.setattr(model, "forward", record)
    written = generate(model, "th", 30, 1e-9)
    assert recorded and not any(recorded)
    logits, _ = read_along(model, lesson["char_to_tensor"](written[:-1]))
    assert written[2:] == "".join(string.printable[i] for i in logits[1:].argmax(dim=1))
    assert set(generate(Parrot(), "t", 50, 1e-30)[1:]) == {"\x0c"}
    assert len(set(generate(Parrot(), "t", 50, math.inf))) > 20


def test_what_a_student_may_type_gets_one_sentence(lesson):
    for prime, temperature, message in (
        ("th", 0, "temperature must be above 0, not 0"),
        ("th", math.nan, "temperature must be above 0, not nan"),
        ("", 0.8, "The prime is empty"),
        ("caf\u00e9", 0.8, "'café' is not all in string.printable"),
    ):
        with pytest.raises(AssertionError, match=message):
            lesson["generate"](lesson["untrained"], prime, 5, temperature)


def test_threads_and_device_are_those_of_the_settings(name, monkeypatch):
    for count in 2, 1:
        Lesson(name, "device", NUM_THREADS=count)
        assert torch.get_num_threads() == count
    with pytest.raises(RuntimeError, match="(?i)device"):
        Lesson(name, "device", DEVICE="gpu")
    for found, device in (True, "cuda"), (False, "cpu"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=found: found)
        out = Lesson(name, "device", DEVICE="auto").out["device"]
        assert out == f"running on {device}\n"


def test_every_tensor_is_made_on_the_device(name):
    """The device "meta" has no numbers, but shows where a tensor was made."""
    lesson = Lesson(name, "setup")
    lesson["device"] = "meta"
    for cell_id in "step", "setup", "train":
        with contextlib.suppress(RuntimeError):  # where a number is needed
            lesson.run(cell_id)
    pair = lesson["inputs"], lesson["targets"]
    made = *pair, lesson["loss"], lesson["character_losses"](lesson["model"], *pair)
    assert all(tensor.is_meta for tensor in (*made, lesson["untrained"].linear.weight))
