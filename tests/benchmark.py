"""Measure milliseconds per training iteration: python tests/benchmark.py [REPEATS]

Runs the notebooks' own training cells beside the lecture's loop and bare PyTorch, all
in turns in one process, so that what counts are the ratios at the end.
"""

import contextlib
import io
import statistics
import sys
import time

import matplotlib
import torch
from notebooks import LABORATORY, LESSON, Notebook, lecture_losses
from torch.nn import functional as F

LECTURE_LOOP = "the lecture's plain loop"
LESSON_CELL = "char_rnn_lstmcell.ipynb"
LABORATORY_CELL = "char_rnn_lstm.ipynb"
BARE = "bare PyTorch"


def train_lecture_loop(notebook):
    lecture_losses(notebook, notebook["NUM_ITER"])


def train_cell(notebook):
    notebook.run("train")


def train_bare(notebook):
    """Train for NUM_ITER iterations on one example, with nothing but PyTorch."""
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
    LECTURE_LOOP: (LESSON, 2, train_lecture_loop),
    LESSON_CELL: (LESSON, 2, train_cell),
    LABORATORY_CELL: (LABORATORY, 50, train_cell),
    BARE: (LABORATORY, 50, train_bare),
}


def medians(device, repeats):
    """Return {form: milliseconds per iteration}, measured in turns."""
    notebooks, times = {}, {}
    for form, (name, num_iter, _) in FORMS.items():
        settings = {"DEVICE": device, "NUM_ITER": num_iter, "LOG_EVERY": 10**9}
        notebook = Notebook(name, "setup", **settings)
        notebook.update(generate=lambda *_: "", loss_figure=lambda *_: None)
        notebooks[form], times[form] = notebook, []
    for _ in range(repeats + 1):  # the first turn warms up
        for form, (_, num_iter, train) in FORMS.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                train(notebooks[form])
                elapsed = time.perf_counter() - started
            times[form].append(1000 * elapsed / num_iter)
    return {form: statistics.median(turns[1:]) for form, turns in times.items()}


def main():
    matplotlib.use("agg")
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print("PyTorch", torch.__version__)
    libraries = {"cpu": torch.backends.mkldnn}  # oneDNN's former name
    if torch.cuda.is_available():
        libraries["cuda"] = torch.backends.cudnn
    for device, library in libraries.items():
        for enabled in True, False:
            with library.flags(enabled=enabled):
                ms = medians(device, repeats)
            state = "on" if enabled else "off"
            print(f"\n{library.__name__} {state}: milliseconds per iteration")
            for form, found in ms.items():
                print(f"{form:32s} {found:7.2f}")
            print(f"lesson / lecture  {ms[LESSON_CELL] / ms[LECTURE_LOOP]:.2f}")
            print(f"laboratory / bare {ms[LABORATORY_CELL] / ms[BARE]:.2f}")
            print(f"lesson / laboratory {ms[LESSON_CELL] / ms[LABORATORY_CELL]:.1f}")


if __name__ == "__main__":
    main()
