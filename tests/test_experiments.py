"""The laboratory's experiments at reduced size."""

import math
import re

import matplotlib.pyplot as plt
import notebooks as nb
import numpy as np
import pytest
import torch

SMALL = nb.UNUSUAL | {"RANDOM_SEED": 123, "NUM_ITER": 30}


@pytest.fixture
def lab(tmp_path):
    plt.close("all")
    return nb.Lesson("lstm", "memory-seen", LOSS_PLOT_FILE=tmp_path / "a.pdf", **SMALL)


def test_learn_is_the_training_cell_without_a_log():
    lab = nb.Lesson("lstm", "learn", **SMALL | {"RANDOM_SEED": 7})
    torch.manual_seed(lab["RANDOM_SEED"])
    model = lab["RNN"](100, 12, 16, lab["LAYER"], lab["NUM_LAYERS"])
    lab.run("one-call")  # draws from demo_rng
    text = lab["text"]
    lab |= {"text": "", "LEARNING_RATE": 9.0, "NUM_ITER": 9}  # what is given counts
    steps = lab["learn"](model, text, 30, 0.01)
    before = model.linear.weight.detach().clone()
    assert next(steps) == 1 and not torch.equal(model.linear.weight, before)
    assert list(steps) == list(range(2, 31))
    for one, other in zip(model.parameters(), lab["model"].parameters()):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-5)
    rng = np.random.default_rng(7)
    for _ in range(30):  # the training has drawn from train_rng, and nothing else
        rng.integers(len(text) - 41)
    assert lab["train_rng"].bit_generator.state == rng.bit_generator.state


def by_recursion(read, head, char):
    shorter = by_recursion(read, head[1:], char) if head else 1 / 100
    starts = [i for i in range(len(read) - 3) if read.startswith(head, i)]
    hits = sum(read.startswith(head + char, i) for i in starts)
    return (hits + 10 * shorter) / (len(starts) + 10)


def test_the_table_falls_back_to_shorter_contexts(lab):
    read, unread = "abracadabra, abracadabra", "cabra drab"
    heads = [(unread[i - 3 : i], unread[i]) for i in range(3, len(unread))]
    expected = -np.mean([math.log(by_recursion(read, *pair)) for pair in heads])
    assert lab["table_loss"](read, unread, 3) == pytest.approx(expected)
    assert lab["read"] + lab["unread"] == lab["text"]
    stored = nb.code_cells(nb.read("lstm"))  # these cells need no training
    for cell_id in "table", "memory-text":
        assert lab.out[cell_id] == nb.printed(stored[cell_id])


def test_unread_text_is_never_trained_on_and_measured_as_one_sequence(lab):
    asked = []

    def character_losses(*args):
        asked.append(args)
        return torch.tensor([float(len(asked))])

    def learn(*args):
        assert args == (lab["reader"], lab["read"], 501, lab["LEARNING_RATE"])
        return 10, 20, 30, 100, 300, 500, 501

    lab |= {"character_losses": character_losses, "learn": learn, "NUM_ITER": 501}
    out = lab.run("unread")
    parts = lab["read"][: len(lab["unread"])], lab["unread"]
    parts = [lab["char_to_tensor"](part) for part in parts] * 6
    for (model, inputs, targets), part in zip(asked, parts, strict=True):
        assert model is lab["reader"]
        assert torch.equal(inputs, part[:-1]) and torch.equal(targets, part[1:])
    seen, unseen, table = plt.gcf().axes[0].lines
    labels = [line.get_label() for line in (seen, unseen, table)]
    assert labels == ["network, read", "network, unread", "best table, unread"]
    assert [*seen.get_xdata()] == [*unseen.get_xdata()] == [10, 30, 100, 300, 500, 501]
    assert [*seen.get_ydata(), *unseen.get_ydata()] == [*np.r_[1:13:2, 2:13:2]]
    assert table.get_ydata()[0] == min(lab["tables"])
    table = f"best table, unread: {min(lab['tables']):.2f}"
    assert out == f"network at the end: read 11.00, unread 12.00; {table}\n"


