"""Run the laboratory's experiments with several seeds, and compare what they print.

.venv/bin/python tests/seeds.py 123 1 2                            all experiments
.venv/bin/python tests/seeds.py 123 1 2 --cells asker exchange     these cells alone
.venv/bin/python tests/seeds.py 123 1 2 --figures FOLDER           with their figures

A cell is run after all those above the experiments, and after those of its own section.
For a run that rounds otherwise, set ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2.
"""

import argparse
import time
from pathlib import Path

import matplotlib
from notebooks import LABORATORY, Notebook, read, sections

LAST = "learn"  # the last cell above the experiments


def experiments():
    """Return {cell id: ids of the cells that it needs, itself included}, for all cells
    of the experiments: those above it, from the last heading of the second level on."""
    notebook = read(LABORATORY)
    cells, found, needed = sections(notebook), {}, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            needed = []
        if cell.id in cells:
            needed = [*needed, cell.id]
            found[cell.id] = needed
    return dict(list(found.items())[list(found).index(LAST) + 1 :])


def run(seed, cell_ids, printed, figures=None, **settings):
    """Run the cells with a seed, and add {cell id: what it printed} to printed.

    figures: a folder for what the cells draw, as CELL_SEED.png.
    """
    start = time.perf_counter()

    def say(what):
        minutes = (time.perf_counter() - start) / 60
        print(f"  {minutes:4.1f} min  seed {seed}: {what}", flush=True)

    say("the cells above the experiments")
    notebook = Notebook(LABORATORY, LAST, RANDOM_SEED=seed, **settings)
    needed = {each for cell_id in cell_ids for each in experiments()[cell_id]}
    for cell_id in [each for each in experiments() if each in needed]:
        say(cell_id)
        notebook.run(cell_id)
        if cell_id in cell_ids:
            printed[cell_id] = notebook.out[cell_id]
            for n, figure in enumerate(notebook.figures[cell_id]):
                if figures:
                    name = f"{cell_id}_{seed}{'_' + str(n + 1) if n else ''}.png"
                    figure.savefig(Path(figures) / name, dpi=150)
    say("done")


def compared(results, cell_ids):
    """Return what the cells printed, {seed: {cell id: text}}, seed beside seed: line
    by line where all seeds have as many lines, and one after the other elsewhere."""
    rows = []
    for cell_id in cell_ids:
        texts = {
            seed: found[cell_id] for seed, found in results.items() if cell_id in found
        }
        lines = {seed: text.splitlines() for seed, text in texts.items()}
        rows.append(f"\n=== {cell_id}")
        if len({len(each) for each in lines.values()}) == 1:
            for group in zip(*lines.values()):
                rows += [
                    f"{seed:>5} | {line}" for seed, line in zip(lines, group) if line
                ]
        else:
            for seed, each in lines.items():
                rows += [f"{seed:>5} | {line}" for line in each]
    return "\n".join(rows)


def main():
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description="Repeat the laboratory's experiments.")
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    parser.add_argument("--cells", nargs="+", choices=experiments(), metavar="CELL")
    parser.add_argument("--figures", metavar="FOLDER", help="a folder for the figures")
    arguments = parser.parse_args()
    cell_ids = arguments.cells or list(experiments())
    if arguments.figures:
        Path(arguments.figures).mkdir(parents=True, exist_ok=True)
    results = {seed: {} for seed in arguments.seeds}
    try:
        for seed in arguments.seeds:
            try:
                run(seed, cell_ids, results[seed], arguments.figures)
            except Exception as error:  # the other seeds can still run
                print(f"  seed {seed} failed: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        print("  interrupted")
    print(compared(results, cell_ids))


if __name__ == "__main__":
    main()
