"""The laboratory, with networks whose answers are known."""

import math
import re
import string
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import as_text, by_hand, curve, parrot, printed


def test_learn_trains_as_the_training_cell_does_and_with_weights(lab):
    lab.run("train")
    rate, text = lab["LEARNING_RATE"], lab["training_text"]
    lab.update(LEARNING_RATE=0, training_text="x" * 900)  # what counts is the argument
    network = lab["learn"](torch.nn.LSTM, text, rate)
    test_loss = pytest.approx(lab["test_losses"][7], abs=1e-4)
    assert lab["test_loss_of"](lab["model"]) == test_loss, "that of the log"
    pairs = zip(network.parameters(), lab["model"].parameters())
    difference = max((a - b).abs().max().item() for a, b in pairs)
    assert difference < 1e-4, f"`learn` and the training cell differ by {difference}."
    weight = 1 + 49 * torch.eye(100)[10]  # of "a"
    weighted = lab["learn"](torch.nn.LSTM, text, rate, weight)
    logits = [learned(lab["inputs"])[0] for learned in (network, weighted)]
    less, more = (torch.softmax(each, dim=-1)[:, 10].mean() for each in logits)
    assert more > less, "A character that counts more in the loss becomes likelier."


def test_one_call_is_compared_with_many(lab):
    """They agree; and where a call of more characters has larger logits, they don't."""
    forward, calls = lab["model"].forward, []
    lab["model"].register_forward_hook(lambda *_: calls.append("one"))
    lab["time"] = SimpleNamespace(perf_counter=lambda: len(calls))  # a second a call

    def other(characters, state=None):
        logits, state = forward(characters, state)
        return logits * len(characters), state

    for function, agree in ((forward, True), (other, False)):
        lab["model"].forward = function
        out = lab.run("one-call")
        rows = sorted(printed(out, "calls... ms", 3))
        assert rows == [[1, 20, 1000], [20, 1, 20000]], "calls, their size, their time"
        for name in ("logit", "gradient"):
            ((largest, difference, *_),) = printed(out, f"largest {name}...difference")
            told = f"{name}s agree here: {agree}; but the difference is {difference}"
            assert (difference < 1e-4 < largest) is agree, told


def test_the_table_asks_the_shorter_context(lab):
    """Each context adds ten observations, shared out as the next shorter one would."""
    text = "that hat, a cat that sat, and the hat at that. " * 9
    lab.update(training_text=text + "." * 9, test_text=text[5:205] + 9 * "that tat hat")

    def expected(char, context):
        p = 1 / 100
        for start in range(len(context), -1, -1):  # from no context to the whole
            pattern = f"(?={re.escape(context[start:])}(.))"  # a match at each place
            followers = Counter(re.findall(pattern, text))
            p = (followers[char] + 10 * p) / (followers.total() + 10)
        return p

    lab.run("setup")
    lab["test_loss_of"] = lambda network: 7.25 if network is lab["model"] else 0
    out, tests = lab.run("table"), lab["test_text"]
    assert [7.25] in printed(out, "test...network", 1), "the test loss of `model`"
    p = pytest.approx(expected("t", "tha"), abs=0.006)
    example = [text.count("tha"), text.count("that"), p]
    assert example in printed(out, "'tha'", 3), f"counted in training_text: {example}"
    for heads in ("seen...followed...p(t)", "new...test loss"):
        assert printed(out, heads), f"headings, in this order: {heads}"
    for n in (1, 3, 8):
        contexts = [tests[i - n : i] for i in range(n, len(tests))]
        new = np.mean([context not in text for context in contexts])
        p = [expected(char, context) for char, context in zip(tests[n:], contexts)]
        expect = pytest.approx([round(100 * new), -np.log(p).mean()], abs=0.015)
        row = next(found for found in printed(out) if found[:1] == [n])
        told = f"{n}: % of test_text's contexts new to training_text; the table's loss"
        assert row[1:3] == expect, told


