"""The code in the folds of the exercises: it runs as printed and does what is promised.

Exercise 2 of the lesson is in test_prose.py. What takes minutes of training is not
checked.
"""

import re
import textwrap

import pytest
import torch
from notebooks import LABORATORY, LESSON, answer, read_text, values


def test_the_loop_of_the_answer_has_the_losses_of_the_training_cell(lesson):
    loop = answer(LESSON, "optimizer.step")
    assert "read_along" not in loop, "The loop is what the exercise is about."
    lesson.run("setup")
    found = values(lesson.execute(loop))
    lesson["NUM_ITER"] = 50
    lesson.run("setup")
    lesson.run("train")
    expected = []
    for n in (1, 10, 50):
        expected += [n, lesson["losses"][n - 1]]
    assert found == pytest.approx(expected, abs=0.001), "The losses are different."


def test_the_answer_draws_from_the_k_most_likely(lesson):
    """Read along what was written, and see where each character stood: the three keep
    the proportions that they have."""
    lesson.execute(answer(LESSON, "def generate_top_k"))
    torch.manual_seed(123)
    written = lesson["generate_top_k"](lesson["model"], "The", 1000, 3)
    indices = lesson["char_to_tensor"](written)
    logits, _ = read_text(lesson["model"], indices[:-1])
    top = logits[2:].topk(3)  # after the prime
    hits = top.indices == indices[3:, None]  # (1000, 3)
    assert hits.any(dim=1).all(), "A character was not among the 3 most likely."
    expected = torch.softmax(top.values, dim=1).mean(dim=0)
    shares = hits.float().mean(dim=0)
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.05)


def test_the_learning_rate_of_the_answer_falls_in_a_straight_line_to_zero(
    lab, monkeypatch
):
    """As the first line of the loop of `learn`."""
    (source,) = lab.cells["learn"]
    loop = re.search(r"^( +)for iteration in .*:\n", source, re.M)
    assert loop, "`learn` should have a loop over `iteration`: the answer goes there."
    line = textwrap.indent(answer(LABORATORY, "param_groups"), loop[1] + "    ")
    lab.execute(source[: loop.end()] + line + source[loop.end() :])

    rates = []
    step = torch.optim.Adam.step

    def noting_step(optimizer, *args, **kwargs):
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", noting_step)
    lab["NUM_ITER"] = 5
    lab["learn"](torch.nn.LSTM, lab["text"], 0.1)
    assert rates == pytest.approx([0.08, 0.06, 0.04, 0.02, 0])
