"""Run the notebooks, save them with their outputs, and print what to read again.

.venv/bin/python tests/refresh.py [--replay] [lstmcell | lstm]    both, if none is named

What `replay.py` needs is kept in tests/stored. With --replay, nothing is trained: the
training's log and plot stay as they are, and all other cells run with stored networks.
A notebook, and what belongs to it, is written when all its cells have run.
"""

import base64
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
import notebooks
from notebooks import LESSON, STORED, code_cells
from replay import drawn, images, kept, replay

# What the kernel also runs, at the end of these cells; {0}: a copy of tests/stored
IMPORT = "\nimport sys; sys.path.append('tests'); import replay\n"
KEEP = {
    "train": """
torch.save(model.state_dict(), "{0}/{1}.pt")
torch.save(torch.get_rng_state(), "{0}/{1}_random.pt")  # the next samples go by it""",
    "learn": IMPORT + 'learn = replay.keep(learn, "{0}/experiments.pt")',
}
RECALL = {
    "train": """
model.load_state_dict(torch.load("{0}/{1}.pt", weights_only=True))
torch.set_rng_state(torch.load("{0}/{1}_random.pt", weights_only=True))""",
    "learn": IMPORT
    + 'learn, NUM_ITER = replay.recall(learn, "{0}/experiments.pt", []), 0',
}


def run(notebook, name, folder, replayed):
    """Run all cells but, if replayed, the training; networks are those of folder."""
    cells = code_cells(notebook)
    sources = {key: cell.source for key, cell in cells.items()}
    log = cells["train"].outputs
    if replayed:
        cells["train"].source = ""
    for key in cells.keys() & KEEP.keys():
        code = RECALL[key] if replayed else KEEP[key]
        cells[key].source += code.format(folder, name)
    notebooks.execute(notebook, notebooks.ROOT)
    for key, cell in cells.items():
        cell.source = sources[key]
    if replayed:
        cells["train"].outputs = log


replayed = "--replay" in sys.argv
names = [name for name in sys.argv[1:] if name != "--replay"]
prose = [(notebooks.ROOT / "README.md").read_text(encoding="utf-8")]
for name in names or notebooks.PATHS:
    print(notebooks.PATHS[name].name, flush=True)
    notebook = notebooks.read(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(STORED, Path(temporary) / "stored"))
        run(notebook, name, folder.as_posix(), replayed)
        notebook.metadata.language_info.pop("version", None)  # of Python
        texts = drawn(replay(name, notebooks.outputs(notebook), folder))
        if replayed:
            texts["train"] = kept(name)["train"]
        texts["images"] = images(notebook)
        text = "".join(f"## {key}\n{text}" for key, text in texts.items())
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        if name == LESSON:  # README shows how it has learned
            outputs = code_cells(notebook)["train"].outputs
            (png,) = [out.data["image/png"] for out in outputs if "data" in out]
            (folder / f"{name}.png").write_bytes(base64.b64decode(png))
        nbformat.write(notebook, notebooks.PATHS[name])
        shutil.copytree(folder, STORED, dirs_exist_ok=True)
    prose += [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
print("\nRead again, and correct:")
for source in prose:
    for paragraph in re.split(r"\n\s*\n", source):
        if re.search(r"stored\s+run|run\s+stored", paragraph):
            print(f"\n{paragraph}")
