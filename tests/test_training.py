"""The training: losses, log, samples, plot, an interrupt, the device."""

import contextlib
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import savefig, small_notebook
from matplotlib.figure import Figure
from notebooks import LABORATORY, Notebook, curve, lecture_losses, log_entries
from torch.nn import functional as F


def test_the_losses_are_those_of_the_lecture(name, tmp_path):
    notebook = small_notebook(name, tmp_path)
    notebook.run("train")
    expected = pytest.approx(lecture_losses(notebook, 7), abs=1e-4)
    told = """Not the losses of the lecture's layers and loop. Is a portion drawn from
        training_text? Does the linear layer read h? Do state and gradient pass on? Is
        the loss a mean? Do zero_grad, backward, and step come in this order?"""
    assert notebook["losses"] == expected, told


def test_no_other_cell_has_a_part_in_the_training(small):
    """The others run in order and backwards. After `setup`, training starts over."""
    small.run("generate")  # the real one, which draws random numbers
    small.run("train")
    first, samples = list(small["losses"]), dict(small["samples"])
    goes_by_them = "GRU(12, 16, num_layers=2)" in str(small["model"])
    assert goes_by_them or small.name != LABORATORY, "Go by LAYER and NUM_LAYERS."
    others = small.after("train")
    for cell_id in others + others[::-1]:
        small.run(cell_id)
    raw = [key for key, out in small.out.items() if re.search("[\t\r\x0b\x0c]", out)]
    assert not raw, f"Translate by SIGNS what these cells print: {raw}"
    small.run("train")
    alone = Notebook(small.name, "train", **small.settings)
    alone.run("train")
    assert small["losses"] == alone["losses"], "A cell draws its random numbers."
    small.run("setup")
    small.run("train")
    assert (small["losses"], small["samples"]) == (first, samples), "It starts over."


