"""The device: that of the settings, wherever a tensor is made."""

import contextlib

import torch
from notebooks import LABORATORY


def test_every_tensor_of_the_trainings_is_made_on_the_device(small, monkeypatch):
    """Those on the device "meta" that meet in a cross-entropy; it ends a cell here."""
    devices = set()

    def cross_entropy(*tensors, **named):
        tensors = [*tensors, *named.values()]
        devices.update(found.device.type for found in tensors if torch.is_tensor(found))
        raise RuntimeError("seen enough")

    exact = torch.optim.Adam  # the fused one refuses the device "meta"
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, lr, **_: exact(weights))
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    small["DEVICE"] = "meta"
    small.run("device")
    others = ["learn", "weighted"] if small.name == LABORATORY else []
    for cell_id in ["setup", "train", *others]:
        with contextlib.suppress(RuntimeError):
            small.run(cell_id)
    assert devices == {"meta"}, "Something is not made on `device`."
