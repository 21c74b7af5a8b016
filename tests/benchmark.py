"""Measure milliseconds per training iteration: .venv/bin/python tests/benchmark.py

Runs the notebooks' own training cells, the lecture's loop, and bare PyTorch in turns in
one process, so that what counts are the ratios of the medians.
"""

import statistics
import time

import matplotlib
import torch
from notebooks import LABORATORY, LESSON, Notebook, lecture_losses
from torch.nn import functional as F

TURNS = 9


def train_cell(notebook):
    """Train as the notebook does."""
    notebook.run("train")


def train_lecture_loop(notebook):
    """Train as the lecture does."""
    lecture_losses(notebook, notebook["NUM_ITER"])


def train_bare(notebook):
    """Train on one example, with nothing but PyTorch."""
    model = notebook.new_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005, fused=True)
    rng = notebook["train_rng"]
    inputs, targets = notebook["draw_example"](notebook["text"], 200, rng)
    for _ in range(notebook["NUM_ITER"]):
        logits, _ = model(inputs)
        loss = F.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()


FORMS = {  # the notebook, the iterations in a turn, the function that trains
    "the lecture's loop": (LESSON, 2, train_lecture_loop),
    "the lesson": (LESSON, 2, train_cell),
    "the laboratory": (LABORATORY, 50, train_cell),
    "bare PyTorch": (LABORATORY, 50, train_bare),
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
    medians = {form: statistics.median(found[1:]) for form, found in times.items()}
    for form, ms in medians.items():
        print(f"{form:18s} {ms:7.2f}")
    for form, other in (
        ("the lesson", "the lecture's loop"),
        ("the laboratory", "bare PyTorch"),
    ):
        print(f"{form} / {other}: {medians[form] / medians[other]:.2f}")


if __name__ == "__main__":
    main()
