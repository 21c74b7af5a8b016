"""The device: that of the settings, wherever a tensor is made; every cell on a GPU."""

import contextlib

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, Notebook, code_cells, fresh_run, read


@pytest.fixture
def devices(small, monkeypatch):
    """The device "meta" has no numbers, but it shows where a tensor was made: those
    that meet in a cross-entropy, which ends the cell. Returns what met so far."""
    met = set()

    def cross_entropy(*tensors, **_):
        met.update(tensor.device.type for tensor in tensors)
        raise RuntimeError("seen enough")

    exact = torch.optim.Adam  # the fused one refuses the device "meta"
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, lr, **_: exact(weights))
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    small["device"] = torch.device("meta")
    return met


def test_every_tensor_of_the_trainings_is_made_on_the_device(small, devices):
    cell_ids = ["setup", "train"]
    if small.name == LABORATORY:
        small["weight"] = None
        small.update(QUESTION=0, PERIOD=1)
        cell_ids += ["learn", "rewarded"]
    for cell_id in cell_ids:
        with contextlib.suppress(RuntimeError):
            small.run(cell_id)
    assert devices == {"meta"}, "Something is not made on `device`."


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_every_cell_runs_on_the_gpu(name, tmp_path):
    last = list(code_cells(read(name)))[-1]
    settings = {"NUM_ITER": 20, "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    notebook = Notebook(name, last, DEVICE="cuda", **settings)
    devices = {weight.device.type for weight in notebook["model"].parameters()}
    assert devices == {"cuda"}
    expected = fresh_run(name)["losses"][:20]
    np.testing.assert_allclose(notebook["losses"], expected, atol=1e-3)
