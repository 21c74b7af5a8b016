"""Run the notebooks, save them with their outputs, and print what to read again.

What `replay.py` needs is kept in tests/stored. A notebook, and what belongs to it, is
written when all its cells have run.
"""

import argparse
import base64
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
from notebooks import LESSON, PATHS, ROOT, STORED, code_cells, execute, outputs, read
from replay import description, replay, settings_of, stored_description

# What the kernel also runs, at the end of these cells; {0}: a copy of tests/stored
LEARN = """
import sys; sys.path.append("tests"); import replay
learn = replay.recall(learn, "{0}/experiments.pt", [], save=True)"""
KEEP = """
torch.save(model.state_dict(), "{0}/{1}.pt")
torch.save(torch.get_rng_state(), "{0}/{1}_random.pt")  # the next samples go by it"""
RECALL = """
model.load_state_dict(torch.load("{0}/{1}.pt", weights_only=True))
torch.set_rng_state(torch.load("{0}/{1}_random.pt", weights_only=True))"""


def run(notebook, name, folder, replayed):
    """Run all cells but, if replayed, the training; networks are those of folder."""
    cells, old = code_cells(notebook), code_cells(read(name))
    if replayed:
        cells["train"].source = ""
    for key, code in {"train": RECALL if replayed else KEEP, "learn": LEARN}.items():
        if key in cells:
            cells[key].source += code.format(folder.as_posix(), name)
    execute(notebook, ROOT)
    for key in cells:
        cells[key].source = old[key].source
    if replayed:
        cells["train"].outputs = old["train"].outputs
    notebook.metadata.language_info.pop("version", None)  # of Python


def shown(page, drawn):
    """Return, cell by cell, what a page prints, but for times, and draws."""
    printed = outputs(page)
    texts = [printed.get(c.id, "") + drawn.get(c.id, "") for c in page.cells]
    return [re.sub(r"[\d.]+ (ms|min)", "", text) for text in texts]


def to_read(page, before, now, replayed):
    """Return texts beside changed outputs, and paragraphs about a new stored run."""
    changed = {n for n, pair in enumerate(zip(before, now)) if pair[0] != pair[1]}
    texts = {n: c.source for n, c in enumerate(page.cells) if c.cell_type == "markdown"}
    again = [text for n, text in texts.items() if changed & {n - 1, n + 1}]
    if not replayed:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        paragraphs = "\n\n".join([readme, *texts.values()]).split("\n\n")
        again += [p for p in paragraphs if re.search(r"stored\s+run|run\s+stored", p)]
    return again


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", nargs="?", choices=PATHS, help="both, if none is named")
told = "keep the training's log and plot, and train no network that is stored"
parser.add_argument("--replay", action="store_true", help=told)
asked = parser.parse_args()
names = [asked.name] if asked.name else PATHS
for name in names:
    if asked.replay and settings_of(name) != stored_description(name)["settings"]:
        parser.error(f"{name} has other settings than its stored run: omit --replay")
for name in names:
    print(PATHS[name].name, flush=True)
    notebook = read(name)
    before = shown(notebook, stored_description(name))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if asked.replay:
            shutil.copytree(STORED, folder, dirs_exist_ok=True)
        run(notebook, name, folder, asked.replay)
        texts = description(replay(name, outputs(notebook), folder))
        if asked.replay:
            texts["train"] = stored_description(name)["train"]
        text = "".join(f"## {key}\n{text}" for key, text in texts.items())
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        if name == LESSON:  # README shows how it has learned
            found = code_cells(notebook)["train"].outputs
            (png,) = [out.data["image/png"] for out in found if "data" in out]
            (folder / f"{name}.png").write_bytes(base64.b64decode(png))
        nbformat.write(notebook, PATHS[name])
        shutil.copytree(folder, STORED, dirs_exist_ok=True)
    again = to_read(notebook, before, shown(notebook, texts), asked.replay)
    if again:
        print("\nRead again; if they no longer hold, correct:", *again, sep="\n\n")
