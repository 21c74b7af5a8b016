"""Run the notebooks, save them with their outputs, and print what to read again.

What `replay.py` needs is kept in tests/stored. A notebook, and what belongs to it, is
written when all its cells have run.
"""

import argparse
import base64
import json
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
from notebooks import LESSON, PATHS, ROOT, STORED, code_cells, execute, outputs, read
from replay import (
    description,
    log_of_ten,
    plain,
    replay,
    settings_of,
    stored_description,
)
from test_replay import differences

# What the kernel also runs, at the end of these cells, and last; {0}: a copy of
# tests/stored. PLOT draws the stored training.
LEARN = """
import sys; sys.path.append("tests"); import replay; learned = {{}}
stored = replay.stored_networks("{0}")
learn = replay.recall(globals(), stored, learned, sys.__stderr__)"""
LAST = """
learned = {{key: network.state_dict() for key, network in learned.items()}}
torch.save(learned, "{0}/experiments.pt")"""
KEEP = """
torch.save(model.state_dict(), "{0}/{1}.pt")
torch.save(torch.get_rng_state(), "{0}/{1}_random.pt")  # the next samples go by it
torch.save((losses, test_losses, samples), "{0}/{1}_plot.pt")"""
RECALL = """
model.load_state_dict(torch.load("{0}/{1}.pt", weights_only=True))
torch.set_rng_state(torch.load("{0}/{1}_random.pt", weights_only=True))"""
PLOT = """
display(plot_losses(*torch.load("{0}/{1}_plot.pt", weights_only=True)))"""


def run(notebook, name, folder, replayed):
    """Run all cells but, if replayed, the training; networks are those of folder."""
    cells, old = code_cells(notebook), code_cells(read(name))
    has_plot = (STORED / f"{name}_plot.pt").exists()
    if replayed:
        cells["train"].source = PLOT if has_plot else ""
    added = {"train": RECALL if replayed else KEEP}
    if "learn" in cells:
        notebook.cells.append(nbformat.v4.new_code_cell(id="last"))
        added |= {"learn": LEARN, "last": LAST}
    for key, code in added.items():
        code_cells(notebook)[key].source += code.format(folder.as_posix(), name)
    execute(notebook, ROOT)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "last"]
    for key, cell in cells.items():
        cell.source, before = old[key].source, old[key].outputs
        if replayed and key == "train":  # the log stays
            log = [out for out in before if out.output_type == "stream"]
            cell.outputs = cell.outputs + log if has_plot else before
        new_and_old = (
            json.dumps(out, sort_keys=True) for out in (cell.outputs, before)
        )
        if replayed and len({*map(plain, new_and_old)}) == 1:
            cell.outputs = before  # not the new times
    notebook.metadata.language_info.pop("version", None)  # of Python


def refusal(name):
    """Return why --replay cannot renew a notebook, or None."""
    stored, page = stored_description(name), outputs(read(name))
    if settings_of(name) != stored["settings"]:
        return "its settings are not those of the stored run"
    first = replay(name, page, until="train")
    first.run("train")
    if differences(first.out["train"], log_of_ten(page["train"])):
        return "its training gives other losses than the stored run"
    changed = differences(description(first)["train"], stored["train"])
    if changed and not (STORED / f"{name}_plot.pt").exists():
        return "its plot is drawn otherwise, and the losses of the stored run are gone"


def shown(page, drawn):
    """Return, cell by cell, what a page prints, but for times, and draws."""
    printed = outputs(page)
    return [
        plain(printed[cell.id]) + drawn.get(cell.id, "") if cell.id in printed else ""
        for cell in page.cells
    ]


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
told = "keep the training's log, and train no network that is stored"
parser.add_argument("--replay", action="store_true", help=told)
asked = parser.parse_args()
names = [asked.name] if asked.name else PATHS
for name in names:
    if asked.replay and (why := refusal(name)):
        parser.error(f"{why}: run refresh.py {name}, without --replay")
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
