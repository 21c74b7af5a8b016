"""The device: that of the settings, wherever a tensor is made; every cell on a GPU."""

import contextlib

import numpy as np
import pytest
import torch
from notebooks import Notebook, fresh_run, read, sections


def test_a_gpu_that_is_not_there_is_refused(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="GPU"):
        Notebook(name, "parameters", DEVICE="cuda")


def test_the_training_makes_every_tensor_on_the_device(small, monkeypatch):
    """The device "meta" has no numbers, but it shows where a tensor was made: those
    that meet in a cross-entropy, which ends the cell here."""
    devices = set()

    def cross_entropy(*tensors, **_):
        devices.update(tensor.device.type for tensor in tensors)
        raise RuntimeError("seen enough")

    exact = torch.optim.Adam  # the fused one refuses the device "meta"
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, lr, **_: exact(weights))
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    small["device"] = torch.device("meta")
    small.run("setup")
    with contextlib.suppress(RuntimeError):
        small.run("train")
    assert devices == {"meta"}, "Something is not made on `device`."


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_every_cell_runs_on_the_gpu(name, tmp_path):
    last = list(sections(read(name)))[-1]
    settings = {"NUM_ITER": 20, "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    notebook = Notebook(name, last, DEVICE="auto", **settings)
    devices = {weight.device.type for weight in notebook["model"].parameters()}
    assert devices == {"cuda"}
    expected = fresh_run(name)["losses"][:20]
    np.testing.assert_allclose(notebook["losses"], expected, atol=1e-3)
