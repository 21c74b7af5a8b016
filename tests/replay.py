"""Run a notebook again with the networks of its stored run, in seconds.

A training takes minutes, and ends with other weights on another processor. So only ten
iterations are trained; then, networks that `refresh.py` has kept are put in place. With
these, each processor prints and draws the same, but for last digits.
"""

import re
import sys
import zlib
from string import printable

import torch
from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator
from notebooks import LABORATORY, STORED, Notebook, code_cells


def wanted(layer, text, learning_rate, weight=None):
    """Return what `learn` is asked for, as text: a network is stored by that."""
    weights = [] if weight is None else weight.tolist()
    counts = {char: n for char, n in zip(printable, weights) if n != 1}
    text = f"{text[:14]!r}... (sum {zlib.crc32(text.encode())})"
    return f"{layer.__name__}, {text}, {learning_rate=}, weights={counts or None}"


def keep(learn, file):
    """Return a function that learns as `learn` does, and saves its networks."""
    networks = {}

    def learn_and_save(*asked, **named):
        network = learn(*asked, **named)
        networks[wanted(*asked, **named)] = network.state_dict()
        torch.save(networks, file)
        return network

    return learn_and_save


def recall(learn, file, asked):
    """Return a function that loads stored networks, and notes in asked what for."""
    networks = torch.load(file, weights_only=True)

    def learn_and_load(*given, **named):
        key = wanted(*given, **named)
        asked.append(f"learn: {key}")
        assert key in networks, f"No network is stored for {key}: run refresh.py."
        network = learn(*given, **named)
        network.load_state_dict(networks[key])
        network.asked = key
        return network

    return learn_and_load


def replay(name, page, folder=STORED):
    """Return a notebook after all its cells; `asked` tells what its networks are for.

    page: what each cell printed in the stored run; folder: where its networks are.
    """
    notebook, taken = Notebook(name, "parameters", NUM_ITER=10), {}
    asked = notebook.asked = []

    def generate(model, prime_str, predict_len, temperature):
        """Return the next sample of the page, since draws differ between processors."""
        by = getattr(model, "asked", "model" if model is notebook["model"] else "?")
        asked.append(f"generate: {prime_str!r}, {predict_len}, {temperature=}, by {by}")
        text, lines = page[cell_id], sys.stdout.getvalue().count("\n")  # printed so far
        start = len(text) - len(text.split("\n", lines)[-1])
        begin = re.escape(prime_str.lstrip("\n"))
        sample = re.compile(f"(?ms)^{begin}(.{{{predict_len}}})")
        found = sample.search(text, max(start, taken.get(cell_id, 0)))
        if not found:
            return f"{prime_str}, which does not begin a sample of the page"
        taken[cell_id] = found.end()
        return prime_str + found[1]

    for cell_id in notebook.after("parameters"):
        notebook.run(cell_id)
        if cell_id == "generate":
            assert callable(notebook["generate"])
            notebook["generate"] = generate
        if cell_id == "train":
            weights = torch.load(folder / f"{name}.pt", weights_only=True)
            notebook["model"].load_state_dict(weights)
        if cell_id == "learn":
            file = folder / "experiments.pt"
            notebook["learn"] = recall(notebook["learn"], file, asked)
    if name == LABORATORY:  # once more, right before the space, where h decides, too
        printed, notebook["gap"] = notebook.out["transplant"], 2 * notebook["gap"]
        asked.append(f"transplant before the space:\n{notebook.run('transplant')}")
        notebook.out["transplant"] = printed
    return notebook


def kept(name):
    """Return what `drawn` gave in the stored run, and the images of the notebook."""
    text = (STORED / f"{name}.txt").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?m)^## (.*)\n", text)
    return dict(zip(parts[::2], parts[1::2]))


def listed(numbers, form="#.4g"):
    """Return numbers as one line."""
    return " ".join(f"{number:{form}}" for number in numbers)


def names(texts):
    """Return what Matplotlib's texts say, as one line."""
    return " | ".join(text.get_text() for text in texts)


def describe(figure):
    """Return what a figure shows, as text: its words, and the numbers drawn.

    Limits and ticks that Matplotlib has chosen by itself are left out.
    """
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    shown = [f"legend: {names(legend.get_texts())}" for legend in legends if legend]
    for axes in figure.axes:
        shown.append(f"title: {axes.get_title()}")
        chosen = axes.get_autoscalex_on(), axes.get_autoscaley_on()
        for axis, by_itself in zip((axes.xaxis, axes.yaxis), chosen):
            shown.append(f"axis: {axis.get_label_text()} ({axis.get_scale()})")
            if not by_itself:
                shown.append(f"from, to: {listed(axis.get_view_interval())}")
            if isinstance(axis.get_major_locator(), FixedLocator):
                labels = names(axis.get_ticklabels())
                shown.append(f"ticks: {listed(axis.get_ticklocs())}, {labels}")
        for line in axes.lines:
            style = to_hex(line.get_color()), line.get_linestyle(), line.get_marker()
            label = re.sub("^_.*", "", line.get_label())  # Matplotlib's own names
            shown += [f"curve: {label} {style}", *map(listed, line.get_data())]
        for image in axes.images:
            ends = listed([image.norm.vmin, image.norm.vmax])
            shown.append(f"image: {image.cmap.name}, {image.origin}, from {ends}")
            shown += [listed(row, ".3f") for row in image.get_array()]
        rows = {}  # of texts, by their height
        for text in axes.texts:
            x, y = text.get_position()
            rows.setdefault(y, [f"at {x:#.4g} {y:#.4g}: "]).append(text.get_text())
        shown += map("".join, rows.values())
    return "\n".join(shown)


def drawn(notebook):
    """Return, as text, what each cell has drawn, and what its networks are for."""
    figures = {key: found for key, found in notebook.figures.items() if found}
    texts = {key: "\n".join(map(describe, figures[key])) + "\n" for key in figures}
    return texts | {"networks": "\n".join([*notebook.asked, ""])}


def images(notebook):
    """Return, as text, a sum of each image that a notebook holds, by its cell."""
    return "".join(
        f"{cell_id}: {zlib.crc32(out.data['image/png'].strip().encode())}\n"
        for cell_id, cell in code_cells(notebook).items()
        for out in cell.outputs
        if "image/png" in out.get("data", {})
    )
