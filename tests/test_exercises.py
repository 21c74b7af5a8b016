"""The code in the folds of the exercises: it runs as printed and does what is promised.

The losses that the answers name are in test_prose.py. What takes minutes of training is
not checked.
"""

import re
import string
import textwrap

import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, Notebook, numbers, read, read_text, value
from torch.nn import functional as F


def blocks(name):
    """Return the pieces of code in the exercises of a notebook, in their order."""
    sources = [cell.source for cell in read(name).cells if cell.cell_type != "code"]
    found = re.findall(r"^ +```\w*\n(.*?)^ +```", "\n".join(sources), re.M | re.S)
    return [textwrap.dedent(code) for code in found]


def block(name, mark):
    """Return the one piece of code that contains mark."""
    found = [code for code in blocks(name) if mark in code]
    assert len(found) == 1, f"{len(found)} pieces of code contain {mark!r}, not one."
    return found[0]


def small_lesson():
    """Return the lesson with a small network that is far from indifferent."""
    lesson = Notebook(LESSON, "setup", HIDDEN_DIM=16)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(30)
    return lesson


@pytest.fixture
def lab():
    """The laboratory with a small network and small portions."""
    return Notebook(LABORATORY, "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=8)


def test_every_piece_of_code_is_python(name):
    found = blocks(name)
    assert len(found) >= 3
    for code in found:
        compile(code, "exercise", "exec")


def test_the_loop_of_the_answer_has_the_losses_of_the_training_cell(fresh_lesson):
    answer = block(LESSON, "range(1, 51)")
    assert "read_along" not in answer, "The loop is what the exercise is about."
    answer = answer.replace("range(1, 51)", "range(1, 11)")  # to save time
    out = Notebook(LESSON, "setup").execute(answer)
    losses = [value(number) for number in numbers(out)]
    expected = []
    for n in (1, 10):
        expected += [n, fresh_lesson["losses"][n - 1]]
    assert losses == pytest.approx(expected, abs=6e-4)


def test_the_gradient_of_the_exercise_is_that_of_the_last_loss():
    """The curve begins at the last character; it is a share of the gradient there."""
    lesson = small_lesson()
    examples = []
    draw_example = lesson["draw_example"]

    def draw(*args):
        examples.append(draw_example(*args))
        return examples[-1]

    lesson["draw_example"] = draw
    lesson.execute(block(LESSON, "retain_grad"))
    inputs, targets = examples[0]
    model = lesson["model"]
    rows = []
    model.embedding.register_forward_hook(lambda *call: rows.append(call[2]))
    state = None
    for character in inputs.split(1):
        logits, state = model(character, state)
    loss = F.cross_entropy(logits, targets[-1:])
    gradients = [row.norm().item() for row in torch.autograd.grad(loss, rows)][::-1]
    (axes,) = lesson.figures["answer"][0].axes
    drawn = axes.lines[0].get_ydata()
    assert len(drawn) > 40
    expected = np.array(gradients[: len(drawn)]) / gradients[0]
    np.testing.assert_allclose(drawn, expected, rtol=1e-3, atol=1e-7)


@pytest.fixture(scope="module")
def top_k():
    """The lesson with the function of the answer."""
    lesson = small_lesson()
    answer = block(LESSON, "def generate_top_k")
    lesson.execute(answer.replace("3000", "300"))  # fewer characters than in the answer
    return lesson


def test_with_k_of_1_the_likeliest_character_follows(top_k):
    prime = "The test"
    written = top_k["generate_top_k"](top_k["model"], prime, 40, 1)
    assert len(written) == len(prime) + 40
    indices = top_k["char_to_tensor"](written)
    logits, _ = read_text(top_k["model"], indices[:-1])
    likeliest = logits.argmax(dim=1)[len(prime) - 1 :]
    assert torch.equal(indices[len(prime) :], likeliest)


def test_the_k_most_likely_are_drawn_as_often_as_they_should(top_k):
    """Read along what was written, and see where each character stood."""
    torch.manual_seed(123)
    written = top_k["generate_top_k"](top_k["model"], "th", 1000, 3)
    indices = top_k["char_to_tensor"](written)
    logits, _ = read_text(top_k["model"], indices[:-1])
    top = logits.topk(3)
    hits = top.indices[1:] == indices[2:, None]  # (1000, 3), after the prime
    assert hits.any(dim=1).all(), "A character was not among the three most likely."
    # at T = 1, the three keep the proportions of their probabilities
    expected = torch.softmax(top.values[1:], dim=1).mean(dim=0)
    torch.testing.assert_close(hits.float().mean(dim=0), expected, rtol=0, atol=0.05)


def test_the_answer_prints_a_share_of_new_words_for_each_k(top_k):
    few, many = (value(n) for n in numbers(top_k.out["answer"]) if n.endswith("%"))
    assert 0 <= few <= 100 and 0 <= many <= 100


def test_the_batch_of_the_answer_is_eight_portions_side_by_side(lab):
    """The loss is the mean of its examples."""
    examples = []
    draw_example = lab["draw_example"]

    def draw(*args):
        examples.append(draw_example(*args))
        return examples[-1]

    lab["draw_example"] = draw
    lab.execute(block(LABORATORY, "range(8)"))
    assert len(examples) == 8
    losses = [lab["character_losses"](lab["model"], *example) for example in examples]
    assert lab["loss"].item() == pytest.approx(torch.cat(losses).mean().item())


def test_the_learning_rate_of_the_answer_falls_in_a_straight_line_to_zero(
    lab, monkeypatch
):
    """As the first line of the loop of `learn`."""
    source = lab.cells["learn"]
    line = block(LABORATORY, "optimizer.param_groups")
    loop = re.search(r"^( +)for iteration in .*:\n", source, re.M)
    assert loop, "`learn` should have a loop over `iteration`."
    indented = textwrap.indent(line, loop[1] + "    ")
    lab.execute(source[: loop.end()] + indented + source[loop.end() :])

    rates = []
    step = torch.optim.Adam.step

    def noting_step(optimizer, *args, **kwargs):
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", noting_step)
    lab["learn"](lab["model"], lab["text"], 5, 0.1)
    assert rates == pytest.approx([0.08, 0.06, 0.04, 0.02, 0])


def test_the_answer_on_memory_prints_the_second_digit_every_1000_iterations():
    """What it defines is called as `learn` calls `measure`."""
    settings = {"TEXT_PORTION_SIZE": 20, "HIDDEN_DIM": 8, "NUM_ITER": 2}
    skip = ("one-call", "train", "perplexity", "unread", "pays")
    lab = Notebook(LABORATORY, "memory", skip, **settings)
    exact = lab["character_losses"]
    means = []

    def character_losses(model, inputs, targets):
        losses = exact(model, inputs, targets)
        means.append(losses[inputs == string.printable.index(" ")].mean().item())
        return losses

    lab["character_losses"] = character_losses
    calls = "".join(f"\nsecond_digit({n})" for n in (999, 1000, 1001))
    out = lab.execute(block(LABORATORY, "% 1000") + calls)
    found = [value(number) for number in numbers(out)]
    assert found == pytest.approx([1000, means[0]], abs=0.006)
