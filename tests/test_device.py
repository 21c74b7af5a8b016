"""The device: that of the settings, wherever a tensor is made; every cell on a GPU."""

import contextlib

import numpy as np
import pytest
import torch
from notebooks import Notebook, fresh_run, read, sections


@pytest.mark.parametrize(
    "setting, has_gpu, expected",
    [
        ("auto", True, "cuda"),
        ("auto", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cuda", False, None),
    ],
)
def test_the_device_is_chosen_or_a_gpu_that_is_not_there_is_refused(
    name, monkeypatch, setting, has_gpu, expected
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    if expected:
        notebook = Notebook(name, "parameters", DEVICE=setting)
        assert notebook["device"] == torch.device(expected)
    else:
        with pytest.raises(ValueError, match="DEVICE.*GPU"):
            Notebook(name, "parameters", DEVICE=setting)


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_every_cell_runs_on_the_gpu(name, tmp_path):
    """PyTorch refuses to compute with tensors of two devices, and NumPy and Matplotlib
    cannot read one of the GPU; then this test ends with an error. The first losses are
    those of the CPU."""
    last = list(sections(read(name)))[-1]
    settings = {"NUM_ITER": 20, "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    notebook = Notebook(name, last, DEVICE="cuda", **settings)
    devices = {weight.device.type for weight in notebook["model"].parameters()}
    assert devices == {"cuda"}
    expected = fresh_run(name)["losses"][:20]
    np.testing.assert_allclose(notebook["losses"], expected, atol=1e-3)
