"""Run a notebook again with the networks of its stored run, in seconds.

A training takes minutes, and ends with other weights on another processor. So only ten
iterations are trained; then, networks that `refresh.py` has kept are put in place. With
these, each processor prints and draws the same, but for last digits. Samples that it
has kept are not drawn anew, since builds of PyTorch draw differently.
"""

import json
import re
import zlib
from pathlib import Path
from string import printable

import torch
from describe import describe
from notebooks import STORED, Named, Notebook, code_cells, read

END = "\niteration 50 "  # a replay's log has what stands before it


def network_key(layer, text, learning_rate, weight=None):
    """Return, as text, what `learn` is asked for: its network is stored by that."""
    weights = [] if weight is None else weight.tolist()
    weights = {char: n for char, n in zip(printable, weights) if n != 1}
    text = f"{text[:14]!r}... (sum {zlib.crc32(text.encode())})"
    return f"{layer.__name__}, {text}, {learning_rate=}, weights={weights or None}"


def recall(names, folder, used, told=None):
    """Return what stands in for `learn`: it trains only what folder does not have.

    names are a notebook's. Each network that is asked for goes into used, by its
    network_key. What is trained is said in the cell, or in the file told.
    """
    train, file = names["learn"], Path(folder) / "experiments.pt"
    stored = torch.load(file, weights_only=True) if file.exists() else {}

    def learn(layer, text, learning_rate, weight=None, watch=None):
        key = network_key(layer, text, learning_rate, weight)
        if watch:  # it is watched while it learns, so it is trained
            key += ", watched"
            network = train(layer, text, learning_rate, weight, watch)
        elif key in stored:
            torch.manual_seed(names["RANDOM_SEED"])  # as `learn` does
            sizes = len(names["ALPHABET"]), names["EMBEDDING_DIM"], names["HIDDEN_DIM"]
            network = names["RNN"](*sizes, layer).to(names["device"])
            network.load_state_dict(stored[key])
        else:
            iterations = names["NUM_ITER"]
            print(f"(not stored: training {key}, {iterations} iterations)", file=told)
            network = train(layer, text, learning_rate, weight)
        used[key] = network
        return network

    return learn


def samples_of(names, running, networks, file, used):
    """Return what stands in for `generate`: it draws only what file does not have.

    running returns the id of the cell that is run; networks are what `learn` returned.
    file (JSON) and used: of each cell, what was asked for and written, in pairs.
    """
    draw = names["generate"]
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def generate(model, prime_str, predict_len, temperature):
        every = {"model": names["model"], **networks}
        by = next((key for key, each in every.items() if each is model), "?")
        asked = f"generate: {prime_str!r}, {predict_len}, {temperature=}, by {by}"
        left = stored.get(running(), [])
        before, written = left.pop(0) if left else ("", "")
        if before != asked:
            written = draw(model, prime_str, predict_len, temperature)
        used.setdefault(running(), []).append((asked, written))
        return written

    return generate


def replay(name, folder=STORED, until=None):
    """Return a notebook after its cells before until (None: all).

    folder: what `refresh.py` has kept; `networks` has what `learn` returned, `written`,
    for each cell, what `generate` was asked for, and what it returned.
    """
    notebook = Notebook(name, "device", NUM_ITER=10)
    notebook.networks, notebook.written = {}, {}
    kept = notebook.networks, folder / f"{name}_samples.json", notebook.written
    for cell_id in notebook.between("parameters", until):
        notebook.run(cell_id)
        if cell_id == "generate":
            notebook["generate"] = samples_of(notebook, lambda: notebook.running, *kept)
        if cell_id == "train":
            weights, *_ = torch.load(folder / f"network_{name}.pt", weights_only=True)
            notebook["model"].load_state_dict(weights)
        if cell_id == "learn":
            notebook["learn"] = recall(notebook, folder, notebook.networks)
    return notebook


def plain(text):
    """Return what a page prints without times, addresses, and what rounding decides."""
    text = re.sub(r" at 0x\w+", "", text)
    text = re.sub(r" *[\d.]+ (ms|min)\b", r" ? \1", text)
    return re.sub(r"(difference:?) [1-9]e-(0[5-9]|1\d)\b", r"\1 about 0", text)


def settings_of(name):
    """Return, as text, what the cell `parameters` of a notebook sets."""
    names = {"nn": torch.nn}
    exec(code_cells(read(name))["parameters"].source, names)
    return "".join(f"{key} = {names[key]}\n" for key in sorted(names) if key.isupper())


def description(notebook):
    """Return, as text, what a run rests on, and what each cell has drawn."""
    learned = [f"learn: {key}" for key in notebook.networks]
    asked = [asked for pairs in notebook.written.values() for asked, _ in pairs]
    networks = "\n".join([*learned, *asked, ""])
    texts = {"settings": settings_of(notebook.name), "networks": networks}
    for cell_id, figures in notebook.figures.items():
        if figures:
            texts[cell_id] = "\n".join([*map(describe, figures), ""])
    return texts


def stored_description(name):
    """Return the description of the stored run."""
    text = (STORED / f"{name}.txt").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?m)^## (.*)\n", text)  # heading, text, heading, ...
    return Named(zip(parts[::2], parts[1::2]))
