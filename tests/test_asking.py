"""*Does it know that it is asking?*, with networks made by hand."""

import re
import string

import pytest
import torch
from notebooks import as_text, by_hand, parrot, printed

MARKS = [string.printable.index(mark) for mark in "?."]
FORGETFUL = type("ForgetfulLSTM", (), {})  # stands in for the layer of that name
ASK, STATE = "Q" + 20 * "a" + "-", "S" + 20 * "a" + "-"


def text_of(num_asks, num_states):
    """Return a text with that many questions and statements, and short sentences."""
    sentences = num_asks * f"{ASK}?\n" + num_states * f"{STATE}.\n"
    return 100 * "\n" + sentences + 9 * "yes?\nyes.\n"


@by_hand
def by_q(characters, state):
    """A network that finds "?" likelier than ".", by 0.5 nats, if it sees "\\nQ"."""
    sees_q = as_text(characters[-23:-21]) == "\nQ"
    logits = torch.zeros(len(characters), 100)
    logits[:, MARKS] = torch.tensor([-6.0 + sees_q, -5.5])
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

    lab.update(training_text=text_of(50, 100), test_text=text_of(13, 26), learn=learn)
    lab.update(calls={}, sentences=(ASK, STATE), model=by_q, ForgetfulLSTM=FORGETFUL)
    for cell_id in ("asking", "forgetful", "weighted"):
        lab.run(cell_id)
    return lab


def test_how_likely_a_question_mark_is_after_sentences_and_at_the_ends(asking):
    """Short sentences do not count. The Q is seen with 100 characters, not with 10."""
    out = asking.out["asking"]
    for sentence, p in ((ASK, 0.622), (STATE, 0.378)):  # e^0.5 to 1, and 1 to e^0.5
        ((found, *_),) = printed(out, sentence)
        assert found == pytest.approx(p, abs=0.006), "p(“?”), if “?” or “.” follows"
    head = next(row for row in printed(out) if {10, 100} <= set(row))
    for kind, n, p in (("questions", 13, 0.62), ("statements", 26, 0.38)):
        expected = pytest.approx([n, 0.38, p], abs=0.006)
        ((number, *means),) = printed(out, kind)
        row = [number, *(dict(zip(head, means))[size] for size in (10, 100))]
        assert row == expected, "ends, means of 10, 100; a context ends before the mark"


def test_what_the_further_networks_learn_from(asking):
    assert asking["calls"].keys() == NETWORKS.keys(), "layers, without and with weights"
    for network, (text, rate, weight) in asking["calls"].items():
        same = text == asking["training_text"] and rate == 0.01
        assert same, f"{network}: the training text and LEARNING_RATE"
        if weight is not None:
            counts = zip(string.printable, weight.tolist())
            more = {char: count for char, count in counts if count != 1}
            assert more == {"?": 50, ".": 50}, f"{network}: these count 50, others 1."


def test_what_is_printed_of_each_further_network(asking):
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
        p = pytest.approx(torch.sigmoid(torch.tensor(nats)).item(), abs=0.006)
        assert [p] in printed(part, ASK, 1), f"what {name} says after a sentence"
        network = NETWORKS.get((name, True), forgetful)
        assert loss_of(network) in printed(out + part, "test", 1), f"test loss, {name}"


def test_what_it_goes_by(asking):
    """`model` and the weighted `nn.LSTM` are asked; the training text is counted."""
    networks, original = (by_q, NETWORKS["LSTM", True]), asking["asks"]

    def asks(network, text):
        assert text.startswith("\n\n"), "Ask after each sentence in a new paragraph."
        return original(network, text)

    training = "May I go?\nCan you?\nMy cat? You may. You can. I do. It may. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50, asks=asks)
    out = asking.run("cats")
    head = next(line.split() for line in out.splitlines() if "model" in line)
    for sentence in asking["cats"]:
        row = dict(zip(head, printed(out, sentence)[0]))
        for name, network in zip(("model", "weighted"), networks):
            p = pytest.approx(asks(network, "\n\n" + sentence), abs=0.0006)
            assert row[name] == p, f"{name}: {sentence}"
    for words, counts in (("I|my", [[2, 3], [1, 5]]), ("you|your", [[1, 3], [3, 5]])):
        told = f"{words} in questions, in statements: {counts}"
        assert "training text" in out and printed(out, words, 2) == counts, told


def test_the_forget_gates_stay_at_zero_through_a_training(lab):
    lab.run("memory-text")
    lab.run("memory")
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    (lstm,) = (part for part in network.modules() if isinstance(part, torch.nn.LSTM))
    x, h = torch.randn(1, 12), torch.randn(1, 16)
    with torch.no_grad():
        states = [lstm(x, (h, c * torch.ones(1, 16)))[1] for c in (0, 9)]
    for without, with_c in zip(*states):
        assert torch.equal(without, with_c), "The old c should leave no trace."
        assert without.abs().max() > 0.001, "Only the forget gates should be closed."
