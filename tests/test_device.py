"""The device: that of the settings, wherever a tensor is made; every cell on a GPU."""

import contextlib

import numpy as np
import pytest
import torch
from notebooks import FAQ, LABORATORY, LESSON, Notebook, code_cells, read

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")


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


def test_an_unknown_device_stops(name):
    with pytest.raises(RuntimeError, match="(?i)device"):
        Notebook(name, "device", DEVICE="gpu")


def test_the_number_of_threads_is_that_of_the_settings(name):
    for num_threads in (2, 1):  # last 1, with which all other tests run
        Notebook(name, "device", NUM_THREADS=num_threads)
        assert torch.get_num_threads() == num_threads


@pytest.mark.parametrize(
    "which, cell_id",
    [
        (LESSON, "train"),
        (LABORATORY, "train"),
        (LABORATORY, "unread"),
        (LABORATORY, "pays"),
        (LABORATORY, "memory"),
    ],
)
def test_every_tensor_is_made_on_the_device(which, cell_id, monkeypatch, tmp_path):
    """The device "meta" has no numbers, but it shows where a tensor was made: model,
    inputs, targets, and weights meet in the cross-entropy."""
    skip = ("one-call", "train", "perplexity", "unread", "pays")
    last = "setup" if which == LESSON else "memory-text"
    file = tmp_path / "own.txt"
    file.write_text(FAQ.read_text(encoding="utf-8")[:3000], encoding="utf-8")
    settings = {"TEXT_FILE": str(file), "TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 8}
    notebook = Notebook(which, last, skip, **settings)
    notebook["device"] = torch.device("meta")
    real_adam = torch.optim.Adam
    devices = []

    def cross_entropy(logits, targets, weight=None, **_):
        tensors = [logits, targets] + ([] if weight is None else [weight])
        devices.append({tensor.device.type for tensor in tensors})
        raise RuntimeError("seen enough")

    def adam(parameters, lr, **_):  # the fused one refuses this device
        return real_adam(parameters, lr=lr)

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    monkeypatch.setattr(torch.optim, "Adam", adam)
    for run in ("setup", cell_id):
        with contextlib.suppress(RuntimeError):
            notebook.run(run)
    assert devices, f"The cell {cell_id} should compute a loss."
    assert devices[0] == {"meta"}, "Something is not made on `device`."


@pytest.fixture(scope="module")
def on_cuda(name, tmp_path_factory):
    """Each notebook after all its cells have run on the GPU."""
    folder = tmp_path_factory.mktemp(name)
    last = list(code_cells(read(name)))[-1]
    settings = {"NUM_ITER": 20, "LOSS_PLOT_FILE": str(folder / "loss.pdf")}
    return Notebook(name, last, skip=(), DEVICE="cuda", **settings)


@needs_gpu
def test_every_cell_runs_on_the_gpu(on_cuda):
    """PyTorch refuses to compute with tensors of two devices, and NumPy and Matplotlib
    cannot read one of the GPU; then this test ends with an error."""
    assert set(on_cuda.out) == set(on_cuda.cells)
    devices = {weight.device.type for weight in on_cuda["model"].parameters()}
    assert devices == {"cuda"}


@needs_gpu
def test_the_first_losses_are_those_of_the_cpu(on_cuda, fresh):
    np.testing.assert_allclose(on_cuda["losses"], fresh["losses"][:20], atol=1e-3)
