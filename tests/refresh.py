"""Run the notebooks, and save them with their outputs.

What `replay.py` needs is kept in tests/stored. A notebook, and what belongs to it, is
written when all its cells have run.
"""

import argparse
import base64
import io
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
import replay
from matplotlib.image import imread
from notebooks import LESSON, PATHS, ROOT, STORED, code_cells, execute, read
from replay import plain

# What the kernel also runs, in these cells and last; {0}: a copy of tests/stored
GENERATE = """
import json, sys; sys.path.append("tests"); import replay
_folder, _learned, _written, _told = Path("{0}"), {{}}, {{}}, sys.__stderr__
_samples = lambda: _id, _learned, _folder / "{1}_samples.json", _written, _told
generate = replay.samples_of(globals(), *_samples)"""
LEARN = "\nlearn = replay.recall(globals(), _folder, _learned, _told)"
LAST = '\nreplay.keep(_folder, "{1}", _learned, _written)'
LOAD = '\nLOAD_NETWORK = "{0}/network_{1}.pt"'
LOG = """
_written["train"] = json.loads(_samples[2].read_text(encoding="utf-8"))["train"]"""


def same(old, new):
    """Tell whether two outputs show the same, but for times and invisible shades."""
    pictures = [out.get("data", {}).get("image/png") for out in (old, new)]
    if None in pictures:
        return plain(str(sorted(old.items()))) == plain(str(sorted(new.items())))
    old, new = (imread(io.BytesIO(base64.b64decode(each))) for each in pictures)
    return old.shape == new.shape and abs(old - new).max() < 0.01


def run(notebook, name, folder, replayed):
    """Run all cells, and keep networks and samples in folder; if replayed, use its."""
    cells, old = code_cells(notebook), code_cells(read(name))
    (save,) = replay.save_lines(name)
    added = {"generate": GENERATE, "learn": LEARN, "last": LAST}
    added["train"] = re.sub(r'"[^"]*"', '"{0}/network_{1}.pt"', f"\n{save}")
    if replayed:
        added |= {"parameters": LOAD, "train": LOG}
    notebook.cells.append(nbformat.v4.new_code_cell(id="last"))
    for key, cell in code_cells(notebook).items():
        extra = added.get(key, "").format(folder.as_posix(), name)
        cell.source = f"_id = {key!r}\n{cell.source}{extra}"
    execute(notebook, ROOT)
    notebook.cells.pop()
    for key, cell in cells.items():
        cell.source, before = old[key].source, old[key].outputs
        if replayed and key == "setup":  # not that it was loaded
            cell.outputs = before
        if replayed and key == "train":  # the new plot and the old log
            cell.outputs = cell.outputs[:1] + before[1:]
        if len(before) == len(cell.outputs) and all(map(same, before, cell.outputs)):
            cell.outputs = before  # not the new times
    notebook.metadata.language_info.pop("version", None)  # of Python


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", nargs="?", choices=PATHS, help="both, if none is named")
told = "keep the training's log, and train no network that is stored"
parser.add_argument("--replay", action="store_true", help=told)
asked = parser.parse_args()
names = [asked.name] if asked.name else PATHS
for name in names:
    if len(replay.save_lines(name)) != 1:
        parser.exit(2, f"{name}: parameters-intro should have one torch.save line.\n")
    if not asked.replay:
        continue
    for file in (f"{name}.txt", f"{name}_samples.json", f"network_{name}.pt"):
        if not (STORED / file).exists():
            parser.exit(2, f"tests/stored/{file} is missing, and --replay needs it.\n")
    if replay.stored_description(name)["settings"] != replay.settings_of(name):
        parser.exit(2, f"{name}: settings have changed. Omit --replay.\n")
for name in names:
    print(PATHS[name].name, flush=True)
    notebook = read(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if asked.replay:
            shutil.copytree(STORED, folder, dirs_exist_ok=True)
        run(notebook, name, folder, asked.replay)
        replayed = replay.replay(name, folder)
        texts = replay.description(replayed)
        text = "".join(f"## {key}\n{text}" for key, text in texts.items())
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        if name == LESSON:  # README shows how it has learned
            found = code_cells(notebook)["train"].outputs
            (png,) = [out.data["image/png"] for out in found if "data" in out]
            (folder / f"{name}.png").write_bytes(base64.b64decode(png))
        nbformat.write(notebook, PATHS[name])
        shutil.copytree(folder, STORED, dirs_exist_ok=True)
