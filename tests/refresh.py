"""Run the notebooks afresh and save them: python tests/refresh.py [lstmcell | lstm]"""

import base64
import sys
import zlib

import drawing
import nbformat
from notebooks import PATHS, ROOT, code_cells, execute, printed, read

for name in sys.argv[1:] or PATHS:
    notebook = read(name)
    for cell in notebook.cells:
        if "attachment:lstm.png" in cell.source:
            picture = base64.b64encode(drawing.draw()).decode()
            cell.attachments = {"lstm.png": {"image/png": picture}}
    execute(notebook, ROOT)
    del notebook.metadata.language_info["version"]
    code = "".join(cell.source for cell in code_cells(notebook).values())
    notebook.metadata["code_crc32"] = zlib.crc32(code.encode())  # what has run
    nbformat.write(notebook, PATHS[name])
    print(f"{PATHS[name].name}: {printed(code_cells(notebook)['perplexity'])}")
