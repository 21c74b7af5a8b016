"""The numbers of a short run of all cells, kept in tests/transcript_*.txt.

python tests/transcript.py            show what differs from the files
python tests/transcript.py --renew    show it, and write the files anew

Both notebooks run in this process with 30 iterations and small sizes. Kept are the
numbers that each cell prints, and those of the lines, bars, and images that it draws;
no words, no colors. Times and rounding errors are left out, and so are a few cells.
Numbers agree if they are within 1 %, or within one unit of the last digit printed; for
percentages and shares of pairs, which jump after so few iterations, within two points.
"""

import argparse
import re
import tempfile
from itertools import takewhile
from pathlib import Path

import matplotlib
import numpy as np
from notebooks import (
    FAQ,
    PATHS,
    Notebook,
    code_cells,
    numbers,
    read,
    value,
    with_fewer_predictions,
)

NOT_RUN = ("baselines-write", "one-call")  # samples; times and rounding errors
NOT_KEPT = ("imports", "generate")  # versions; PyTorch's versions draw differently
SHARES = {"pairs", "pays"}
TIME = r"\d[\d.:]* ?(?:ms|min|minutes|s|seconds)\b"
SETTINGS = {
    "NUM_ITER": 30,
    "TEXT_PORTION_SIZE": 60,
    "EMBEDDING_DIM": 12,
    "HIDDEN_DIM": 24,
    "LOG_EVERY": 20,
}


def path(name):
    return Path(__file__).parent / f"transcript_{name}.txt"


def run(name):
    """Return the notebook after all its cells, with small settings and no samples."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "own.txt"
        text.write_text(FAQ.read_text(encoding="utf-8")[:20000], encoding="utf-8")
        files = {"TEXT_FILE": str(text), "LOSS_PLOT_FILE": str(Path(folder) / "a.pdf")}
        notebook = Notebook(name, "generate", skip=NOT_RUN, **SETTINGS | files)
        notebook["generate"] = lambda model, prime_str, *_: prime_str
        for cell_id in notebook.after("generate"):
            source = with_fewer_predictions(notebook.cells[cell_id])
            notebook.cells[cell_id] = source
            if cell_id not in NOT_RUN:
                notebook.run(cell_id)
    return notebook


def drawn(figure):
    """Return the numbers of a figure's lines, bars, and images, each as a list."""
    artists = []
    for axes in figure.axes:
        for line in axes.lines:
            x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
            level = len(y) == 2 and y[0] == y[1]
            artists.append(list(y[:1] if level else (*x, *y)))
        for bars in axes.containers:
            artists.append([bar.get_height() for bar in bars if bar.get_height()])
        for image in axes.images:
            artists.append(list(np.ravel(image.get_array())))
    return [[f"{number:.4g}" for number in artist] for artist in artists if artist]


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
    lines = ["# To renew: python tests/transcript.py --renew"]
    for cell_id, rows in entries.items():
        lines += [" ".join([cell_id, kind, *found]) for kind, found in rows]
    path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def agree(old, new, is_share):
    """Return whether two numbers, as strings, are the same within the tolerance."""
    if old.endswith("%"):
        tolerance = 2
    elif is_share and value(old) <= 1:
        tolerance = 0.021
    elif "." in old:
        decimals = len(old.partition(".")[2])
        tolerance = max(0.01 * abs(value(old)), 1.01 * 10**-decimals, 0.002)
    else:
        tolerance = 0
    return abs(value(old) - value(new)) <= tolerance


def all_agree(old, new, is_share, drawn=False):
    """Return whether two lists of numbers agree; those drawn have four digits."""
    if len(old) != len(new):
        return False
    if drawn:
        old = [number if "." in number else f"{number}.0" for number in old]
    return all(agree(a, b, is_share) for a, b in zip(old, new))


def missing(old_rows, new_rows, is_share):
    """Return what of a cell's old rows is not among the new ones. The order counts for
    what is printed, but not for what is drawn, where more may have been added."""
    lost = []
    old = [number for kind, row in old_rows if kind == "prints" for number in row]
    new = [number for kind, row in new_rows if kind == "prints" for number in row]
    if not all_agree(old, new, is_share):
        lost.append(f"prints {' '.join(new)}\n  before {' '.join(old)}")
    artists = [row for kind, row in new_rows if kind == "draws"]
    for kind, row in old_rows:
        if kind == "draws":
            same = [new for new in artists if all_agree(row, new, is_share, True)]
            if same:
                artists.remove(same[0])
            else:
                lost.append(f"no longer draws {' '.join(row)}")
    return lost


def differences(old, new):
    """Return what of the old transcript is missing in the new one, as strings.

    A cell that is gone, or new, is no difference. The numbers of a cell may also stand
    in new cells beside it, for it may have been split.
    """
    lost = []
    for cell_id, rows in old.items():
        if cell_id not in new:
            continue
        is_share = cell_id in SHARES
        in_cell = missing(rows, new[cell_id], is_share)
        ids = list(new)
        place = ids.index(cell_id)
        after = list(takewhile(lambda key: key not in old, ids[place + 1 :]))
        before = list(takewhile(lambda key: key not in old, ids[:place][::-1]))[::-1]
        around = [row for key in (*before, cell_id, *after) for row in new[key]]
        if in_cell and missing(rows, around, is_share):
            lost += [f"{cell_id} {difference}" for difference in in_cell]
    return lost


def main():
    parser = argparse.ArgumentParser(description="The numbers of a short run.")
    parser.add_argument("--renew", action="store_true", help="write the files anew")
    arguments = parser.parse_args()
    matplotlib.use("agg")
    for name in PATHS:
        new = transcript(run(name))
        old = load(name) if path(name).exists() else {}
        lost = differences(old, new)
        for cell_id in code_cells(read(name)):
            if new.get(cell_id) and cell_id not in old:
                lost.append(f"{cell_id} is new")
        lost += [f"{cell_id} is gone" for cell_id in old if cell_id not in new]
        print(PATHS[name].name)
        print("\n".join(lost) if lost else "no difference")
        if arguments.renew:
            save(name, new)


if __name__ == "__main__":
    main()
