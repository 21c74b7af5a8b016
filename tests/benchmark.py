"""Measure milliseconds per training iteration: .venv/bin/python tests/benchmark.py

Runs the notebooks' own training cells, the lecture's loop, and bare PyTorch in turns in
one process, so that what counts are the ratios of the medians.
"""

import copy
import statistics
import time

import matplotlib
import torch
from notebooks import LABORATORY, LESSON, Notebook, lecture_losses
from torch.nn import functional as F


def prepared(name, num_iter):
    """Return a notebook up to `setup`; what is logged takes no time."""
    notebook = Notebook(name, "setup", NUM_ITER=num_iter, LOG_EVERY=10**9)
    notebook.update(generate=lambda *_: "", plot_losses=lambda *_: None)
    for key in ("test_inputs", "test_targets"):
        notebook[key] = notebook[key][:1]
    return notebook


def train_bare(notebook):
    """Train on one example, with nothing but PyTorch."""
    model = copy.deepcopy(notebook["model"])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005, fused=True)
    example = notebook["training_text"], 200, notebook["train_rng"]
    inputs, targets = notebook["draw_example"](*example)
    for _ in range(notebook["NUM_ITER"]):
        logits, _ = model(inputs)
        loss = F.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()


matplotlib.use("agg")
lesson, laboratory = prepared(LESSON, 2), prepared(LABORATORY, 50)
forms = {  # the iterations in a turn, and what trains
    "the lecture's loop": (2, lambda: lecture_losses(lesson, 2)),
    "the lesson": (2, lambda: lesson.run("train")),
    "bare PyTorch": (50, lambda: train_bare(laboratory)),
    "the laboratory": (50, lambda: laboratory.run("train")),
}
times = {form: [] for form in forms}
for _ in range(10):  # the first one warms up
    for form, (num_iter, train) in forms.items():
        start = time.perf_counter()
        train()
        times[form].append(1000 * (time.perf_counter() - start) / num_iter)
medians = [statistics.median(found[1:]) for found in times.values()]
for form, ms in zip(forms, medians):
    print(f"{form:18s} {ms:7.2f} ms an iteration")
lecture, lesson_ms, bare, laboratory_ms = medians
print(f"the lesson / the lecture's loop: {lesson_ms / lecture:.2f}")
print(f"the laboratory / bare PyTorch: {laboratory_ms / bare:.2f}")
