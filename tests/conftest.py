"""What several test files share: each notebook untrained, small, and unusual."""

import matplotlib
import pytest
import torch
from notebooks import (
    FAQ,
    LABORATORY,
    LESSON,
    OWN_TEXT,
    PATHS,
    UNUSUAL,
    Notebook,
    fresh_run,
    read,
)

matplotlib.use("agg")


@pytest.fixture(scope="session", params=PATHS)
def name(request):
    """Each notebook: tests with this fixture run once for the lesson and once for
    the laboratory."""
    return request.param


@pytest.fixture(scope="session")
def stored(name):
    """Each notebook as it is stored, with its outputs."""
    return read(name)


@pytest.fixture(scope="session")
def untrained(name):
    """Each notebook up to `setup`, with its default settings. Tests only read it."""
    return Notebook(name, "setup")


@pytest.fixture(scope="session")
def fresh(name):
    """Each notebook after every cell up to `train`, with 60 iterations of the default
    run. Tests only read it."""
    return fresh_run(name)


@pytest.fixture(scope="session")
def tables():
    """The laboratory with its default settings, after the cells that need no training.
    Tests only read it."""
    notebook = Notebook(LABORATORY, "setup")
    notebook.run("table")
    notebook.run("memory-text")
    return notebook


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


@pytest.fixture
def small(name, tmp_path):
    """Each notebook up to `setup`, with a small network and a small text, for one test
    to change."""
    (tmp_path / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    return Notebook(
        name,
        "setup",
        NUM_ITER=6,
        LOG_EVERY=3,
        TEXT_PORTION_SIZE=20,
        HIDDEN_DIM=16,
        TEXT_FILE=str(tmp_path / "own.txt"),
        LOSS_PLOT_FILE=str(tmp_path / "loss.pdf"),
    )


@pytest.fixture
def beginning(tmp_path):
    """A file with the beginning of the FAQ."""
    file = tmp_path / "beginning.txt"
    file.write_text(FAQ.read_text(encoding="utf-8")[:3000], encoding="utf-8")
    return str(file)


@pytest.fixture
def lesson(beginning):
    """The lesson up to `setup`, on a small text, with a small network that is far from
    indifferent, for one test to change."""
    settings = {"TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 16}
    notebook = Notebook(LESSON, "setup", TEXT_FILE=beginning, **settings)
    with torch.no_grad():
        notebook["model"].linear.weight.mul_(30)
    return notebook


@pytest.fixture
def lab(beginning):
    """The laboratory up to `setup`, and `learn`, on a small text, with a small network,
    for one test to change."""
    settings = {"TEXT_PORTION_SIZE": 20, "EMBEDDING_DIM": 12, "HIDDEN_DIM": 16}
    notebook = Notebook(
        LABORATORY, "setup", TEXT_FILE=beginning, NUM_ITER=2, **settings
    )
    notebook.run("learn")
    return notebook
