"""The cells that compute one thing in two ways."""

import torch
from notebooks import values
from torch import nn


def test_learn_trains_as_the_training_cell_does(lab):
    lab.run("train")
    network = lab["learn"](nn.LSTM, lab["training_text"], lab["LEARNING_RATE"])
    for learned, trained in zip(network.parameters(), lab["model"].parameters()):
        torch.testing.assert_close(learned, trained)


def test_by_hand_agrees_with_the_layer(lesson):
    (difference, *_) = values(lesson.run("by-hand"))
    assert difference < 1e-5, "Are the gates in the order of PyTorch?"
    x, h, c = torch.randn(3, 12), torch.randn(3, 16), torch.randn(3, 16)
    layer = lesson["model"].lstm
    for by_hand, by_layer in zip(lesson["lstm_step"](layer, x, h, c), layer(x, (h, c))):
        torch.testing.assert_close(by_hand, by_layer)


def test_one_call_has_the_logits_and_gradients_of_many(lab):
    forward, sizes = lab["model"].forward, []

    def counted(characters, state=None):
        sizes.append(len(characters))
        return forward(characters, state)

    lab["model"].forward = counted
    out = lab.run("one-call")
    assert sizes == [1] * 20 + [20], "as many calls as characters, and one"
    for name in ("logit", "gradient"):
        (line,) = (line for line in out.splitlines() if name in line)
        largest, difference = values(line)
        assert difference < 1e-4 < largest, line
