"""The cells that compute one thing in two ways."""

import torch
from notebooks import printed


def test_learn_trains_as_the_training_cell_does(lab):
    lab.run("train")
    rate, lab["LEARNING_RATE"] = lab["LEARNING_RATE"], 0
    network = lab["learn"](torch.nn.LSTM, lab["training_text"], rate)
    for learned, trained in zip(network.parameters(), lab["model"].parameters()):
        same = torch.allclose(learned, trained, atol=1e-5)
        assert same, "With the same text and rate, both should learn the same."


def test_one_call_has_the_logits_and_gradients_of_many(lab):
    forward, sizes = lab["model"].forward, []

    def counted(characters, state=None):
        sizes.append(len(characters))
        return forward(characters, state)

    lab["model"].forward = counted
    out = lab.run("one-call")
    assert sizes == [1] * 20 + [20], "as many calls as characters, and one"
    for name in ("logit", "gradient"):
        ((largest, difference),) = printed(out, name)
        assert difference < 1e-4 < largest, name
