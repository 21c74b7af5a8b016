"""*Does it know that it is asking?*, with networks made by hand."""

import string

import pytest
import torch
from notebooks import printed, rows, values

MARKS = [string.printable.index(mark) for mark in "?."]
ASK, STATE = "Q" + 20 * "a" + "-", "S" + 20 * "a" + "-"


def text_of(num_asks, num_states):
    """Return a text with that many questions and statements, and short sentences."""
    sentences = num_asks * f"{ASK}?\n" + num_states * f"{STATE}.\n"
    return 100 * "\n" + sentences + 9 * "yes?\nyes.\n"


def by_q(characters, state=None):
    """A network that finds "?" likelier than ".", by 0.5 nats, if it sees the Q."""
    sees_q = len(characters) >= 22 and characters[-22] == string.printable.index("Q")
    logits = torch.zeros(len(characters), 100)
    logits[:, MARKS] = torch.tensor([-6.0 + sees_q, -5.5])
    return logits, state


def expecting(char, nats):
    """Return a network that always expects char, by nats more than each other."""
    logits = torch.zeros(100)
    logits[string.printable.index(char)] = nats
    return lambda characters, state=None: (logits.expand(len(characters), 100), state)


@pytest.fixture
def asking(lab):
    """The laboratory after `asking`, with such texts and sentences."""
    lab.update(training_text=text_of(50, 100), test_text=text_of(13, 26))
    lab.update(sentences=(ASK, STATE), model=by_q)
    lab.run("asking")
    return lab


def test_how_likely_a_question_mark_is_and_where_it_is_the_likelier_one(asking):
    """Short sentences do not count. The Q is seen with 40 and with 100 characters."""
    out = asking.out["asking"]
    for sentence, p in ((ASK, 0.622), (STATE, 0.378)):  # e^0.5 to 1, and 1 to e^0.5
        assert printed(out, sentence) == [[p]], "p(“?”), if “?” or “.” follows"
    table = rows(out, [10, 20, 40, 100])
    found = {values(label)[0]: row for label, row in table.items() if values(label)}
    assert found.keys() == {13, 26}, "13 questions and 26 statements of the test text"
    assert found[13] == {10: 0, 20: 0, 40: 13, 100: 13}, "at the questions"
    assert set(found[26].values()) == {0}, "at the statements"


def test_what_the_two_further_networks_learn_and_what_is_printed_of_them(asking):
    learned, forgetful, weighted = {}, expecting("e", 3), expecting("?", 2)

    def learn(layer, text, rate, weight=None):
        counts = None if weight is None else (weight[MARKS].tolist(), weight.sum())
        learned[layer.__name__] = text == asking["training_text"], rate, counts
        return forgetful if weight is None else weighted

    asking["learn"] = learn
    for cell_id in ("memory-text", "memory", "weighted"):
        out = asking.run(cell_id)
    assert learned["ForgetfulLSTM"] == (True, 0.01, None), "the training text"
    counts = [50, 50], 98 + 50 + 50
    assert learned["LSTM"] == (True, 0.01, counts), "“?” and “.” count fifty times."
    networks = {"model": by_q, "forgetful": forgetful, "weighted": weighted}
    for name, network in networks.items():
        logits, _ = network(asking["test_inputs"])
        nats = torch.nn.functional.cross_entropy(logits, asking["test_targets"]).item()
        assert [round(nats, 2)] in printed(out, name), f"the test loss of {name}"
    assert printed(out, ASK) == [[0.881]], "e^2 to 1: `weighted`, after a sentence"


def test_the_forget_gates_stay_at_zero_through_a_training(lab):
    lab.run("memory-text")
    lab.run("memory")
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    x, h = torch.randn(1, 12), torch.randn(1, 16)
    with torch.no_grad():
        states = [network.recurrent(x, (h, c * torch.ones(1, 16)))[1] for c in (0, 9)]
    for without, with_c in zip(*states):
        assert torch.equal(without, with_c), "The old c should leave no trace."
        assert without.abs().max() > 0.001, "Only the forget gates should be closed."
