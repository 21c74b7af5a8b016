"""The laboratory, with networks whose answers are known."""

import math
import re
import string
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebooks import as_text, curve, printed


def test_learn_trains_as_the_training_cell_does_and_with_weights(lab):
    lab.run("train")
    rate, text = lab["LEARNING_RATE"], lab["training_text"]
    lab.update(LEARNING_RATE=0, training_text="x" * 900)  # what counts is the argument
    network = lab["learn"](torch.nn.LSTM, text, rate)
    pairs = zip(network.parameters(), lab["model"].parameters())
    difference = max((a - b).abs().max().item() for a, b in pairs)
    told = f"`learn`, with the seed, this text, and rate {rate}, learns other weights"
    assert difference < 1e-4, f"{told} than the training cell, by {difference}."
    weight = torch.ones(100)
    weight[10] = 50  # of "a"
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

    agree, differ = "Many calls agree with one here", "Many calls differ from one here"
    for function, told in ((forward, agree), (other, differ)):
        lab["model"].forward = function
        out = lab.run("one-call")
        rows = sorted(printed(out, "calls... ms", 3))
        assert rows == [[1, 20, 1000], [20, 1, 20000]], "calls, their size, their time"
        for name in ("logit", "gradient"):
            ((largest, difference, *_),) = printed(out, f"largest {name}...difference")
            same = difference < 1e-4 < largest
            assert same is (told == agree), f"{told}; printed of a {name}: {difference}"


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
    heads = printed(out, "seen...followed...p(t)"), printed(out, "new...test loss")
    assert all(heads), "headings, in this order: seen, followed, p(t); new, test loss"
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

    lab["learn"] = learn
    lab["generate"] = lambda network, *asked: f"by {network.layer}: {asked}"
    lab.run("memory-text")
    lines = lab["test_lines"]
    lab.run("memory-text")
    assert lines == lab["test_lines"], "the same lines every time"
    told = "300 lines: a digit, ten letters from a to d, a space, the same digit"
    assert re.fullmatch(r"((\d)[a-d]{10} \2\n){300}", lab["test_lines"]), told
    lines, tests = (lab[key].splitlines() for key in ("training_lines", "test_lines"))
    assert len({*lines}.difference(tests)) > 5000, "enough lines to learn, and others"
    parts = re.split(r"(?m)^\W*(\w*LSTM|RNN)\b", lab.run("memory"))
    for layer, k in guesses.items():
        part = parts[parts.index(layer) + 1]
        told = "Each network writes five lines of its own, from a line break."
        assert f"by {layer}: ('\\n', 70, 0.5)" in part, told
        costs = math.log(k), (13 * math.log(100) + math.log(k)) / 14
        told = f"{layer}: second digit {costs[0]:.2f}, all {costs[1]:.2f}"
        assert pytest.approx(costs, abs=0.006) in printed(part, "second...all", 2), told
    expected = {"LSTM": 0.01, "ForgetfulLSTM": 0.01, "RNN": 0.002}
    assert expected.items() <= rates.items(), f"rates: {rates}"


def test_the_gradient_before_training_at_each_character(lab):
    """A step of this plain layer multiplies it by a half; no network is trained."""

    class Halving(torch.nn.RNN):
        def __init__(self, *sizes):
            super().__init__(*sizes)
            for weight in self.parameters():
                weight.data *= 1e-3  # so small that tanh changes nothing
            self.weight_hh_l0.data = torch.eye(16) / 2

    lab.run("memory-text")
    lab.update(rates={Halving: 0.01}, learn=None, OpenLSTM=torch.nn.LSTM)
    out = lab.run("gradients")
    (axes,) = lab.figures["gradients"][0].axes
    _, sizes, _ = curve(axes, "Halving")
    told = "from the digit to the space, where it is 1; a half at each step back"
    assert sizes == pytest.approx([0.5**n for n in range(11, -1, -1)], rel=1e-3), told
    assert printed(out, "Halving...digit") == [pytest.approx([0.5**11], rel=0.1)], told
    first, *_, last = (label.get_text() for label in axes.get_xticklabels())
    named = first, last, axes.get_yscale(), axes.get_title()
    assert named == ("digit", "space", "log", "before training")


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
    assert abs(len(before) - len(after)) < 2, "The exchange is halfway."
    assert len(after.unique(dim=1).T) > 100, "Each line has letters of its own."
    unlike, alike = ([h for h, c in states if (h == c) is is_] for is_ in (False, True))
    row = [len(unlike), sum(h < 3 for h in unlike), sum(3 <= h < 9 for h in unlike)]
    told = f"Lines with another digit, that expect their own, that of the c: {row}"
    assert row in printed(out, "the c of...another...own...of the c", 3), told
    row = [len(alike), sum(h < 9 for h in alike)]
    assert row in printed(out, "the c of...same digit", 2), f"the same digit: {row}"
