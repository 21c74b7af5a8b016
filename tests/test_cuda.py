"""What only an NVIDIA GPU can show; without one, these tests are skipped.

- A tensor left on the CPU. PyTorch refuses to compute with tensors of two devices, and
  NumPy and Matplotlib cannot read one of the GPU: `memory-seen` needs its `.cpu()`.
  Therefore every cell runs here, those after the training and the slow ones, too.
- Losses that differ from the CPU's by more than rounding.
- A clock that is stopped too early. Python goes on while the GPU still computes, so the
  time is right only after something that waits, such as `.cpu()` or `.item()`.
"""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, Notebook, code_cells, read

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no NVIDIA GPU here"
)


@pytest.fixture(scope="module")
def on_cuda(name, tmp_path_factory):
    """Each notebook after all its cells have run on the GPU. Tests only read it."""
    return Notebook(
        name,
        list(code_cells(read(name)))[-1],
        skip=(),
        DEVICE="cuda",
        NUM_ITER=20,
        LOSS_PLOT_FILE=str(tmp_path_factory.mktemp(name) / "loss.pdf"),
    )


def test_every_cell_runs_on_the_gpu(on_cuda):
    """A cell that cannot run there fails before this test begins, in `on_cuda`."""
    assert set(on_cuda.out) == set(on_cuda.cells)
    devices = {weight.device.type for weight in on_cuda["model"].parameters()}
    assert devices == {"cuda"}


def test_the_first_losses_are_those_of_the_cpu(on_cuda, trained):
    expected = trained["losses"][:20]
    np.testing.assert_allclose(on_cuda["losses"], expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("which", "cell_id"),
    [(LESSON, "train"), (LABORATORY, "train"), (LABORATORY, "one-call")],
)
def test_the_clock_is_read_when_the_gpu_has_finished(which, cell_id):
    """But for the first time, when a cell may find work of the cells before it."""
    notebook = Notebook(which, "setup", DEVICE="cuda", NUM_ITER=20)
    finished = []

    def perf_counter():
        finished.append(torch.cuda.current_stream().query())
        return time.perf_counter()

    notebook["time"] = SimpleNamespace(perf_counter=perf_counter)
    notebook.run(cell_id)
    assert len(finished) > 1, f"{cell_id} should read time.perf_counter()"
    assert all(finished[1:]), f"{cell_id} read the clock while the GPU was computing"
