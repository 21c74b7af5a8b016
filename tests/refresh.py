"""Run the notebooks afresh and save them with their outputs.

python tests/refresh.py [lstmcell | lstm]           run, then save
python tests/refresh.py --tidy [lstmcell | lstm]    only clear what JupyterLab adds
"""

import argparse
import base64

import drawing
import nbformat
import notebooks


def attach_drawing(notebook):
    """Attach the drawing of the LSTM to the cell that shows it."""
    for cell in notebook.cells:
        if "attachment:lstm.png" in cell.source:
            picture = base64.b64encode(drawing.draw()).decode()
            cell.attachments = {"lstm.png": {"image/png": picture}}


parser = argparse.ArgumentParser()
parser.add_argument("names", nargs="*", default=list(notebooks.PATHS))
parser.add_argument("--tidy", action="store_true")
arguments = parser.parse_args()

for name in arguments.names:
    path = notebooks.PATHS[name]
    notebook = notebooks.read(name)
    if not arguments.tidy:
        attach_drawing(notebook)
        notebooks.execute(notebook, notebooks.ROOT)
        notebook.metadata.stored_run = {
            "code_crc32": notebooks.code_checksum(notebook),
            "outputs_crc32": notebooks.output_checksum(notebook),
        }
        cells = notebooks.code_cells(notebook)
        print(f"{path.name}: {notebooks.printed(cells['perplexity'])}")
    notebooks.tidy(notebook)
    nbformat.write(notebook, path)
