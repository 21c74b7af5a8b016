"""*Does it know that it is asking?*, with networks made by hand."""

import math
import re
import string

import pytest
import torch
from notebooks import as_text, by_hand, parrot, printed

MARKS = [string.printable.index(mark) for mark in "?."]
ASK, STATE = "Q0 to the very end", "S0 to the very end"
ASKS, STATES = ([f"{kind}{n} is {n} {n} end" for n in range(6)] for kind in "QS")
SENTENCES = "?\n".join(ASKS[:2]) + "?\n" + ".\n".join(STATES[2:]) + ".\n"
TEXT = 90 * "\n" + SENTENCES + "Q is short end?\nS is short end.\n"  # four words


@by_hand
def by_q(characters, state):
    """A network that finds "?" likelier by 0.5 nats after a sentence that begins with
    Q, and by 1 nat more if the same word stands before the last two and in them."""
    text, logits = as_text(characters), torch.zeros(len(characters), 100)
    if len(text) < 90:  # not the whole text, for its loss
        assert text.startswith("\n\n"), "Ask after each sentence in a new paragraph."
        first, *_, before, same, _ = text.split()
        logits[-1, MARKS[0]] = 0.5 * first.startswith("Q") + (before == same)
    return logits, state


# What `learn` returns here for a layer, without weights (False) and with them
NETWORKS = {
    ("ForgetfulLSTM", False): parrot(3 * torch.eye(100)[14]),
    ("LSTM", True): parrot(2 * torch.eye(100)[MARKS[0]]),
    ("ForgetfulLSTM", True): parrot(torch.eye(100)[MARKS[0]]),
}


@pytest.fixture
def asking(lab):
    """The laboratory after `weighted`, with such texts, sentences, and networks."""

    def learn(layer, text, rate, weight=None):
        network = layer.__name__, weight is not None
        lab["calls"][network] = text, rate, weight
        return NETWORKS.get(network, by_q)

    lab.update(training_text=TEXT + SENTENCES.lower(), test_text=TEXT, learn=learn)
    lab.update(calls={}, ForgetfulLSTM=type("ForgetfulLSTM", (), {}))
    lab.run("setup")
    lab.run("sentences")
    lab.update(model=by_q, sentences=(ASK, STATE))
    for cell_id in ("asking", "forgetful", "weighted"):
        lab.run(cell_id)
    return lab


def p_of(nats):
    """Return the probability of "?" that is likelier than "." by so many nats."""
    return pytest.approx(1 / (1 + math.exp(-nats)), abs=0.006)


def test_how_likely_a_question_mark_is_after_sentences_with_other_beginnings(asking):
    """Those of five words and more, of the test text; the last two words stay."""
    out = asking.out["asking"]
    for sentence, nats in ((ASK, 0.5), (STATE, 0)):
        told = f"{sentence}: p(“?”), if “?” or “.” follows"
        assert [p_of(nats)] in printed(out, sentence, 1), told
    assert printed(out, "whole...same kind...other kind"), "columns, in this order"
    for kind, n, *nats in (("questions", 2, 1.5, 0.5, 0), ("statements", 4, 1, 0, 0.5)):
        told = f"{n} {kind}; the means whole, with another's beginning, of each kind"
        assert printed(out, kind, 4) == [[n, *map(p_of, nats)]], told


def test_what_the_further_networks_learn_from_and_what_is_printed_of_each(asking):
    assert asking["calls"].keys() == NETWORKS.keys(), "layers, without and with weights"
    for network, (text, rate, weight) in asking["calls"].items():
        same = text == asking["training_text"] and rate == 0.01
        assert same, f"{network}: the training text and LEARNING_RATE"
        counts = [50 if char in "?." else 1 for char in string.printable]
        assert weight is None or weight.tolist() == counts, "both marks 50, others 1"

    def loss_of(network):
        logits, _ = network(asking["test_inputs"])
        nats = torch.nn.functional.cross_entropy(logits, asking["test_targets"])
        return [pytest.approx(nats.item(), abs=0.006)]

    out, forgetful = asking.out["forgetful"], NETWORKS["ForgetfulLSTM", False]
    for name, network in (("model", by_q), ("forgetful", forgetful)):
        assert loss_of(network) in printed(out, f"test...{name}", 1), "the test loss"
    parts = re.split(r"(?m)^\W*(forgetful|\w*LSTM)\b", out + asking.out["weighted"])
    for name, nats in (("forgetful", 0.0), ("LSTM", 2.0), ("ForgetfulLSTM", 1.0)):
        part = parts[parts.index(name) + 1]
        told = f"what {name} says after a sentence, and its three means"
        assert [p_of(nats)] in printed(part, ASK, 1), told
        assert [[2] + 3 * [p_of(nats)]] == printed(part, "questions", 4), told
        network = NETWORKS.get((name, True), forgetful)
        assert loss_of(network) in printed(out + part, "test", 1), f"test loss, {name}"


def test_what_it_goes_by(asking):
    """`model` and the weighted `nn.LSTM` are asked; the training text is counted."""
    networks = by_q, NETWORKS["LSTM", True]
    training = "May I go?\nCan you?\nMy cat? You may. You can. I do. It may. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50)
    out = asking.run("cats")
    head = next(line.split() for line in out.splitlines() if "model" in line)
    for sentence in asking["cats"]:
        row = dict(zip(head, printed(out, sentence)[0]))
        for name, network in zip(("model", "weighted"), networks):
            p = pytest.approx(asking["asks"](network, sentence), abs=0.0006)
            assert row[name] == p, f"{name}: {sentence}"
    for words, counts in (("I|my", [[2, 3], [1, 5]]), ("you|your", [[1, 3], [3, 5]])):
        told = f"{words} in questions, in statements: {counts}"
        assert "training text" in out and printed(out, words, 2) == counts, told


def test_forget_gates_that_begin_open_or_stay_at_zero_through_a_training(lab):
    lab.run("memory-text")
    lab.run("memory")

    def biases(layer):
        torch.manual_seed(0)
        made = layer(12, 16, 1)
        return (made.bias_ih_l0 + made.bias_hh_l0).detach().split(16)  # i, f, g, o

    pairs = [*zip(biases(torch.nn.LSTM), biases(lab["OpenLSTM"]))]
    same = [torch.equal(*pair) for pair in pairs]
    about_2 = (pairs[1][1] - 2).abs().max() < 0.3
    assert about_2 and same == [True, False, True, True], "2, of forget gates alone"
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    (lstm,) = (part for part in network.modules() if isinstance(part, torch.nn.LSTM))
    x, h = torch.randn(1, 12), torch.randn(1, 16)
    with torch.no_grad():
        states = [lstm(x, (h, c * torch.ones(1, 16)))[1] for c in (0, 9)]
    for without, with_c in zip(*states):
        assert torch.equal(without, with_c), "The old c should leave no trace."
        assert without.abs().max() > 0.001, "Only the forget gates should be closed."
