"""Say, as text, what a figure shows: its words, and the numbers drawn."""

import re

from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator


def describe(figure):
    """Return what a figure shows, without limits and ticks that no code has set."""
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    lines = [f"legend: {words(legend.get_texts())}" for legend in legends if legend]
    for axes in figure.axes:
        lines.append(f"title: {axes.get_title()}")
        chosen = axes.get_autoscalex_on(), axes.get_autoscaley_on()
        for axis, by_itself in zip((axes.xaxis, axes.yaxis), chosen):
            lines.append(f"axis: {axis.get_label_text()} ({axis.get_scale()})")
            if not by_itself:
                lines += rows("from, to", axis.get_view_interval())
            if isinstance(axis.get_major_locator(), FixedLocator):
                lines.append(f"tick labels: {words(axis.get_ticklabels())}")
                lines += rows("ticks", axis.get_ticklocs())
        lines += content(axes)
    return "\n".join(lines)


def content(axes):
    """Return the lines for curves, images, and texts; of other things, how many."""
    lines, texts = [], {}  # texts: by their height
    for curve in axes.lines:
        style = to_hex(curve.get_color()), curve.get_linestyle(), curve.get_marker()
        label = re.sub("^_.*", "", curve.get_label())  # Matplotlib's own names
        lines.append(f"curve: {label} {style}")
        for letter, numbers in zip("xy", curve.get_data()):
            lines += rows(f"{letter} of {label}" if label else letter, numbers)
    for image in axes.images:
        lines.append(f"image: {image.cmap.name}, {image.origin}")
        lines += rows("from, to", [image.norm.vmin, image.norm.vmax])
        for n, numbers in enumerate(image.get_array()):
            lines += rows(f"row {n}", numbers, ".3f")
    for text in axes.texts:
        x, y = text.get_position()
        texts.setdefault(y, [f"at {x:#.4g} {y:#.4g}: "]).append(text.get_text())
    lines += map("".join, texts.values())
    for kind in ("patches", "collections", "tables"):
        if others := getattr(axes, kind):
            lines.append(f"{kind}, not described: {len(others)}")
    return lines


def rows(label, numbers, form="#.4g"):
    """Return numbers as lines of ten, each with the place of its first."""
    texts = [f"{number:{form}}" for number in numbers]
    places = range(0, len(texts), 10)
    return [f"{label} [{n}] {' '.join(texts[n : n + 10])}" for n in places]


def words(texts):
    """Return what Matplotlib's texts say, as one line."""
    return " | ".join(text.get_text() for text in texts)
