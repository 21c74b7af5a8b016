"""What several test files share: each notebook, as it is, and small."""

import matplotlib
import notebooks as nb
import pytest
import torch
from matplotlib.figure import Figure

matplotlib.use("agg")
# Saving takes most of the time of a plot
savefig, Figure.savefig = Figure.savefig, lambda *_, **__: None


@pytest.fixture(scope="session", params=nb.PATHS)
def name(request):
    return request.param


@pytest.fixture(scope="session")
def fresh(name):
    """Each notebook with its own settings, up to `setup`. Tests only read it."""
    return nb.Notebook(name, "setup")


def pytest_collection_modifyitems(items):
    """Let the settings be tested first; stored outputs, and the prose, last."""
    items.sort(key=lambda item: "settings" not in item.name)
    items.sort(key=lambda item: bool(item.get_closest_marker("stored")))


def small_notebook(name, folder, **settings):
    """Return a notebook up to `setup`, small, on OWN_TEXT, with a stub that writes."""
    text = folder / "own.txt"
    text.write_text(nb.OWN_TEXT, encoding="utf-8")
    files = {"TEXT_FILE": str(text), "LOSS_PLOT_FILE": str(folder / "loss.pdf")}
    notebook = nb.Notebook(name, "setup", **nb.SMALL | files | settings)
    notebook["generate"] = lambda model, prime_str, *_: prime_str
    return notebook


@pytest.fixture
def small(name, tmp_path):
    """Each notebook, small, for one test to change; the laboratory with two GRUs."""
    layers = {"LAYER": torch.nn.GRU, "NUM_LAYERS": 2} if name == nb.LABORATORY else {}
    return small_notebook(name, tmp_path, **layers)


@pytest.fixture
def lesson(tmp_path):
    """The small lesson."""
    return small_notebook(nb.LESSON, tmp_path)


@pytest.fixture
def lab(tmp_path):
    """The small laboratory, and `learn`."""
    notebook = small_notebook(nb.LABORATORY, tmp_path)
    notebook.run("learn")
    return notebook
