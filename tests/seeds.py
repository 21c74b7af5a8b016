"""Run experiments of the laboratory with several seeds, and print what they print.

.venv/bin/python tests/seeds.py 123 1 2                            all experiments
.venv/bin/python tests/seeds.py 123 1 2 --cells asker exchange     these cells alone

For a run that rounds otherwise, set ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2.
"""

import argparse

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


def run(seed, cell_ids, **settings):
    """Run the cells with a seed, and print what they print."""
    settings = {"LOG_EVERY": 10**9, "RANDOM_SEED": seed} | settings
    notebook = Notebook(LABORATORY, LAST, **settings)
    needed = experiments()
    for cell_id in cell_ids:
        for each in needed[cell_id]:
            if each not in notebook.out:
                notebook.run(each)
        print(f"=== {cell_id}, seed {seed}\n{notebook.out[cell_id]}", flush=True)


def main():
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description="Repeat the laboratory's experiments.")
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    parser.add_argument("--cells", nargs="+", choices=experiments(), metavar="CELL")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        run(seed, arguments.cells or experiments())


if __name__ == "__main__":
    main()
