"""Measure milliseconds per training iteration: python tests/benchmark.py [REPEATS]

Runs the notebooks' own training cells beside the lecture's loop and bare PyTorch.
"""

import contextlib
import io
import statistics
import sys
import time

import torch
from notebooks import Lesson, lecture_losses
from torch.nn import functional as F


def bare(ns):
    """Train for NUM_ITER iterations on one example, with nothing but PyTorch."""
    inputs, targets = ns["draw_example"](ns["text"], 200, ns["train_rng"])
    for _ in range(ns["NUM_ITER"]):
        logits, _ = ns["model"](inputs)
        loss = F.cross_entropy(logits, targets)
        ns["optimizer"].zero_grad()
        loss.backward()
        ns["optimizer"].step()
        loss.item()


def medians(device, repeats):
    """Return milliseconds per iteration of each form, measured in turns."""
    one_by_one = Lesson("lstmcell", "imports").cells["train"]  # runs with any model
    forms = {
        "the lecture's plain loop": ("lstmcell", 2, lambda ns: lecture_losses(ns, 2)),
        "char_rnn_lstmcell.ipynb": ("lstmcell", 2, lambda ns: ns.run("train")),
        "nn.LSTM, one character per call": ("lstm", 2, lambda ns: exec(one_by_one, ns)),
        "char_rnn_lstm.ipynb": ("lstm", 50, lambda ns: ns.run("train")),
        "bare PyTorch": ("lstm", 50, bare),
    }
    spaces, times = {}, {form: [] for form in forms}
    for form, (name, num_iter, _) in forms.items():
        settings = {"DEVICE": device, "NUM_ITER": num_iter, "LOG_EVERY": 10**9}
        spaces[form] = Lesson(name, "setup", **settings)
        spaces[form] |= {"generate": lambda *_: "", "loss_figure": lambda *_: None}
    for _ in range(repeats + 1):
        for form, (_, num_iter, train) in forms.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                train(spaces[form])
                elapsed = time.perf_counter() - started
            times[form].append(1000 * elapsed / num_iter)
    return {form: statistics.median(ms[1:]) for form, ms in times.items()}


if __name__ == "__main__":
    print("PyTorch", torch.__version__)
    devices = {"cpu": torch.backends.mkldnn}
    if torch.cuda.is_available():
        devices["cuda"] = torch.backends.cudnn
    for device, fast in devices.items():
        for enabled in True, False:
            with fast.flags(enabled=enabled):
                ms = medians(device, int(sys.argv[1]) if len(sys.argv) > 1 else 9)
            print(f"\n{fast.__name__} {'on' if enabled else 'off'}: ms per iteration")
            for form, value in ms.items():
                print(f"{form:32s} {value:7.2f}")
            loop, lesson, single, lab, floor = ms.values()
            print(f"lesson / lecture {lesson / loop:.2f}, laboratory / bare", end=" ")
            print(f"{lab / floor:.2f}, one per call / laboratory {single / lab:.1f}")
