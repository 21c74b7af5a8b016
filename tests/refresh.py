"""Run the notebooks afresh, save them with their outputs, and print what to read again.

.venv/bin/python tests/refresh.py [lstmcell | lstm]           both, if none is named
.venv/bin/python tests/refresh.py --tidy [lstmcell | lstm]    without running them
"""

import re
import sys

import nbformat
import notebooks


def say(cell, **_):
    """Say which cell is running."""
    if cell.cell_type == "code":
        print(" ", cell.id, flush=True)


names = [word for word in sys.argv[1:] if word != "--tidy"]
sources = [(notebooks.ROOT / "README.md").read_text(encoding="utf-8")]
for name in names or notebooks.PATHS:
    print(notebooks.PATHS[name].name, flush=True)
    notebook = notebooks.read(name)
    if "--tidy" not in sys.argv:
        notebooks.execute(notebook, notebooks.ROOT, on_cell_start=say)
    notebooks.tidy(notebook)
    nbformat.write(notebook, notebooks.PATHS[name])
    sources += [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
if "--tidy" in sys.argv:
    sys.exit()
print("\nRead again, and correct:")
for source in sources:
    for sentence in re.split(r"(?<=[.?!])\s+", " ".join(source.split())):
        if "in the stored run" in sentence.lower():
            print("-", sentence)
