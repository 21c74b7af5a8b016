"""Run cells of the laboratory with several seeds, and print what they print.

.venv/bin/python tests/seeds.py 123 1 2

For a run that rounds otherwise, set ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2.
"""

import argparse
import tempfile

import matplotlib
from notebooks import LABORATORY, Notebook


def main():
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description="Repeat the laboratory's experiments.")
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        with tempfile.NamedTemporaryFile(suffix=".pdf") as plot:
            settings = {"RANDOM_SEED": seed, "LOSS_PLOT_FILE": plot.name}
            notebook = Notebook(LABORATORY, "train", **settings)
            for cell_id in notebook.after("train"):
                print(
                    f"=== {cell_id}, seed {seed}\n{notebook.run(cell_id)}", flush=True
                )


if __name__ == "__main__":
    main()
