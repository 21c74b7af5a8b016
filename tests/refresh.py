"""Run the notebooks afresh and save them with their outputs.

python tests/refresh.py [lstmcell | lstm]           run, then save
python tests/refresh.py --tidy [lstmcell | lstm]    only clear what JupyterLab adds
"""

import argparse

import nbformat
import notebooks


def run(notebook):
    """Run all cells in the project's folder; note what has run and what came out."""
    notebooks.execute(notebook, notebooks.ROOT)
    notebook.metadata.stored_run = {
        "text_crc32": notebooks.text_checksum(),
        "code_crc32": notebooks.code_checksum(notebook),
        "outputs_crc32": notebooks.output_checksum(notebook),
    }
    cells = notebooks.code_cells(notebook)
    print(notebooks.printed(cells["perplexity"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?", choices=list(notebooks.PATHS))
    parser.add_argument("--tidy", action="store_true")
    arguments = parser.parse_args()
    names = [arguments.name] if arguments.name else list(notebooks.PATHS)
    for name in names:
        notebook = notebooks.read(name)
        if not arguments.tidy:
            print(notebooks.PATHS[name].name)
            run(notebook)
        notebooks.tidy(notebook)
        nbformat.write(notebook, notebooks.PATHS[name])


if __name__ == "__main__":
    main()
