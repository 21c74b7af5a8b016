"""What several test files share: each notebook untrained, trained, and small."""

import matplotlib
import pytest
import torch
from notebooks import (
    LABORATORY,
    LESSON,
    OWN_TEXT,
    PATHS,
    SMALL,
    Notebook,
    fresh_run,
    read,
)

matplotlib.use("agg")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Let the quick checks of the files come first."""
    items.sort(key=lambda item: item.path.stem != "test_repository")


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
    """Each notebook after 50 iterations of the default run. Tests only read it."""
    return fresh_run(name)


def small_notebook(name, folder, **settings):
    """Return a notebook up to `setup`, with the settings SMALL, on OWN_TEXT."""
    text = folder / "own.txt"
    text.write_text(OWN_TEXT, encoding="utf-8")
    files = {"TEXT_FILE": str(text), "LOSS_PLOT_FILE": str(folder / "loss.pdf")}
    return Notebook(name, "setup", **SMALL | files | settings)


@pytest.fixture
def small(name, tmp_path):
    """Each notebook, small, and the laboratory with two GRU layers, for one test to
    change."""
    layers = {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2} if name == LABORATORY else {}
    return small_notebook(name, tmp_path, **layers)


@pytest.fixture
def lesson(tmp_path):
    """The small lesson, with a network that is far from indifferent."""
    notebook = small_notebook(LESSON, tmp_path)
    with torch.no_grad():
        notebook["model"].linear.weight.mul_(30)
    return notebook


@pytest.fixture
def lab(tmp_path):
    """The small laboratory, and `learn`."""
    notebook = small_notebook(LABORATORY, tmp_path)
    notebook.run("learn")
    return notebook
