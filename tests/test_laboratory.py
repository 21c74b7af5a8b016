"""The laboratory's experiments, with networks whose answers are known beforehand."""

from collections import Counter

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, Notebook, as_text, rows, values
from torch import nn


def test_no_network_and_no_table_reads_the_last_tenth(tmp_path):
    """Whatever a network learns from is the training text, or lines of digits."""
    sizes = {"HIDDEN_DIM": 16, "NUM_ITER": 2, "PREDICT_LEN": 1}
    pdf = {"LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    notebook = Notebook(LABORATORY, "portions", **sizes | pdf)
    draw_example, learned = notebook["draw_example"], []

    def noting(text, *args):
        learned.append(text)
        return draw_example(text, *args)

    notebook["draw_example"] = noting
    for cell_id in notebook.after("portions"):
        notebook.run(cell_id)
    lines = notebook["training_lines"]
    assert set(learned) == {notebook["training_text"], lines}
    assert learned.count(lines) == 4, "two iterations of each layer"
    assert "world" in notebook["test_text"] and notebook["seen"]["worl"] == 0, (
        "The table should be counted in the training text alone."
    )


def test_the_table_asks_the_shorter_context(lab):
    """Each context adds ten sightings, shared out as the next shorter one would."""
    text = "that hat, a cat that sat, and the hat at that. " * 9 + "." * 9
    lab.update(training_text=text, test_text=text[5:305], test_losses={5: 1.25})
    out = lab.run("table")
    counts = Counter(text[i : i + n] for n in range(5) for i in range(len(text)))
    table = rows(out, ["seen", "t", "p"])
    p = lab["table"]("t", "")
    for context in ("a", "ha", "tha"):
        p = (counts[context + "t"] + 10 * p) / (counts[context] + 10)
        assert lab["table"]("t", context) == pytest.approx(p)
        row = [counts[context], counts[context + "t"], round(p, 2)]
        assert list(table[repr(context)].values()) == row
    nats = {row[0]: row[1] for row in map(values, out.splitlines()) if len(row) == 2}
    places = range(8, len(lab["test_text"]))
    p = [lab["table"](lab["test_text"][i], lab["test_text"][i - 8 : i]) for i in places]
    assert nats[8] == pytest.approx(-np.log(p).mean(), abs=0.006) and len(nats) > 3
    assert values(out)[-1] == 1.25, "the network's newest test loss"


def test_a_transplant_whose_answer_is_known(lab):
    """This network's h and c hold the first digit of a line. It goes by h where that is
    below 3, else by c, but where h is 9, it expects no digit."""
    read, joined = [], []

    def network(characters, state=None):
        read.append(["".join(line) for line in zip(*map(as_text, characters))])
        logits = torch.zeros(len(characters), characters.shape[1], 100)
        if state is None:
            digits = characters[1].float()[None, :, None]  # (1, lines, 1)
            return logits, (digits, digits)
        hidden, cell_state = (vector.flatten().int().tolist() for vector in state)
        joined.extend(zip(hidden, cell_state))
        for k, (h, c) in enumerate(joined):
            logits[-1, k, h if h < 3 else 50 if h == 9 else c] = 1
        return logits, state

    lab.run("memory-text")
    lab["carriers"] = {nn.LSTM: network}
    out = lab.run("transplant")
    first, second = (set(halves) for halves in read)
    assert min(len(first), len(second)) > 100, "Each line should have its own letters."
    for words, pairs in (
        ("another digit", [(h, c) for h, c in joined if h != c]),
        ("the same digit", [(h, c) for h, c in joined if h == c]),
    ):
        own = sum(h < 3 or h == c < 9 for h, c in pairs)
        by_cell = sum(3 <= h < 9 or h == c < 9 for h, c in pairs)
        (line,) = [line for line in out.splitlines() if words in line]
        assert values(line) == [len(pairs), own, by_cell], (
            f"{words}: lines, those that expect their own digit, and that of the c"
        )
