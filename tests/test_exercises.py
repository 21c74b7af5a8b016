"""The exercises: their code runs as printed, and what can be counted holds."""

import re
import textwrap

import matplotlib.pyplot as plt
import pytest
import torch
from notebooks import PATHS, Lesson, read
from torch import nn

TEXTS = {name: read(name).cells[-1].source for name in PATHS}
BLOCKS = {
    name: [
        textwrap.dedent(code)
        for code in re.findall(r"^ +```\n(.*?)^ +```", text, re.M | re.S)
    ]
    for name, text in TEXTS.items()
}


@pytest.fixture
def lesson():
    """The LSTMCell notebook before training, with a model that is easy to tell."""
    lesson = Lesson("lstmcell", "setup", HIDDEN_DIM=16)
    torch.manual_seed(1)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(8)
    return lesson


def block(name, mark):
    """Return the one code block that holds mark."""
    (found,) = (code for code in BLOCKS[name] if mark in code)
    return found


def logits_of(lesson, inputs):
    states, rows = lesson["model"].init_zero_state(), []
    for character in inputs.split(1):
        logits, *states = lesson["model"](character, *states)
        rows.append(logits)
    return torch.cat(rows)


def test_larger_tables_have_the_entries_and_losses_of_the_answer(lesson, capsys):
    capsys.readouterr()
    exec(block("lstmcell", "Counter(grams)"), lesson)
    out = capsys.readouterr().out
    answer = " ".join(TEXTS["lstmcell"].split())
    entries = re.findall(r"([\d,]+) entries", out)
    assert "the tables have {}, {}, {}, and {} entries".format(*entries) in answer
    losses = [float(x) for x in re.findall(r"([\d.]+) nats", out)]
    said = re.search(r"losses are ([\d.]+), ([\d.]+), ([\d.]+), and ([\d.]+)\.", answer)
    assert list(map(float, said.groups())) == pytest.approx(losses, abs=6e-4)
    new = re.findall(r"([\d.]+%) of the last", out)
    assert f"{new[2]} of the combinations would be new to the three-" in answer
    assert f"and {new[3]} to the four-character table" in answer
    baselines = list(lesson["baselines"].values())
    assert losses[0] == pytest.approx(baselines[2], abs=6e-3)
    once = sum(n == 1 for n in lesson["table"].values()) / len(lesson["table"])
    assert once == pytest.approx(0.5, abs=0.05)  # "about half ... only once"


def test_the_gradient_is_that_of_the_last_loss(lesson):
    plt.close("all")
    exec(block("lstmcell", "retain_grad"), lesson)
    assert len(lesson["sizes"]) == 200 and lesson["sizes"][0] > lesson["sizes"][40] > 0
    logits = logits_of(lesson, lesson["inputs"])[-1:]
    assert torch.allclose(lesson["logits"], logits, atol=1e-6)
    axes = plt.gca()
    assert axes.get_yscale() == "log" and len(axes.lines[0].get_ydata()) == 60
    plt.close("all")


def test_top_k_draws_only_among_the_k_most_likely(lesson):
    exec(block("lstmcell", "def generate_top_k"), lesson)
    write = lesson["generate_top_k"]
    assert write(lesson["model"], "th", 40, 1) == write(lesson["model"], "th", 40, 1)
    written = write(lesson["model"], "th", 200, 3)
    assert len(written) == 202
    indices = lesson["char_to_tensor"](written)
    top = logits_of(lesson, indices[:-1]).topk(3).indices
    chosen = [(t == i).nonzero().item() for t, i in zip(top[1:], indices[2:])]
    assert set(chosen) == {0, 1, 2}


def test_the_loop_without_what_need_not_be_in_it_is_the_same(lesson, capsys):
    exec(block("lstmcell", "from_x.split"), lesson)
    expected = logits_of(lesson, lesson["inputs"])
    assert torch.allclose(lesson["logits"], expected, atol=1e-5)
    assert re.search(r"\d+ ms\n$", capsys.readouterr().out)


@pytest.mark.parametrize("layer", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_other_layers_run_as_told_and_have_the_weights_of_the_table(layer):
    rows = re.findall(r"\| `(\w+)`, (\d+) \| ([\d,]+) \|", TEXTS["lstmcell"])
    sizes = {(int(h), int(n.replace(",", ""))) for k, h, n in rows if k in str(layer)}
    assert sizes
    text = " ".join(TEXTS["lstmcell"].split())
    told = re.search(r"replace `(.+?)` with `(.+?)`; .* calls it `(.+?)`", text)
    old, new, call = told.groups()
    for hidden_dim, weights in sizes:
        lesson = Lesson("lstmcell", "portions", HIDDEN_DIM=hidden_dim)
        if layer is not nn.LSTMCell:
            source = lesson.cells["model"]
            line = "hidden, cell_state = self.lstm(embedded, (hidden, cell_state))"
            assert source.count(old) == source.count(line) == 1 and new == "nn.RNNCell"
            source = source.replace(old, f"nn.{layer.__name__}").replace(line, call)
            lesson.cells["model"] = source
        for cell_id in ("shift", "model", "step", "baselines", "character-losses"):
            lesson.run(cell_id)
        model = lesson["untrained"]
        assert sum(p.numel() for p in model.parameters()) == weights
        lesson.run("generate")
    if layer is nn.GRUCell:  # two gates and a candidate
        assert nn.GRUCell(1, 5).weight_hh.shape[0] == 3 * 5
        assert "(two gates, one state)" in TEXTS["lstmcell"]


def test_held_out_text_is_measured_apart(capsys):
    lesson = Lesson("lstm", "text")
    exec(block("lstm", "held_out = text[:cut]"), lesson)
    assert len(lesson["held_out"]) == pytest.approx(len(lesson["original"]) / 10, abs=5)
    for cell_id in "portions", "model", "character-losses", "setup":
        if cell_id == "character-losses":
            lesson.run("shift"), lesson.run("step")
        lesson.run(cell_id)
    lesson["character_losses"] = lambda model, inputs, targets: torch.full(
        (len(inputs),), float(len(set(map(int, targets))))
    )
    lesson["text"], lesson["held_out"] = "a" * 300, "b" * 99 + "abc" * 67
    capsys.readouterr()
    exec(block("lstm", "for part in (text, held_out)"), lesson)
    first, second = map(float, capsys.readouterr().out.split())
    assert first == 1 and second == 3


def test_as_many_characters_as_before():
    found = re.search(r"SIZE` to (\d+)\..*?`NUM_ITER` = (\d+)", TEXTS["lstm"], re.S)
    assert int(found[1]) * int(found[2]) == 200 * 5000
