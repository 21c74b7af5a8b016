"""Run cells of the laboratory with several seeds, and print what they print.

.venv/bin/python tests/seeds.py 123 1 2

For a run that rounds otherwise, set ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2.
"""

import sys
import tempfile

import matplotlib
from notebooks import LABORATORY, Notebook

matplotlib.use("agg")
with tempfile.TemporaryDirectory() as folder:
    for seed in map(int, sys.argv[1:]):
        settings = {"RANDOM_SEED": seed, "LOSS_PLOT_FILE": f"{folder}/loss.pdf"}
        notebook = Notebook(LABORATORY, "train", **settings)
        for cell_id in notebook.after("train"):
            print(f"=== {cell_id}, seed {seed}\n{notebook.run(cell_id)}", flush=True)
