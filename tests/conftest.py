"""What several test files share: each notebook, untrained and trained a little."""

import matplotlib
import pytest
import torch
from notebooks import OWN_TEXT, PATHS, UNUSUAL, Lesson

matplotlib.use("agg")


@pytest.fixture(scope="session", params=PATHS)
def name(request):
    """Each notebook."""
    return request.param


@pytest.fixture(scope="session")
def lesson(name):
    """Each notebook untrained, up to `setup`. Tests only read it."""
    return Lesson(name, "setup")


@pytest.fixture(scope="session")
def fresh(name):
    """Each notebook up to `train`, with the default settings but 200 iterations."""
    return Lesson(name, "train", (), NUM_ITER=200)


@pytest.fixture(scope="session")
def unusual(name, tmp_path_factory):
    """Each notebook up to `perplexity` with every setting other than its default."""
    folder = tmp_path_factory.mktemp(name)
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    files = {"TEXT_FILE": f"{folder}/own.txt", "LOSS_PLOT_FILE": f"{folder}/own.pdf"}
    layers = {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2} if name == "lstm" else {}
    return Lesson(name, "perplexity", **UNUSUAL | files | layers)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: real processes, or the lecture's loop")