def test_memory_measures_the_second_digits_of_new_lines(lab):
    lines = (lab["learned"] + lab["new"]).splitlines()
    found = [re.fullmatch(r"(\d)[abcd]{12} \1", line) for line in lines]
    assert len(set(lines)) == 5500 and all(found) and len({m[1] for m in found}) == 10
    digits = [lab["ALPHABET"][i] for i in lab["targets"][lab["second"]]]
    assert digits == [line[0] for line in lines[-300:]]
    pattern = r"--- (\w+)\n.*?digit: (\S+) nats, all: (\S+)"
    found = re.findall(pattern, lab.out["memory"], re.S)
    assert [name for name, *_ in found] == [layer.__name__ for layer in lab["pupils"]]
    for (_, *shown), pupil in zip(found, lab["pupils"].values()):
        nats = lab["character_losses"](pupil, lab["inputs"], lab["targets"])
        expected = [nats[lab["second"]].mean().item(), nats.mean().item()]
        assert list(map(float, shown)) == pytest.approx(expected, abs=6e-3)


def test_each_network_that_learns_has_its_seed_layers_rate_and_device(lab):
    asked = []

    def learn(model, *args):
        asked.append(args)
        assert model.linear.weight.is_meta == (lab["device"] == "meta")
        if lab["device"] == "meta":
            raise RuntimeError
        return [30]

    written, twins = [], []
    lab |= {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2}  # of these, only the reader
    assert "\nstate: (2, 16)\n" in lab.run("step")
    lab |= {"learn": learn, "generate": lambda *args: written.append(args) or ""}
    for seed, setting in (0, 123), (1, 123), (1, 7):  # RANDOM_SEED alone decides
        lab["RANDOM_SEED"] = setting
        for cell_id in "step", "memory-text", "unread", "memory":
            torch.manual_seed(seed)
            lab.run(cell_id)
        models = lab["reader"], *lab["pupils"].values()
        twins.append([net.linear.weight for net in (lab["untrained"], *models)])
    assert all(map(torch.equal, *twins[:2])) and not any(map(torch.equal, *twins[1:]))
    layers = ["GRU(12, 16, num_layers=2)", "LSTM(12, 16)", "RNN(12, 16)"]
    assert [str(model.recurrent) for model in models] == layers
    assert written[4:] == [(p, "\n", 160, 0.5) for p in lab["pupils"].values()]
    assert asked[-2:] == [(lab["learned"], 30, rate) for rate in (0.01, 0.002)]
    lab["device"] = "meta"
    for cell_id in "unread", "memory":
        with pytest.raises(RuntimeError):
            lab.run(cell_id)


def test_the_memory_seen_is_the_cell_state_along_a_line(lab):
    pupil, states = lab["pupils"][torch.nn.LSTM], lab["states"].numpy()
    for digit, n in (0, 0), (7, 5), (9, 14):
        line = f"3abcdabcdabcd 3\n{digit}abcdabcdabcd {digit}"[: 17 + n]
        _, (_, cell_state) = pupil(lab["char_to_tensor"](line))
        np.testing.assert_allclose(states[digit, n], cell_state[0].detach(), atol=1e-5)
    spread = states[:, 12].std(axis=0, ddof=1)
    drift = states[:, 1:13].std(axis=1, ddof=1).mean(axis=0)
    best = np.argsort(-spread / (drift + 0.1))[:3]
    for axes, n in zip(plt.gcf().axes, best, strict=True):
        assert axes.get_title() == f"number {n} of $c$"
        assert [t.get_text() for t in axes.get_xticklabels()] == [*"#abcdabcdabcd·#"]
        for digit, line in enumerate(axes.lines):
            np.testing.assert_allclose(line.get_ydata(), states[digit, :, n])
        places = {text.get_text(): text.get_position() for text in axes.texts}
        assert places["4"] == (6, pytest.approx(states[4, 6, n]))
