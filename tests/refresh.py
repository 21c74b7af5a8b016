"""Run the notebooks afresh with their default settings and save their outputs.

python tests/refresh.py            both
python tests/refresh.py lstmcell   one of them
"""

import sys

import nbformat
from nbclient import NotebookClient
from notebooks import PATHS, ROOT, code_cells, outputs_text, read

for name in sys.argv[1:] or PATHS:
    notebook = read(name)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": ROOT}},
    )
    client.execute()
    notebook.metadata.language_info = {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    }
    nbformat.write(notebook, PATHS[name])
    print(f"{PATHS[name].name}: {outputs_text(code_cells(notebook)['perplexity'])}")