def test_the_log_and_the_samples(small):
    """After 49 made-up losses: two stages, the multiples of 40, and the last one."""
    inputs, targets = (small[key][:9] for key in ("test_inputs", "test_targets"))
    losses, expected = [9.0] * 44 + [2.0] * 5, {}

    def generate(model, *asked):
        told = f"A sample: model; PRIME_STR, PREDICT_LEN, TEMPERATURE, but not {asked}"
        assert model is small["model"] and asked == ("The ", 33, 0.5), told
        logits, _ = read(model, inputs)
        n, test_loss = len(losses), F.cross_entropy(logits, targets).item()
        expected[n] = losses[-1], np.mean(losses[n * 9 // 10 :]), test_loss
        return f"written\x0b at {n}"

    read = small.get("read_along", lambda model, inputs: model(inputs))
    small.update(test_inputs=inputs, test_targets=targets, NUM_ITER=160, LOG_EVERY=40)
    clock = SimpleNamespace(perf_counter=lambda: 60 * len(losses))  # seconds
    small.update(losses=losses, generate=generate, time=clock)
    out = small.run("train")
    assert list(expected) == [50, 80, 120, 160, 200, 209], "run again, it trains on"
    assert small["samples"] == {n: f"written\x0b at {n}" for n in expected}
    for n, numbers in expected.items():
        told = f"At {n}, a line of the log says loss, mean, and test: {numbers}."
        assert log_entries(out).get(n) == pytest.approx(numbers, abs=0.006), told
        assert small["test_losses"][n] == pytest.approx(numbers[2], abs=1e-4)
        assert re.search(rf"\b{n}\b.*\b{n - 49}\.0 min", out), "a minute an iteration"
        assert re.search(rf"\b{n}\b.*\nwritten↧ at {n}\n", out), "its sample, printed"


@pytest.mark.parametrize("where, num_done", [("draw_example", 5), ("generate", 3)])
def test_an_interrupt_loses_nothing(small, where, num_done):
    function = small[where]

    def interrupt(*args):
        if len(small["losses"]) == num_done:
            small[where] = function
            raise KeyboardInterrupt("by a test")
        return function(*args)

    small[where] = interrupt
    assert re.search(rf"(?i)interrupt.*\b{num_done}\b", small.run("train"))
    (axes,) = small.figures["train"][0].axes
    assert curve(axes, "portion")[1] == small["losses"], "The last plot shows all."
    small.run("train")
    whole = Notebook(small.name, "setup", **small.settings)
    whole.update(NUM_ITER=num_done + 7, generate=lambda *_: "")
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."
    assert {1, num_done + 7} <= small["samples"].keys() & small["test_losses"].keys()


def test_the_plot_is_saved_as_it_goes(small, monkeypatch):
    """Where a viewer locks the file, and where it is interrupted while it is saved."""
    errors = None, PermissionError("locked"), KeyboardInterrupt("by a test"), None
    errors, saved = iter(errors), []

    def save(figure, file, **_):
        saved.append(len(small["losses"]))
        assert file == small["LOSS_PLOT_FILE"]
        if error := next(errors):
            raise error

    monkeypatch.setattr(Figure, "savefig", save)
    assert "locked" in small.run("train"), "A file that is locked is said."
    told = "Save and show it before the first iteration, at 1, 3, and an interrupt."
    assert saved == [0, 1, 3, 3] and len(small.shown) == 3, told
    assert len(small.figures["train"]) == 1, "Close each figure as soon as it is made."


def test_the_plot_names_each_line_and_points_at_the_recent_mean(fresh, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", savefig)
    (axes,) = fresh["plot_losses"]([9.0] * 1500, {}, {}).axes
    assert axes.viewLim.contains(1500, 0) and axes.viewLim.contains(1, 9), "in sight"
    losses = [5.0] * 10 + [4.0] * 10
    samples = {n: f"$x^{n}_$\x0b\n" + 90 * "y" for n in (1, 10, 11, 19)}
    (axes,) = fresh["plot_losses"](losses, {10: 4.5, 20: 3.5}, samples).axes
    assert "iteration" in axes.get_xlabel() and "loss (nats" in axes.get_ylabel()
    assert axes.get_legend() and axes.get_xscale() == "log", "curves named, a log axis"
    levels = {one.get_ydata()[0] for one in axes.lines if one.get_linestyle() == "--"}
    named = {text.get_text(): text.get_position()[1] for text in axes.texts}
    for baseline, nats in fresh["baselines"].items():
        assert nats in levels and baseline in named, f"Place {baseline} in plot_losses."
        assert named[baseline] == pytest.approx(nats, abs=0.2), "its name, at its line"
    assert curve(axes, "portion")[:2] == ([*range(1, 21)], losses), "portions' losses"
    assert curve(axes, "mean")[1][8:12] == [5, 5, 4.5, 4], "means of the last tenth"
    assert curve(axes, "test")[:2] == ([10, 20], [4.5, 3.5]), "the logged test losses"
    for word, named in (("portion", "gray"), ("mean", "blue"), ("test", "orange")):
        assert curve(axes, word)[2] == named, f"The prose calls “{word}” {named}."
    arrows = {text.get_text(): text.xy for text in axes.texts if hasattr(text, "xy")}
    points = {1: (1, 5.0), 10: (10, 5.0), 19: (19, 4.0)}
    assert [*arrows.values()] == [*points.values()], "each at the recent mean then"
    for n, label in zip(points, arrows):
        first = label.startswith(f"{n}: $x^{n}_$↧ y") and len(label) < 40
        assert first, f"The beginning of the sample, in one line: {label!r}"


def test_every_tensor_of_the_trainings_is_made_on_the_device(small, monkeypatch):
    """Those on the device "meta" that meet in a cross-entropy; it ends a cell here."""
    devices = set()

    def cross_entropy(*tensors, **_):
        devices.update(one.device.type for one in tensors if torch.is_tensor(one))
        raise RuntimeError("seen enough")

    sgd = torch.optim.SGD  # the fused Adam refuses the device "meta"
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, **_: sgd(weights))
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    small.update(DEVICE="meta", ForgetfulLSTM=torch.nn.LSTM, NUM_THREADS=3)
    small.run("device")
    assert torch.get_num_threads() == 3, "NUM_THREADS"
    cells = "portions step setup train learn weighted".split()
    for cell_id in filter(small.cells.get, cells):
        with contextlib.suppress(RuntimeError):
            small.run(cell_id)
    devices |= {weight.device.type for weight in small["untrained"].parameters()}
    if small.name != LABORATORY:
        devices |= {zeros.device.type for zeros in small["model"].init_zero_state()}
    assert devices == {"meta"}, "Make tensors on `device`."
