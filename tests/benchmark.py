"""Measure milliseconds per training iteration: python tests/benchmark.py [REPEATS]

Runs the notebooks' own training cells; prints medians as the tables of the README.
"""

import contextlib
import io
import os
import statistics
import sys
import time

import numpy as np
import torch
from lecture import lecture_losses
from notebooks import Lesson
from torch.nn import functional as F

REPEATS = 9
PORTIONS, HIDDEN = (50, 100, 200, 400, 800, 1600), (32, 64, 128, 256, 512, 1024)


def ready(name, **settings):
    """Return a notebook ready to train, with nothing written or drawn."""
    with contextlib.redirect_stdout(io.StringIO()):
        demos = ["by-hand", "baselines-write", "one-call"]
        lesson = Lesson(name, "setup", demos, LOG_EVERY=10**9, **settings)
    lesson.update(generate=lambda *_: "", loss_figure=lambda *_: None)
    lesson["show_losses"] = lambda *_: None
    return lesson


def training(lesson, num_iter, source="train"):
    """Return a function that runs num_iter iterations of a `train` cell."""
    code = compile(lesson.cells[source], source, "exec")
    lesson["NUM_ITER"] = num_iter
    return lambda: exec(code, lesson)


def draw(lesson, rng):
    size = lesson["TEXT_PORTION_SIZE"]
    return lesson["draw_example"](lesson["text"], size, rng)


def lecture(lesson, num_iter):
    """Return a function that runs num_iter iterations of the lecture's plain loop."""
    rng = np.random.default_rng(0)
    model = lesson["model"]
    return lambda: lecture_losses(model, lambda: draw(lesson, rng), num_iter, 0.005)


def bare(lesson, num_iter):
    """Return a function that runs num_iter iterations of nothing but PyTorch."""
    example = draw(lesson, np.random.default_rng(0))
    inputs, targets = (tensor.to(lesson["device"]) for tensor in example)
    model, optimizer = lesson["model"], lesson["optimizer"]

    def run():
        for _ in range(num_iter):
            logits, _, _ = model(inputs, *model.init_zero_state())
            loss = F.cross_entropy(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def medians(forms):
    """Return milliseconds per iteration of each (function, iterations), in turns."""
    times = {name: [] for name in forms}
    for repeat in range(REPEATS + 1):
        for name, (run, num_iter) in forms.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                run()
                elapsed = time.perf_counter() - started
            if repeat > 0:  # the first warms up
                times[name].append(1000 * elapsed / num_iter)
    return {name: statistics.median(values) for name, values in times.items()}


def compare_forms(device, fast):
    """Print the five forms, with PyTorch's fused LSTM (`fast`) on and off."""
    lessons = [ready("lstmcell", DEVICE=device) for _ in range(2)]
    lessons += [ready("lstm", DEVICE=device) for _ in range(3)]
    plain, cell, single, whole, calls_only = lessons
    single.cells["train"] = cell.cells["train"]  # one character per call
    few, many = 1, 20 if REPEATS > 1 else 2
    forms = {
        "the lecture's plain loop": (lecture, plain, few),
        "`char_rnn_lstmcell.ipynb`": (training, cell, few),
        "`nn.LSTM`, one character per call": (training, single, few),
        "`char_rnn_lstm.ipynb`": (training, whole, many),
        "the same training, PyTorch calls only": (bare, calls_only, many),
    }
    forms = {name: (make(of, n), n) for name, (make, of, n) in forms.items()}
    columns, bounds = [], []
    for enabled in (True, False):
        with fast.flags(enabled=enabled):
            ms = medians(forms)
        base = ms["`char_rnn_lstm.ipynb`"]
        columns.append({name: f"{v:.0f} | {v / base:.2g}" for name, v in ms.items()})
        lecture_ms, cell_ms, _, whole_ms, calls_ms = ms.values()
        bounds.append(f"{cell_ms / lecture_ms:.2f}, {whole_ms / calls_ms:.2f}")
    kind = "oneDNN" if device == "cpu" else "cuDNN"
    print(
        f"\n| one iteration, {device} | ms with {kind} | ratio | ms without | ratio |"
    )
    print("|---|---:|---:|---:|---:|")
    for name in forms:
        print(f"| {name} | {columns[0][name]} | {columns[1][name]} |")
    print("LSTMCell / lecture, nn.LSTM / calls only:", *bounds, sep="\n")


def compare_sizes(device, setting, values, threads):
    """Print how an iteration of the nn.LSTM notebook grows with a setting."""
    heads = " | ".join(f"ms, threads: {count}" for count in threads)
    print(f"\n| `{setting}`, {device} | {heads} |")
    print("|---:" * (1 + len(threads)) + "|")
    for value in values:
        forms = {}
        for count in threads:
            settings = {"DEVICE": device, "NUM_THREADS": count, setting: value}
            run = training(ready("lstm", **settings), 5)

            def with_threads(run=run, count=count):
                torch.set_num_threads(count)
                run()

            forms[count] = (with_threads, 5)
        row = [f"{ms:.2f}" for ms in medians(forms).values()]
        print(f"| {value} | {' | '.join(row)} |")


if __name__ == "__main__":
    REPEATS = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    cores = os.cpu_count()
    print(f"PyTorch {torch.__version__}, {cores} cores, median of {REPEATS} repeats")
    devices = {"cpu": torch.backends.mkldnn}
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        devices["cuda"] = torch.backends.cudnn
    for device, fast in devices.items():
        compare_forms(device, fast)
        counts = sorted({1, cores}) if device == "cpu" else [1]
        if REPEATS > 1:
            compare_sizes(device, "TEXT_PORTION_SIZE", PORTIONS, counts)
            compare_sizes(device, "HIDDEN_DIM", HIDDEN, counts)
