"""Measure milliseconds per training iteration: python tests/benchmark.py [REPEATS]

Runs the notebooks' own training cells beside the lecture's loop and bare PyTorch.
"""

import contextlib
import io
import statistics
import sys
import time

import numpy as np
import torch
from notebooks import Lesson
from torch.nn import functional as F


def ready(name, device):
    """Return a notebook ready to train, with nothing written or drawn."""
    lesson = Lesson(name, "setup", DEVICE=device, LOG_EVERY=10**9)
    lesson.update(generate=lambda *_: "", loss_figure=lambda *_: None)
    return lesson


def cell(lesson, train, num_iter):
    """Return a function that runs num_iter iterations of a `train` cell."""
    code = compile(train, "train", "exec")
    lesson["NUM_ITER"] = num_iter
    return lambda: exec(code, lesson)


def lecture(lesson, num_iter):
    """Return a function that runs num_iter iterations of the lecture's plain loop."""
    model, rng = lesson["model"], np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

    def run():
        for _ in range(num_iter):
            inputs, targets = lesson["draw_example"](lesson["text"], 200, rng)
            state, loss = None, 0.0
            optimizer.zero_grad()
            for i in range(len(inputs)):
                logits, state = model(inputs[i].unsqueeze(0), state)
                loss += F.cross_entropy(logits, targets[i].unsqueeze(0))
            loss /= len(inputs)
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def bare(lesson, num_iter):
    """Return a function that runs num_iter iterations of nothing but PyTorch."""
    rng = np.random.default_rng(0)
    inputs, targets = lesson["draw_example"](lesson["text"], 200, rng)
    model, optimizer = lesson["model"], lesson["optimizer"]

    def run():
        for _ in range(num_iter):
            logits, _ = model(inputs)
            loss = F.cross_entropy(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def medians(forms, repeats):
    """Return milliseconds per iteration of each (function, iterations), in turns."""
    times = {name: [] for name in forms}
    for repeat in range(repeats + 1):
        for name, (run, num_iter) in forms.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                run()
                elapsed = time.perf_counter() - started
            if repeat > 0:  # the first warms up
                times[name].append(1000 * elapsed / num_iter)
    return {name: statistics.median(values) for name, values in times.items()}


def main(repeats):
    """Print a table for each device, with and without PyTorch's fused LSTM."""
    devices = {"cpu": torch.backends.mkldnn}
    if torch.cuda.is_available():
        devices["cuda"] = torch.backends.cudnn
    for device, fast in devices.items():
        loop, lesson = ready("lstmcell", device), ready("lstmcell", device)
        single, whole, floor = (ready("lstm", device) for _ in range(3))
        one_by_one = lesson.cells["train"]  # runs with either model
        forms = {
            "the lecture's plain loop": (lecture(loop, 1), 1),
            "char_rnn_lstmcell.ipynb": (cell(lesson, one_by_one, 1), 1),
            "nn.LSTM, one character per call": (cell(single, one_by_one, 1), 1),
            "char_rnn_lstm.ipynb": (cell(whole, whole.cells["train"], 20), 20),
            "bare PyTorch": (bare(floor, 20), 20),
        }
        for enabled in True, False:
            with fast.flags(enabled=enabled):
                ms = medians(forms, repeats)
            print(f"\n{fast.__name__} {'on' if enabled else 'off'}: ms per iteration")
            for name, value in ms.items():
                print(f"{name:32s} {value:7.2f}")
            loop_ms, lesson_ms, single_ms, whole_ms, bare_ms = ms.values()
            print(f"lesson / lecture {lesson_ms / loop_ms:.2f}", end=", ")
            print(f"laboratory / bare {whole_ms / bare_ms:.2f}", end=", ")
            print(f"one per call / laboratory {single_ms / whole_ms:.1f}")


if __name__ == "__main__":
    print("PyTorch", torch.__version__)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
