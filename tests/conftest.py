"""Fixtures: each notebook's functions and an untrained model, on the project's text."""

import pytest
from notebooks import run_cells

SKIP = ("one-call", "temperature", "setup", "train", "after", "primes")


@pytest.fixture(scope="session", params=["lstmcell", "lstm"])
def lesson(request):
    """Each notebook's namespace after `surprise`, untrained. Tests only read it."""
    skip = SKIP + ("first-losses", "perplexity")
    return run_cells(request.param, "surprise", skip)


@pytest.fixture(scope="session")
def cells():
    """One notebook's namespace, for cells that are the same in both."""
    return run_cells("lstm", "surprise", SKIP + ("first-losses", "perplexity"))