def test_what_each_network_writes_and_what_its_second_digit_costs(lab):
    """After a space, these networks guess among 10, 20, 40 characters, else 100."""
    guesses, rates = Counter(LSTM=10, ForgetfulLSTM=20, RNN=40), {}

    def learn(layer, text, rate):
        assert text == lab["training_lines"], "What the networks learn are the lines."
        layer = layer.__name__
        rates[layer] = rate

        def network(characters):
            assert as_text(characters) == lab["test_lines"][:-1], "new lines"
            logits = torch.zeros(len(characters), 100)
            logits[characters == string.printable.index(" "), : guesses[layer]] = 90
            return logits, None

        network.layer = layer
        return network

    lab.update(learn=learn, generate=lambda by, *asked: f"by {by.layer}: {asked}")
    lab.run("memory-text")
    lines = lab["test_lines"]
    lab.run("memory-text")
    assert lines == lab["test_lines"], "the same lines every time"
    told = "300 lines: a digit, ten letters from a to d, a space, the same digit"
    assert re.fullmatch(r"((\d)[a-d]{10} \2\n){300}", lines), told
    other = {*lab["training_lines"].splitlines()}.difference(lines.splitlines())
    assert len(other) > 5000, "enough lines to learn, and others"
    parts = re.split(r"(?m)^\W*(\w*LSTM|RNN)\b", lab.run("memory"))
    for layer, k in guesses.items():
        part = parts[parts.index(layer) + 1]
        assert f"by {layer}: ('\\n', 70, 0.5)" in part, "five lines, from a line break"
        costs = math.log(k), (13 * math.log(100) + math.log(k)) / 14
        told = f"{layer}: second digit {costs[0]:.2f}, all {costs[1]:.2f}"
        assert pytest.approx(costs, abs=0.006) in printed(part, "second...all", 2), told
    expected = dict(LSTM=0.01, ForgetfulLSTM=0.01, RNN=0.002)
    assert rates == rates | expected, f"learning rates of the three: {expected}"


def test_the_gradient_before_training_at_each_character(lab):
    """A step of this layer halves it (in odd lines, with a minus); none is trained."""

    class Halving(torch.nn.Linear):
        def __init__(self, input_size, hidden_size, num_layers):
            super().__init__(input_size, hidden_size)

        def forward(self, x):
            n, line = torch.arange(len(x)), torch.arange(x.shape[1])
            left = torch.tril(0.5 ** (n[:, None] - n)) * (n > 0)  # of the line break, 0
            sign = (-1) ** (n[:, None] * line)[..., None]
            return sign * torch.tensordot(left, sign * super().forward(x), 1), None

    lab.run("memory-text")
    lab.update(rates={Halving: 0.01}, learn=None, OpenLSTM=torch.nn.LSTM)
    out = lab.run("gradients")
    (axes,) = lab.figures["gradients"][0].axes
    _, sizes, _ = curve(axes, "Halving")
    told = "from the digit to the space, where it is 1; a half at each step back"
    assert sizes == pytest.approx([0.5**n for n in range(11, -1, -1)], rel=1e-3), told
    assert printed(out, "Halving...digit") == [pytest.approx([0.5**11], rel=0.1)], told
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["digit", *map(str, range(1, 11)), "space"], "names on the x axis"
    assert axes.get_yscale() == "log" and "space: 1" in axes.get_ylabel(), "the y axis"
    assert "training" in axes.get_title(), "before training"


