"""Run the notebooks afresh and save them with their outputs.

.venv/bin/python tests/refresh.py [lstmcell | lstm]           run, then save
.venv/bin/python tests/refresh.py --tidy [lstmcell | lstm]    clear what Jupyter adds
"""

import argparse

import nbformat
import notebooks


def say(cell, **_):
    """Say which cell is running."""
    if cell.cell_type == "code":
        print(" ", cell.id, flush=True)


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
            notebooks.execute(notebook, notebooks.ROOT, on_cell_start=say)
        notebooks.tidy(notebook)
        nbformat.write(notebook, notebooks.PATHS[name])


if __name__ == "__main__":
    main()
