"""Run the notebooks afresh and save them with their outputs.

.venv/bin/python tests/refresh.py [lstmcell | lstm]           run, then save
.venv/bin/python tests/refresh.py --tidy [lstmcell | lstm]    clear what Jupyter adds
"""

import argparse
import time

import nbformat
import notebooks


def run(notebook):
    """Run all cells in the project's folder, and say which one is running."""
    code = list(notebooks.code_cells(notebook))
    start = time.perf_counter()

    def say(cell, **_):
        if cell.cell_type == "code":
            minutes = (time.perf_counter() - start) / 60
            place = f"cell {code.index(cell.id) + 1} of {len(code)}"
            print(f"  {minutes:4.1f} min  {place}: {cell.id}", flush=True)

    notebooks.execute(notebook, notebooks.ROOT, on_cell_start=say)


def main():
    parser = argparse.ArgumentParser(description="Run the notebooks and save them.")
    parser.add_argument("name", nargs="?", choices=list(notebooks.PATHS))
    parser.add_argument("--tidy", action="store_true", help="do not run them")
    arguments = parser.parse_args()
    names = [arguments.name] if arguments.name else list(notebooks.PATHS)
    for name in names:
        print(notebooks.PATHS[name].name, flush=True)
        notebook = notebooks.read(name)
        if not arguments.tidy:
            run(notebook)
        notebooks.tidy(notebook)
        nbformat.write(notebook, notebooks.PATHS[name])


if __name__ == "__main__":
    main()
