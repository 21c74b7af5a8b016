"""The code of the exercises' answers runs as printed and does what it says."""

import re
import textwrap

import matplotlib.pyplot as plt
import pytest
import torch
from notebooks import PATHS, Lesson, read

FENCED = re.compile(r"^ +```\n(.*?)^ +```", re.M | re.S)
BLOCKS = {
    name: [
        textwrap.dedent(code) for code in FENCED.findall(read(name).cells[-1].source)
    ]
    for name in PATHS
}


def block(name, mark):
    """Return the one code block of a notebook's exercises that holds mark."""
    (found,) = (code for code in BLOCKS[name] if mark in code)
    return found


@pytest.fixture
def lesson():
    """The LSTMCell notebook before training, with a model that is easy to tell."""
    lesson = Lesson("lstmcell", "setup", HIDDEN_DIM=16)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(8)
    return lesson


def logits_along(lesson, inputs):
    state, rows = None, []
    for character in inputs.split(1):
        logits, state = lesson["model"](character, state)
        rows.append(logits.detach())
    return torch.cat(rows)


def test_the_gradient_is_that_of_the_last_loss(lesson):
    plt.close("all")
    exec(block("lstmcell", "retain_grad"), lesson)
    assert len(lesson["sizes"]) == 200 and lesson["sizes"][0] > lesson["sizes"][40] > 0
    logits = logits_along(lesson, lesson["inputs"])[-1:]
    assert torch.allclose(lesson["logits"], logits, atol=1e-6)


def test_top_k_draws_only_among_the_k_most_likely(lesson):
    exec(block("lstmcell", "def generate_top_k"), lesson)
    write = lesson["generate_top_k"]
    assert write(lesson["model"], "th", 40, 1) == write(lesson["model"], "th", 40, 1)
    indices = lesson["char_to_tensor"](write(lesson["model"], "th", 200, 3))
    assert len(indices) == 202
    top = logits_along(lesson, indices[:-1]).topk(3).indices
    chosen = [(t == i).nonzero().item() for t, i in zip(top[1:], indices[2:])]
    assert set(chosen) == {0, 1, 2}


def test_the_loop_without_what_need_not_be_in_it_is_the_same(lesson):
    exec(block("lstmcell", "from_x.split"), lesson)
    expected = logits_along(lesson, lesson["inputs"])
    assert torch.allclose(lesson["logits"], expected, atol=1e-5)
