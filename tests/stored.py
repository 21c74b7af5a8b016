"""The stored outputs and the prose of both notebooks, as the tests read them."""

import math
import re
from typing import NamedTuple

from notebooks import LABORATORY, LESSON, LOG_LINE, code_cells, printed, read


class LogEntry(NamedTuple):
    """One line of the training's log, with the sample below it."""

    iteration: int
    last: int
    minutes: float
    loss: float
    mean: float
    sample: str


def log_entries(log):
    """Return the entries of what a training cell has printed."""
    entry = re.compile(
        LOG_LINE + r"\n(.*?)(?=\n\niteration|\n\nInterrupted|\n*\Z)", re.S
    )
    entries = []
    for iteration, last, minutes, loss, mean, sample in entry.findall(log):
        numbers = int(iteration), int(last), float(minutes), float(loss), float(mean)
        entries.append(LogEntry(*numbers, sample))
    return entries


class Stored(dict):
    """What each code cell of a notebook has printed in the stored run.

    `prose` holds the text of each Markdown cell on one line, `log` the entries of
    the training's log.
    """

    def __init__(self, name):
        self.name = name
        self.notebook = read(name)
        self.cells = code_cells(self.notebook)
        super().__init__({key: printed(cell) for key, cell in self.cells.items()})
        self.prose = {}
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown":
                self.prose[cell.id] = " ".join(cell.source.split())
        self.log = log_entries(self["train"])

    def number(self, cell_id, pattern):
        """Return the one number that pattern finds in a cell's output, or nan."""
        found = re.findall(pattern, self.get(cell_id, ""))
        if len(found) != 1:
            return math.nan  # outputs are cleared, or print something else
        return float(found[0].replace(",", ""))


LESSON_RUN = Stored(LESSON)
LABORATORY_RUN = Stored(LABORATORY)
RUNS = {LESSON: LESSON_RUN, LABORATORY: LABORATORY_RUN}