def test_a_transplant_whose_answer_is_known(lab):
    """The h and the c of this network are the first digit of its line, and that plus
    20. When it reads on, it expects h below 3, no digit where h is 9, and else c."""
    parts, states = [], []

    def network(characters, state=None):
        parts.append(characters)
        logits = torch.zeros(*characters.shape, 100)
        if state is None:
            digits = characters[1].float()[None, :, None] + torch.tensor([0, 20])
            return logits, (digits, digits)
        states.extend(zip(*(vector[0, :, 0].int().tolist() for vector in state)))
        for line, (h, c) in enumerate(states):
            logits[-1, line, h if h < 3 else 50 if h == 9 else c] = 1
        return logits, state

    lab.run("memory-text")
    lab.update(carriers={torch.nn.LSTM: network}, rates={}, OpenLSTM=torch.nn.LSTM)
    lab.run("gradients")
    out = lab.run("transplant")
    before, after = parts
    assert {*as_text(after[-1])} == {" "}, "The digit is expected after the space."
    digits = [int(line[0]) for line in lab["test_lines"].splitlines()]
    told = "Each line keeps its h, and gets the c of the next (the last, of the first)."
    assert states == [*zip(digits, digits[1:] + digits[:1])], told
    halfway, own = abs(len(before) - len(after)) < 2, len(after.unique(dim=1).T) > 100
    assert halfway and own, "Exchange halfway; each line has letters of its own."
    unlike, alike = ([h for h, c in states if (h == c) is is_] for is_ in (False, True))
    row = [len(unlike), sum(h < 3 for h in unlike), sum(3 <= h < 9 for h in unlike)]
    told = f"Lines with another digit, that expect their own, that of the c: {row}"
    assert row in printed(out, "the c of...another...own...of the c", 3), told
    row = [len(alike), sum(h < 9 for h in alike)]
    assert row in printed(out, "the c of...same digit", 2), f"the same digit: {row}"


MARKS = [string.printable.index(mark) for mark in "?."]
ASK, STATE = "Q0 to the very end", "S0 to the very end"
SENTENCES = "".join(f"Q{n} is {n} {n} end?\n" for n in "01")
SENTENCES += "Q, a heading\n" + "".join(f"S{n} is {n} {n} end.\n" for n in "2345")
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
        assert [p_of(nats)] in printed(out, sentence, 1), "p(“?”) of both marks"
    example = r"(?s)Q1 is 1 1 end.*same.* Q0 is 0 1 end.*other.* S(.) is \1 1 end"
    assert re.search(example, asking.out["sentences"]), "a question, in all three forms"
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
        return [pytest.approx(asking["test_loss_of"](network), abs=0.006)]

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
        assert loss_of(network) in printed(out + part, "test...nats", 1), f"of {name}"


def test_what_it_goes_by(asking):
    """`model` and the weighted `nn.LSTM` are asked; the training text is counted."""
    both = by_q, NETWORKS["LSTM", True]
    training = "May I go?\nCan you?\nMy cat? You may. You can. I do. It may. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50)
    out = asking.run("cats")
    told = "columns, in this order; then, the training text is counted"
    assert printed(out, "model...weighted") and "training text" in out, told
    for sentence in asking["cats"]:
        p = [pytest.approx(asking["asks"](one, sentence), abs=6e-4) for one in both]
        assert printed(out, sentence, 2) == [p], f"model, weighted: {sentence}"
    counts = {"I|my...questions": [2, 3], "I|my...statements": [1, 5]}
    counts |= {"you|your...questions": [1, 3], "you|your...statements": [3, 5]}
    for words, row in counts.items():
        assert printed(out, words, 2) == [row], f"in the training text, {words}: {row}"


def test_forget_gates_that_begin_open_or_stay_at_zero_through_a_training(lab):
    def biases(layer):
        return (layer.bias_ih_l0 + layer.bias_hh_l0).detach().split(16)  # i, f, g, o

    lab.run("memory-text")
    lab.run("memory")
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    (closed,) = (part for part in network.modules() if isinstance(part, torch.nn.LSTM))
    for layer, bias in ((lab["OpenLSTM"](12, 16, 1), 2), (closed, -100)):
        _, f, *_ = biases(layer)
        rest = torch.cat(biases(layer)).abs().sum() - f.abs().sum()
        told = f"{bias} is the bias of the forget gates alone."
        assert (f - bias).abs().max() < 0.6 and rest / 48 < 0.4, told
