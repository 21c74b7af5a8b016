"""The numbers of a short run of all cells, kept in tests/transcript_*.txt.

To write the files anew: .venv/bin/python tests/transcript.py

Both notebooks run in this process with 30 iterations and small sizes. Kept are the
numbers that each cell prints, and those of the lines, bars, and images that it draws;
no words, no colors. Times, rounding errors, what is drawn at random, and the made-up
sentences are left out.
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
    """Return the numbers of a figure's lines, bars, and images, each as a list; of a
    line with more than 100 points, the last one is enough."""
    artists = []
    for axes in figure.axes:
        for line in axes.lines:
            x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
            level = len(y) == 2 and y[0] == y[1]
            artists.append(list(y[-1:] if level or len(y) > 100 else (*x, *y)))
        for bars in axes.containers:
            artists.append(list(bars.datavalues))
        for image in axes.images:
            artists.append(list(np.ma.compressed(image.get_array())))
    return [[written(number) for number in artist] for artist in artists if artist]


def written(number):
    """Return a number that is drawn as a string, with three decimals if it has any."""
    return f"{number:.0f}" if number == round(number) else f"{number:.3f}"


def transcript(notebook):
    """Return {cell id: [("prints", numbers), ("draws", numbers), ...]}."""
    entries = {}
    for cell_id, out in notebook.out.items():
        printed = numbers(re.sub(TIME, "", out))
        rows = [("prints", [number for number in printed if "e" not in number])]
        for figure in notebook.figures[cell_id]:
            rows += [("draws", artist) for artist in drawn(figure)]
        if cell_id not in NOT_KEPT:
            entries[cell_id] = [row for row in rows if row[1]]
    return entries


def load(name):
    """Return the transcript in the file."""
    entries = {}
    for line in path(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            cell_id, kind, *found = line.split()
            entries.setdefault(cell_id, []).append((kind, found))
    return entries


def save(name, entries):
    """Write the transcript to the file."""
    lines = ["# To renew: .venv/bin/python tests/transcript.py"]
    for cell_id, rows in entries.items():
        lines += [" ".join([cell_id, kind, *found]) for kind, found in rows]
    path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def first_difference(row, others):
    """Return which number of row is the first that no other row has at its place, as
    "place 7: 4.1 was 4.3"; None if one of them has all, whatever is around them."""
    furthest, now = -1, "nothing"
    for other in others:
        for start in range(len(other)):
            pairs = list(zip(row, other[start:]))
            same = [agree(*pair) for pair in pairs]
            num_same = (same + [False]).index(False)
            if num_same == len(row):
                return None
            if num_same > furthest:
                furthest = num_same
                now = (other[start:] + ["nothing"])[num_same]
    furthest = max(furthest, 0)
    return f"place {furthest + 1}: {now} was {row[furthest]}"


def differences(old, new):
    """Return what of the old transcript is missing in the new one, as strings.

    A cell that is gone is no difference, nor is a number that was added.
    """
    lost = []
    for cell_id in [key for key in old if key in new]:
        for kind, row in old[cell_id]:
            others = [other for other_kind, other in new[cell_id] if other_kind == kind]
            found = first_difference(row, others)
            if found:
                lost.append(f"{cell_id} {kind} another number, at {found}")
    return lost


def main():
    """Write the files anew: `git diff` shows what differs."""
    matplotlib.use("agg")
    for name in PATHS:
        save(name, transcript(run(name)))
        print("written:", path(name).name)


if __name__ == "__main__":
    main()
