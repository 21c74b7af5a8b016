"""The drawing of the LSTM in the lesson; refresh.py attaches it to its cell."""

import io

import matplotlib.pyplot as plt

ROAD, GATE, WIRE = 4.25, 2.55, 1.2  # heights: cell state, gates, and x and h
GATES = [  # x, name, shape, color, what it is, where its arrow ends
    (2.4, "$f$", "s", "#2b6cb0", "forget\ngate", (2.4, ROAD - 0.25)),
    (4.2, "$i$", "o", "#d9731a", "input\ngate", (4.85, ROAD - 0.25)),
    (5.9, "$g$", "h", "#555555", "candidate", (5.2, ROAD - 0.25)),
    (7.4, "$o$", "D", "#2f855a", "output\ngate", (8.2, GATE)),
]
BOXES = [(2.4, ROAD, r"$\times f$"), (5.0, ROAD, r"$+\ i \cdot g$")]
BOXES += [(8.6, 3.45, "tanh"), (8.6, GATE, r"$\times o$")]


def draw():
    """Return the drawing as the bytes of a PNG on white."""
    figure = plt.figure(figsize=(7.4, 3.9))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 10), ylim=(0, 5.3))
    axes.axis("off")

    def arrow(start, end, color="black", width=1.5):
        style = {"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": 0}
        axes.annotate("", end, start, arrowprops=style | {"shrinkB": 0}, zorder=1)

    def write(x, y, text, size=14, **style):
        axes.text(x, y, text, fontsize=size, va="center", zorder=3, **style)

    arrow((0.5, ROAD), (9.4, ROAD), width=5)
    arrow((1.2, 0.4), (1.2, WIRE))
    arrow((8.6, WIRE), (9.4, WIRE))
    axes.plot([0.5, 7.4], [WIRE, WIRE], color="black", lw=1.5, zorder=1)
    axes.plot([8.6, 8.6], [ROAD, WIRE], color="black", lw=1.5, zorder=1)
    for y, name in (ROAD, "c"), (WIRE, "h"):
        write(0.1, y, f"${name}$", 20)
        write(9.5, y, f"${name}'$", 20)
    write(4.9, 4.95, "the cell state: a straight road", ha="center")
    write(1.4, 0.4, "$x$, the embedded character")
    write(9.9, 0.75, "the part that shows", ha="right")
    for x, name, shape, color, words, end in GATES:
        arrow((x, WIRE), (x, GATE))
        arrow((x, GATE), end, color, 3)
        axes.plot(x, GATE, shape, color=color, markersize=32, zorder=2)
        write(x, GATE, name, 19, color="white", ha="center")
        write(x - 0.15, 1.65, words, 12, ha="right")
    for x, y, text in BOXES:
        style = {"boxstyle": "round", "facecolor": "white", "edgecolor": "black"}
        write(x, y, text, 16, ha="center", bbox=style)

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()
