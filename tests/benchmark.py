"""Measure milliseconds per training iteration: .venv/bin/python tests/benchmark.py

Runs the notebooks' own training cells and the lecture's loop in turns in one process,
so that what counts are the ratios of the medians.
"""

import statistics
import time

import matplotlib
import torch
from notebooks import LABORATORY, LESSON, Notebook, lecture_losses

TURNS = 9


def train_cell(notebook):
    """Train as the notebook does."""
    notebook.run("train")


def train_lecture_loop(notebook):
    """Train as the lecture does."""
    lecture_losses(notebook, notebook["NUM_ITER"])


FORMS = {  # the notebook, the iterations in a turn, the function that trains
    "the lecture's loop": (LESSON, 2, train_lecture_loop),
    "the lesson": (LESSON, 2, train_cell),
    "the laboratory": (LABORATORY, 50, train_cell),
}


def main():
    """Print the median of each form, on the GPU if there is one."""
    matplotlib.use("agg")
    notebooks, times = {}, {form: [] for form in FORMS}
    for form, (name, num_iter, _) in FORMS.items():
        settings = {"DEVICE": "auto", "NUM_ITER": num_iter, "LOG_EVERY": 10**9}
        notebooks[form] = Notebook(name, "setup", **settings)
        notebooks[form].update(generate=lambda *_: "", loss_figure=lambda *_: None)
    for _ in range(TURNS + 1):  # the first one warms up
        for form, (_, num_iter, train) in FORMS.items():
            start = time.perf_counter()
            train(notebooks[form])
            times[form].append(1000 * (time.perf_counter() - start) / num_iter)
    print(f"PyTorch {torch.__version__}, milliseconds per iteration")
    for form, found in times.items():
        print(f"{form:18s} {statistics.median(found[1:]):7.2f}")


if __name__ == "__main__":
    main()
