"""The device: that of the settings, wherever a tensor is made; every cell on a GPU."""

import contextlib

import numpy as np
import pytest
import torch
from notebooks import Notebook, code_cells, fresh_run, read


@pytest.mark.parametrize(
    "setting, has_gpu, expected",
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu")],
)
def test_auto_means_a_gpu_if_there_is_one(
    name, monkeypatch, setting, has_gpu, expected
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    notebook = Notebook(name, "device", DEVICE=setting)
    assert notebook["device"] == torch.device(expected)


def test_a_gpu_that_is_not_there_is_refused_where_it_is_asked_for(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(AssertionError, match="DEVICE.*cuda"):
        Notebook(name, "device", DEVICE="cuda")


def test_an_unknown_device_stops(name):
    with pytest.raises(RuntimeError, match="(?i)device"):
        Notebook(name, "device", DEVICE="gpu")


@pytest.fixture
def devices(monkeypatch):
    """Return the devices of the tensors that meet in a cross-entropy, which ends the
    cell: those of the model, the inputs, the targets, and the weights."""
    found = set()

    def cross_entropy(*tensors, **others):
        tensors = [*tensors, *others.values()]
        found.update(x.device.type for x in tensors if isinstance(x, torch.Tensor))
        raise RuntimeError("seen enough")

    exact = torch.optim.Adam
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    # the fused one refuses the device "meta"
    monkeypatch.setattr(
        torch.optim, "Adam", lambda weights, lr, **_: exact(weights, lr)
    )
    return found


def test_the_training_makes_every_tensor_on_the_device(small, devices):
    """The device "meta" has no numbers, but it shows where a tensor was made."""
    small["device"] = torch.device("meta")
    small.run("setup")
    with contextlib.suppress(RuntimeError):
        small.run("train")
    assert devices == {"meta"}, "Something is not made on `device`."


@pytest.mark.parametrize(
    "before, cell_id", [("table", "unread"), ("memory-text", "memory")]
)
def test_the_experiments_make_every_tensor_on_the_device(lab, devices, before, cell_id):
    lab["device"] = torch.device("meta")
    lab.run(before)
    with contextlib.suppress(RuntimeError):
        lab.run(cell_id)
    assert devices == {"meta"}, "Something is not made on `device`."


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_every_cell_runs_on_the_gpu(name, tmp_path):
    """PyTorch refuses to compute with tensors of two devices, and NumPy and Matplotlib
    cannot read one of the GPU; then this test ends with an error. The first losses are
    those of the CPU."""
    last = list(code_cells(read(name)))[-1]
    settings = {"NUM_ITER": 20, "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    notebook = Notebook(name, last, DEVICE="cuda", **settings)
    devices = {weight.device.type for weight in notebook["model"].parameters()}
    assert devices == {"cuda"}
    expected = fresh_run(name)["losses"][:20]
    np.testing.assert_allclose(notebook["losses"], expected, atol=1e-3)
