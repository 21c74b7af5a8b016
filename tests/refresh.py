"""Run the notebooks afresh with their default settings and save their outputs.

python tests/refresh.py            both
python tests/refresh.py lstmcell   one of them
"""

import sys

import nbformat
from notebooks import PATHS, ROOT, code_cells, execute, printed, read

for name in sys.argv[1:] or PATHS:
    notebook = read(name)
    language = dict(notebook.metadata.language_info)
    execute(notebook, ROOT)
    notebook.metadata.language_info = language  # without the version of Python
    nbformat.write(notebook, PATHS[name])
    print(f"{PATHS[name].name}: {printed(code_cells(notebook)['perplexity'])}")
