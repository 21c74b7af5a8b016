"""The code of the exercises' answers runs as printed and does what it says."""

import re
import textwrap

import pytest
import torch
from notebooks import LOG_LINE, PATHS, Lesson, code_cells, printed, read, read_along

TEXTS = {name: read(name).cells[-1].source for name in PATHS}


def block(name, mark):
    blocks = re.findall(r"^ +```\n(.*?)^ +```", TEXTS[name], re.M | re.S)
    (found,) = (code for code in blocks if mark in code)
    return textwrap.dedent(found)


@pytest.fixture
def sharp():
    sharp = Lesson("lstmcell", "setup", HIDDEN_DIM=16)
    with torch.no_grad():
        sharp["model"].linear.weight.mul_(30)
    return sharp


def test_the_loop_prints_the_losses_of_the_stored_log(capsys):
    exec(block("lstmcell", "range(1, 51)"), Lesson("lstmcell", "setup"))
    log = re.findall(LOG_LINE, printed(code_cells(read("lstmcell"))["train"]))[:3]
    losses = [line[3] for line in log]
    assert re.findall(r": (\S+)\n", capsys.readouterr().out) == losses
    assert "be {}, {}, and {}.".format(*losses) in TEXTS["lstmcell"]


def test_larger_tables_have_the_figures_of_the_answer(sharp, capsys):
    exec(block("lstmcell", "Counter(grams)"), sharp)
    rows = re.findall(r"(\S+) entries, (\S+) nats\n +(\S+) of", capsys.readouterr().out)
    answer = " ".join(TEXTS["lstmcell"].split())
    for figures in zip(*rows[:4]):
        assert "{}, {}, {}, and {}".format(*figures) in answer


def test_the_gradient_and_the_shorter_loop_are_those_of_the_model(sharp):
    exec(block("lstmcell", "retain_grad"), sharp)
    assert len(sharp["sizes"]) == 200 and sharp["sizes"][0] > sharp["sizes"][40] > 0
    logits, _ = read_along(sharp["model"], sharp["inputs"])
    assert torch.allclose(sharp["logits"], logits[-1:], atol=1e-6)
    assert sharp["model"].linear.bias.grad.argmin() == sharp["targets"][-1]
    sharp["model"].zero_grad()
    exec(block("lstmcell", "from_x.split"), sharp)
    assert sharp["model"].lstm.weight_hh.grad.any()
    logits, _ = read_along(sharp["model"], sharp["inputs"])
    assert torch.allclose(sharp["logits"], logits, atol=1e-5)


def test_top_k_draws_only_among_the_k_most_likely(sharp):
    exec(block("lstmcell", "def generate_top_k"), sharp)
    write, model = sharp["generate_top_k"], sharp["model"]
    assert write(model, "th", 40, 1) == write(model, "th", 40, 1)
    indices = sharp["char_to_tensor"](write(model, "th", 1000, 3))
    top = read_along(model, indices[:-1])[0].topk(3).indices
    chosen = [(t == i).nonzero().item() for t, i in zip(top[1:], indices[2:])]
    assert set(chosen) == {0, 1, 2} and 500 < chosen.count(0) < len(chosen) == 1000


def test_what_the_laboratorys_answers_put_into_its_cells_works(capsys):
    lab = Lesson("lstm", "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=8)
    lab |= {"pupil": lab["model"], "learned": "", "rate": 1}
    lab |= {"second": torch.arange(20) < 5, "learn": lambda *_: (999, 1000)}
    exec(block("lstm", "% 1000"), lab)
    losses = lab["character_losses"](lab["model"], lab["inputs"], lab["targets"])
    assert capsys.readouterr().out == f"1000 {losses[:5].mean():.2f}\n"
    exec(block("lstm", "range(8)"), lab)
    losses = [lab["character_losses"](lab["model"], *pair) for pair in lab["examples"]]
    assert lab["loss"].item() == pytest.approx(torch.cat(losses).mean().item())
    lab |= {"text": "to be or not" * 3 + "to be", "state": None, "place": 0}
    for place in 20, 0, 20:  # 41 characters hold two portions of 20
        before = lab["state"]
        exec(block("lstm", "detach"), lab)
        assert torch.equal(lab["logits"], lab["model"](lab["inputs"], before)[0])
        lab["loss"].backward()  # does not go back into the portion before
        assert lab["place"] == place and (lab["state"] is None) == (place == 0)
