"""What several test files share: each notebook untrained and trained a little."""

import matplotlib
import pytest
import torch
from notebooks import LABORATORY, OWN_TEXT, PATHS, UNUSUAL, Notebook

matplotlib.use("agg")


@pytest.fixture(scope="session", params=PATHS)
def name(request):
    """Each notebook: tests with this fixture run once for the lesson and once for
    the laboratory."""
    return request.param


@pytest.fixture(scope="session")
def untrained(name):
    """Each notebook up to `setup`, with its default settings. Tests only read it."""
    return Notebook(name, "setup")


@pytest.fixture(scope="session")
def trained(name):
    """Each notebook up to `train`, with every cell and the default settings but 100
    iterations. Tests only read it."""
    return Notebook(name, "train", skip=(), NUM_ITER=100)


@pytest.fixture(scope="session")
def unusual(name, tmp_path_factory):
    """Each notebook up to `perplexity` with every setting other than its default.
    Tests only read it."""
    folder = tmp_path_factory.mktemp(name)
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    settings = UNUSUAL | {
        "TEXT_FILE": str(folder / "own.txt"),
        "LOSS_PLOT_FILE": str(folder / "own.pdf"),
    }
    if name == LABORATORY:
        settings |= {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2}
    return Notebook(name, "perplexity", **settings)
