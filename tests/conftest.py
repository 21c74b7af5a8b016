"""Fixtures: each notebook's functions and an untrained model, on the project's text."""

import pytest
from notebooks import run_cells

SKIP = "one-call temperature setup train first-losses perplexity after primes".split()


@pytest.fixture(scope="session", params=["lstmcell", "lstm"])
def lesson(request):
    """Each notebook's namespace after `surprise`, untrained. Tests only read it."""
    return run_cells(request.param, "surprise", SKIP)


@pytest.fixture(scope="session")
def cells():
    """One notebook's namespace, for cells that are the same in both."""
    return run_cells("lstm", "surprise", SKIP)
