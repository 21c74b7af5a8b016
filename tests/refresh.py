"""Run the notebooks afresh, save them with their outputs, and print what to read again.

.venv/bin/python tests/refresh.py [lstmcell | lstm]    both, if none is named
"""

import re
import sys

import nbformat
import notebooks

sources = [(notebooks.ROOT / "README.md").read_text(encoding="utf-8")]
for name in sys.argv[1:] or notebooks.PATHS:
    print(notebooks.PATHS[name].name, flush=True)
    notebook = notebooks.read(name)
    notebooks.execute(notebook, notebooks.ROOT)
    notebooks.tidy(notebook)
    nbformat.write(notebook, notebooks.PATHS[name])
    sources += [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
print("\nRead again, and correct:")
for source in sources:
    for paragraph in re.split(r"\n\s*\n", source):
        if re.search(r"stored\s+run|run\s+stored", paragraph):
            print(f"\n{paragraph}")
