"""What a short run of all cells prints and draws, kept in tests/transcript_*.txt.

To write the files anew: .venv/bin/python tests/transcript.py

Both notebooks run in this process with 30 iterations and small sizes. Only numbers
count: words may change, and lines and numbers be added. Left out are times, rounding
errors, what is drawn at random, and the made-up sentences.
"""

import re
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from notebooks import FAQ, PATHS, Notebook, agree, numbers

# Versions; what PyTorch's versions draw differently; samples; speed; sentences
NOT_KEPT = ("imports", "generate", "baselines-write", "one-call", "seen")
TIME = r"\d[\d.:]* ?(?:ms|min|minutes|s|seconds)\b"
SETTINGS = {
    "NUM_ITER": 30,
    "TEXT_PORTION_SIZE": 60,
    "EMBEDDING_DIM": 12,
    "HIDDEN_DIM": 24,
    "LOG_EVERY": 20,
}


def path(name):
    """Return the file that keeps the transcript of a notebook."""
    return Path(__file__).parent / f"transcript_{name}.txt"


def run(name):
    """Return the notebook after all its cells, with small settings and no samples."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "own.txt"
        text.write_text(FAQ.read_text(encoding="utf-8")[:20000], encoding="utf-8")
        files = {"TEXT_FILE": str(text), "LOSS_PLOT_FILE": str(Path(folder) / "a.pdf")}
        notebook = Notebook(name, "generate", **SETTINGS | files)
        notebook["generate"] = lambda model, prime_str, *_, **__: prime_str
        notebook.run_after("generate")
    return notebook


def drawn(figure):
    """Return a line "draws LABEL: NUMBERS" for each curve, set of bars, and image; of a
    curve with more than 100 points, the last one is enough."""
    found = []
    for axes in figure.axes:
        for line in axes.lines:
            x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
            level = len(y) == 2 and y[0] == y[1]
            points = y[-1:] if level or len(y) > 100 else [*x, *y]
            found.append((line.get_label(), points))
        found += [(axes.get_title(), bars.datavalues) for bars in axes.containers]
        found += [("image", np.ma.compressed(im.get_array())) for im in axes.images]
    return [f"draws {name}: {' '.join(f'{x:.3f}' for x in row)}" for name, row in found]


def transcript(notebook):
    """Return {cell id: [line, ...]}."""
    entries = {}
    for cell_id in [key for key in notebook.out if key not in NOT_KEPT]:
        lines = re.sub(TIME, "", notebook.out[cell_id]).splitlines()
        for figure in notebook.figures[cell_id]:
            lines += drawn(figure)
        entries[cell_id] = [line for line in lines if counted(line)]
    return entries


def counted(line):
    """Return the numbers of a line that count, as strings: no rounding errors."""
    return [number for number in numbers(line) if "e" not in number]


def load(name):
    """Return the transcript in the file."""
    entries = {}
    for line in path(name).read_text(encoding="utf-8").splitlines():
        cell_id, _, kept = line.partition(" | ")
        entries.setdefault(cell_id, []).append(kept)
    return entries


def save(name, entries):
    """Write the transcript to the file."""
    lines = [f"{cell_id} | {line}" for cell_id in entries for line in entries[cell_id]]
    path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def has(line, old):
    """Return whether a line has the numbers of an old one, in order, others between."""
    found = iter(counted(line))
    return all(any(agree(number, other) for other in found) for number in counted(old))


def differences(old, new):
    """Return what of the old transcript is missing in the new one, as strings.

    A cell that is gone is no difference.
    """
    return [
        f"{cell_id}\n  before: {line[:200]}\n  now: {' / '.join(new[cell_id])[:600]}"
        for cell_id in old
        if cell_id in new
        for line in old[cell_id]
        if not any(has(other, line) for other in new[cell_id])
    ]


def main():
    """Write the files anew: `git diff` shows what differs."""
    matplotlib.use("agg")
    for name in PATHS:
        save(name, transcript(run(name)))
        print("written:", path(name).name)


if __name__ == "__main__":
    main()
