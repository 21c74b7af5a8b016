"""Measure milliseconds per training iteration: python tests/benchmark.py

Runs the notebooks' own cells; prints medians over repeats as the tables of the README.
"""

import contextlib
import io
import os
import statistics
import time

import numpy as np
import torch
from lecture import lecture_losses
from notebooks import code_cells, read, run_cells

REPEATS = 7
PER_CHARACTER = code_cells(read("lstmcell"))["train"].source
WHOLE_PORTION = code_cells(read("lstm"))["train"].source
DEMOS = ("one-call", "gibberish", "followers", "temperature-table", "temperature")


def lesson(name, threads, **settings):
    """Return a notebook's namespace ready to train, with nothing drawn or written."""
    with contextlib.redirect_stdout(io.StringIO()):
        namespace = run_cells(name, "setup", DEMOS, LOG_EVERY=10**9, **settings)
    torch.set_num_threads(threads)
    namespace["png"] = namespace["loss_figure"] = namespace["evaluate"] = lambda *_: ""
    namespace["show_losses"] = lambda *_: True
    return namespace


def training(namespace, source, num_iter):
    """Return a function that runs num_iter iterations of a `train` cell."""
    code = compile(source, "train", "exec")

    def run():
        namespace["NUM_ITER"] = num_iter
        exec(code, namespace)
        return num_iter

    return run


def lecture(namespace, num_iter):
    """Return a function that runs num_iter iterations of the lecture's plain loop."""
    rng = np.random.default_rng(0)

    def draw():
        text, size = namespace["text"], namespace["TEXT_PORTION_SIZE"]
        return namespace["draw_random_sample"](text, size, rng)

    def run():
        lecture_losses(namespace["model"], draw, num_iter, 0.005)
        return num_iter

    return run


def floor(namespace, num_iter):
    """Return a function that multiplies the matrix of the recurrence by a vector.

    Twice per character, forward and backward: no training can leave this out.
    """
    weight = namespace["model"].lstm.weight_hh_l0.detach()  # (512, 128)
    back = weight.t()
    hidden, gates = weight.new_zeros(weight.shape[1]), weight.new_zeros(weight.shape[0])

    def run():
        for _ in range(num_iter * namespace["TEXT_PORTION_SIZE"]):
            torch.mv(weight, hidden, out=gates)
            torch.mv(back, gates, out=hidden)
        hidden.sum().item()  # waits for the GPU
        return num_iter

    return run


def medians(forms):
    """Return milliseconds per iteration of each form, the forms taking turns."""
    times = {name: [] for name in forms}
    for repeat in range(REPEATS + 1):
        for name, run in forms.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                num_iter = run()
                elapsed = time.perf_counter() - started
            if repeat > 0:  # the first warms up
                times[name].append(1000 * elapsed / num_iter)
    return {name: statistics.median(values) for name, values in times.items()}


def compare_forms(device, threads):
    cell = lesson("lstmcell", threads, DEVICE=device)
    plain = lesson("lstmcell", threads, DEVICE=device)
    single, whole = (lesson("lstm", threads, DEVICE=device) for _ in range(2))
    ms = medians(
        {
            "the plain loop of the lecture": lecture(plain, 4),
            "`nn.LSTMCell` notebook": training(cell, PER_CHARACTER, 4),
            "`nn.LSTM`, one character per call": training(single, PER_CHARACTER, 4),
            "`nn.LSTM` notebook, whole portion": training(whole, WHOLE_PORTION, 60),
            "floor: the recurrence's products alone": floor(whole, 60),
        }
    )
    print(f"\n{device}, {threads} thread{'s' * (threads > 1)}\n")
    print("| one iteration | ms | times the whole portion |\n|---|---:|---:|")
    base = ms["`nn.LSTM` notebook, whole portion"]
    for name, value in ms.items():
        print(f"| {name} | {value:.2f} | {value / base:.2f} |")


def compare_sizes(device, setting, values, all_threads):
    one = "1 thread" if device == "cpu" else device
    columns = {one: 1}
    if all_threads:
        columns[f"{all_threads} threads"] = all_threads
    print(f"\n| `{setting}` | {' | '.join(f'ms, {c}' for c in columns)} |")
    print("|---:" * (1 + len(columns)) + "|")
    for value in values:
        row = []
        for threads in columns.values():
            namespace = lesson("lstm", threads, DEVICE=device, **{setting: value})
            form = {"": training(namespace, WHOLE_PORTION, 10)}
            row += medians(form).values()
        print(f"| {value} | {' | '.join(f'{ms:.2f}' for ms in row)} |")


cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
cores = cores or os.cpu_count()
print(f"PyTorch {torch.__version__}, {cores} cores, median of {REPEATS} repeats")
for threads in sorted({1, cores}):
    compare_forms("cpu", threads)
more = cores if cores > 1 else None
compare_sizes("cpu", "TEXT_PORTION_SIZE", (50, 100, 200, 400, 800, 1600), more)
compare_sizes("cpu", "HIDDEN_DIM", (32, 64, 128, 256, 512, 1024), more)
if torch.cuda.is_available():
    print("\n" + torch.cuda.get_device_name())
    compare_forms("cuda", 1)
    compare_sizes("cuda", "TEXT_PORTION_SIZE", (50, 100, 200, 400, 800, 1600), None)
    compare_sizes("cuda", "HIDDEN_DIM", (32, 64, 128, 256, 512, 1024), None)
