"""Run a notebook again with the networks of its stored run, in seconds.

A training takes minutes, and ends with other weights on another processor. So only ten
iterations are trained; then, networks that `refresh.py` has kept are put in place. With
these, each processor prints and draws the same, but for last digits.
"""

import re
import sys
import zlib
from pathlib import Path
from string import printable

import torch
from describe import describe
from notebooks import STORED, Notebook, code_cells, read

NOT_STORED = "(not stored"


def network_key(layer, text, learning_rate, weight=None):
    """Return, as text, what `learn` is asked for: its network is stored by that."""
    weights = [] if weight is None else weight.tolist()
    weights = {char: n for char, n in zip(printable, weights) if n != 1}
    text = f"{text[:14]!r}... (sum {zlib.crc32(text.encode())})"
    return f"{layer.__name__}, {text}, {learning_rate=}, weights={weights or None}"


def recall(learn, file, asked, save=False):
    """Return a function that takes what file has, and learns the rest by `learn`.

    It adds to the list asked what each network is for. With save, file will have all
    networks that were asked for, and no others.
    """
    stored = torch.load(file, weights_only=True) if Path(file).exists() else {}
    settings, used = learn.__globals__, {}

    def learn_or_recall(*given, **named):
        key, num_iter = network_key(*given, **named), settings["NUM_ITER"]
        asked.append(f"learn: {key}")
        if key not in stored:  # told on the terminal, or in a replay, by the cell
            told = f"{NOT_STORED}: training {key}, {num_iter} iterations)"
            print(told, file=sys.__stderr__ if save else None, flush=True)
        try:
            settings["NUM_ITER"] = 0 if key in stored else num_iter
            network = learn(*given, **named)
        finally:
            settings["NUM_ITER"] = num_iter
        network.load_state_dict(stored.get(key, network.state_dict()))
        if save:
            used[key] = network.state_dict()
            torch.save(used, file)
        network.asked_for = key
        return network

    return learn_or_recall


def samples_of(page, notebook):
    """Return a stand-in for `generate`, which gives the page's samples in turn."""
    taken = dict.fromkeys(page, 0)  # up to where samples of a cell's output are taken

    def generate(model, prime_str, predict_len, temperature):
        by = "model" if model is notebook["model"] else getattr(model, "asked_for", "?")
        asked = f"generate: {prime_str!r}, {predict_len}, {temperature=}, by {by}"
        notebook.asked.append(asked)
        cell_id, printed = notebook.running, sys.stdout.getvalue()
        # The next sample begins after the lines that the cell has printed so far, and
        # after the last sample (which it may print later).
        num_printed = printed.count("\n") - printed.count(NOT_STORED)
        lines = page[cell_id].splitlines(keepends=True)[:num_printed]
        begin = max(len("".join(lines)), taken[cell_id])
        prime = re.escape(prime_str.lstrip("\n"))
        sample = re.compile(f"(?ms)^{prime}(.{{{predict_len}}})")
        found = sample.search(page[cell_id], begin)
        if not found:
            return f"{prime_str}, which does not begin a sample of the page"
        taken[cell_id] = found.end()
        return prime_str + found[1]

    return generate


def replay(name, page, folder=STORED):
    """Return a notebook after all its cells; `asked` tells what its networks are for.

    page: what each cell printed in the stored run; folder: where its networks are.
    """
    notebook = Notebook(name, "device", NUM_ITER=10)
    notebook.asked = []
    for cell_id in notebook.between("parameters"):
        notebook.run(cell_id)
        if cell_id == "generate":
            assert callable(notebook["generate"])
            notebook["generate"] = samples_of(page, notebook)
        if cell_id == "train":
            weights = torch.load(folder / f"{name}.pt", weights_only=True)
            notebook["model"].load_state_dict(weights)
        if cell_id == "learn":
            file = folder / "experiments.pt"
            notebook["learn"] = recall(notebook["learn"], file, notebook.asked)
    return notebook


def settings_of(name):
    """Return, as text, what the cell `parameters` of a notebook sets."""
    names = {"nn": torch.nn}
    exec(code_cells(read(name))["parameters"].source, names)
    return "".join(f"{key} = {names[key]}\n" for key in sorted(names) if key.isupper())


def description(notebook):
    """Return, as text, what a run rests on, and what each cell has drawn."""
    networks = "\n".join([*notebook.asked, ""])
    texts = {"settings": settings_of(notebook.name), "networks": networks}
    for cell_id, figures in notebook.figures.items():
        if figures:
            texts[cell_id] = "\n".join([*map(describe, figures), ""])
    return texts


def stored_description(name):
    """Return the description of the stored run."""
    text = (STORED / f"{name}.txt").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?m)^## (.*)\n", text)  # heading, text, heading, ...
    return dict(zip(parts[::2], parts[1::2]))
