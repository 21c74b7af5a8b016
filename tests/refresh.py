"""Run the notebooks afresh and save them: python tests/refresh.py [lstmcell | lstm]"""

import base64
import sys

import drawing
import nbformat
from notebooks import PATHS, ROOT, code_cells, execute, printed, read

for name in sys.argv[1:] or PATHS:
    notebook = read(name)
    language = dict(notebook.metadata.language_info)
    for cell in notebook.cells:
        if "attachment:lstm.png" in cell.source:
            picture = base64.b64encode(drawing.draw()).decode()
            cell.attachments = {"lstm.png": {"image/png": picture}}
    execute(notebook, ROOT)
    notebook.metadata.language_info = language  # without the version of Python
    nbformat.write(notebook, PATHS[name])
    print(f"{PATHS[name].name}: {printed(code_cells(notebook)['perplexity'])}")
