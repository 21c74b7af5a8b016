"""The device and the number of threads: those of the settings, wherever they count."""

import contextlib

import pytest
import torch
from notebooks import Notebook


def test_the_number_of_threads_is_that_of_the_settings(name):
    for num_threads in (2, 1):  # last 1, with which all other tests run
        Notebook(name, "device", NUM_THREADS=num_threads)
        assert torch.get_num_threads() == num_threads


@pytest.mark.parametrize("has_gpu, expected", [(True, "cuda"), (False, "cpu")])
def test_auto_means_a_gpu_if_there_is_one(name, monkeypatch, has_gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    notebook = Notebook(name, "device", DEVICE="auto")
    assert notebook["device"] == torch.device(expected)
    assert notebook.out["device"] == f"running on {expected}\n"


def test_a_device_that_is_named_is_used(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    notebook = Notebook(name, "device", DEVICE="cpu")
    assert notebook["device"] == torch.device("cpu")


def test_an_unknown_device_stops(name):
    with pytest.raises(RuntimeError, match="(?i)device"):
        Notebook(name, "device", DEVICE="gpu")


def test_every_tensor_is_made_on_the_device(name):
    """The device "meta" has no numbers, but it shows where a tensor was made.

    A cell that needs a number stops there, with a RuntimeError.
    """
    notebook = Notebook(name, "setup", TEXT_PORTION_SIZE=20)
    notebook["device"] = "meta"
    for cell_id in ("step", "setup", "train"):
        with contextlib.suppress(RuntimeError):
            notebook.run(cell_id)
    inputs, targets = notebook["inputs"], notebook["targets"]
    nats = notebook["character_losses"](notebook["model"], inputs, targets)
    assert inputs.is_meta, "the inputs are not on the device"
    assert targets.is_meta, "the targets are not on the device"
    assert notebook["loss"].is_meta, "the training's loss is not on the device"
    assert nats.is_meta, "character_losses does not work on the device"
    for model_name in ("untrained", "model"):
        for parameter in notebook[model_name].parameters():
            assert parameter.is_meta, f"a weight of {model_name} is not on the device"
