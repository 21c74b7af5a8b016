"""The laboratory's experiments, with networks whose answers are known beforehand."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
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
    assert set(learned) == {notebook["training_text"], notebook["training_lines"]}
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


def counting(characters, state=None):
    """c[5] is how many characters were read; a "?" is expected from seven on."""
    c = torch.zeros(1, 16) if state is None else state[1].clone()
    c[0, 5] += len(characters)
    return c[:, 5:6] - 6.5, (torch.zeros_like(c), c)


def test_a_letter_is_the_darker_the_more_c_is_as_in_questions(lab):
    """By the unit that decides most, just after the letter was read."""
    effects = np.zeros(16)
    effects[[3, 5]] = 3, 5
    lab.update(as_asked=torch.full((16,), 20.0), as_stated=torch.zeros(16))
    lab.update(effects=effects, rewarded=counting, log_odds=lambda logits: logits)
    lab["sentences"] = "It’s Oz, too.\nCatnip?\n\n"
    lab.run("seen")
    (axes,) = lab.figures["seen"][0].axes
    for row, (shown, right) in enumerate([("It's Oz, too.?", 0), ("Catnip??", 1)]):
        texts = [text for text in axes.texts if round(text.get_position()[1]) == row]
        texts.sort(key=lambda text: text.get_position()[0])
        assert "".join(text.get_text() for text in texts) == shown, "the mark"
        plain = texts[-1].get_color() == texts[0].get_color()
        assert plain == right, "A wrong mark has another color than the letters."
        boxes = [box for box in axes.patches if round(box.get_y() + 0.4) == row]
        boxes.sort(key=lambda box: box.get_x())
        gray = [round(sum(to_rgb(box.get_facecolor())), 2) for box in boxes]
        assert len(set(gray)) == len(shown) - 2 and gray == sorted(gray, reverse=True)


def test_what_decides_is_held_while_the_network_writes(lab):
    network = lab.new_model().requires_grad_(False)
    as_asked, as_stated = torch.ones(16), -torch.ones(16)
    lab.update(rewarded=network, decide=[3, 5], as_asked=as_asked, as_stated=as_stated)
    held_at, inputs = [], torch.arange(3)
    _, (hidden, cell_state) = network(inputs)

    def generate(model, prime_str, predict_len, temperature):
        _, (h, c) = model(inputs)
        assert torch.equal(h, hidden), "h should stay as it is."
        changed = (c != cell_state)[0].nonzero().flatten().tolist()
        held_at.append({unit: c[0, unit].item() for unit in changed})
        return ["?.?..", "?????", "......"][len(held_at) - 1] + "x" * 200

    lab["generate"] = generate
    counts = re.findall(r"--- (.*): (\d+) '\?', (\d+) '\.'", lab.run("turned"))
    assert held_at == [{}, {3: 1, 5: 1}, {3: -1, 5: -1}], "free, and held at medians"
    assert [row[1:] for row in counts] == [("2", "3"), ("5", "0"), ("0", "6")]
    assert "questions" in counts[1][0] and "statements" in counts[2][0]
