"""Run a notebook again with the networks of its stored run, in seconds.

A training takes minutes, and ends with other weights on another processor. So only ten
iterations are trained; then, networks that `refresh.py` has kept are put in place. With
these, each processor prints and draws the same, but for last digits. So it is with the
probabilities of the samples that are kept, but builds of PyTorch draw differently.
"""

import json
import re
import zlib
from pathlib import Path
from string import printable
from unittest import mock

import torch
from describe import describe
from notebooks import STORED, Named, Notebook, code_cells, read

# A training that a page shows is run again for ten iterations. What its cells print of
# later ones is not compared, and a network that is watched is never stored.
LATER = {"train": r"(?s)\niteration 50 .*", "which-table": r"\.+"}
LATER["which-table-distances"] = r"(?m)^ *\d,?\d.*\n"
WATCHED = ", watched"


def first_ten(printed):
    """Return what cells print, by id, without what only later iterations print."""
    return {key: re.sub(LATER.get(key, "$^"), "", printed[key]) for key in printed}


def network_key(layer, text, learning_rate, weight=None, seed=None, watch=None):
    """Return, as text, what `learn` is asked for: its network is stored by that."""
    weights = [] if weight is None else weight.tolist()
    weights = {char: n for char, n in zip(printable, weights) if n != 1}
    text = f"{text[:14]!r}... (sum {zlib.crc32(text.encode())})"
    key = f"{layer.__name__}, {text}, {learning_rate=}, weights={weights or None}"
    key += "" if seed is None else f", {seed=}"
    return key + WATCHED if watch else key


def recall(names, folder, used, told=None):
    """Return what stands in for `learn`: it trains only what folder does not have.

    names are a notebook's. Each network that is asked for goes into used, by its
    network_key. What is trained is said in the cell, or in the file told.
    """
    train, file = names["learn"], Path(folder) / "experiments.pt"
    stored = torch.load(file, weights_only=True) if file.exists() else {}

    def learn(layer, *asked, **named):
        key = network_key(layer, *asked, **named)
        if key in stored:
            with mock.patch.dict(names, NUM_ITER=0):
                network = train(layer, *asked, **named)
            network.load_state_dict(stored[key])
        else:
            if not key.endswith(WATCHED):
                print(f"(not stored: NUM_ITER iterations of {key})", file=told)
            network = train(layer, *asked, **named)
        used[key] = network
        return network

    return learn


def written_by(draw, *asked, text=""):
    """Return what draw (a notebook's `generate`) writes, and its mean -ln p.

    If text is given, its characters are drawn, where they can be.
    """
    multinomial, chars, nats = torch.multinomial, list(text), []

    def recorded(p, *args, **kwargs):
        drawn = multinomial(p, *args, **kwargs)
        if chars:
            drawn.fill_(printable.index(chars.pop(0)) % p.shape[-1])
        nats.append(-torch.log(p.flatten()[drawn] / p.sum()).item())
        return drawn

    with mock.patch("torch.multinomial", recorded):
        return draw(*asked), round(sum(nats) / max(len(nats), 1), 3)


def samples_of(names, running, networks, file, used, told=None):
    """Return what stands in for `generate`: it writes what file has, if it still may.

    That is if the page's own `generate` gives these characters the probabilities that
    they had. If not, it writes anew, and says it in the cell, or in told, if changed.
    running returns the id of the cell that is run; networks are what `learn` returned.
    file (JSON) and used: of each cell, what was asked for, written, and its mean -ln p.
    """
    draw = names["generate"]
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def generate(model, prime_str, predict_len, temperature):
        every = {"model": names["model"], **networks}
        by = next((key for key, each in every.items() if each is model), "?")
        asked = f"generate: {prime_str!r}, {predict_len}, {temperature=}, by {by}"
        arguments = draw, model, prime_str, predict_len, temperature
        left, dice = stored.get(running(), []), torch.get_rng_state()
        before, old, was = left.pop(0) if left else ("", "", 0)
        text, nats = written_by(*arguments, text=old[len(prime_str) :])
        why = f"had mean -ln p {was}, now {nats}" if text == old else "isn't drawn here"
        if (before, old) != (asked, text) or abs(nats - was) > 0.002:
            torch.set_rng_state(dice)
            text, nats = written_by(*arguments)
            if before == asked and (text != old or abs(nats - was) > 0.002):
                print(f"(Written anew. The old text {why})", file=told)
        used.setdefault(running(), []).append((asked, text, nats))
        return text

    return generate


def keep(folder, name, networks, written):
    """Store in folder what recall and samples_of have used."""
    text = json.dumps(written, indent=1)
    (folder / f"{name}_samples.json").write_text(text, encoding="utf-8")
    weights = {k: n.state_dict() for k, n in networks.items() if WATCHED not in k}
    if weights:
        torch.save(weights, folder / "experiments.pt")


def save_lines(name):
    """Return the lines under *Settings* that keep a network: it should be one."""
    intro = (c.source for c in read(name).cells if c.id == "parameters-intro")
    return re.findall(r"(?m)^torch\.save\(.*", "\n".join(intro))


def replay(name, folder=STORED):
    """Return a notebook after all its cells.

    folder: what `refresh.py` has kept; `networks` has what `learn` returned, `written`,
    for each cell, what `generate` was asked for, and what it returned.
    """
    notebook = Notebook(name, "device", NUM_ITER=10)
    notebook.networks, notebook.written = {}, {}
    kept = notebook.networks, folder / f"{name}_samples.json", notebook.written
    for cell_id in notebook.between("parameters"):
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
    asked = [asked for each in notebook.written.values() for asked, *_ in each]
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
