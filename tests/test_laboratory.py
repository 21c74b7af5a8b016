"""The laboratory's other experiments, with networks whose answers are known."""

import math
import re
from collections import Counter

import numpy as np
import pytest
import torch
from notebooks import as_text, printed


def test_no_network_and_no_table_reads_the_last_tenth(lab):
    """Whatever a network learns from is the training text, or lines of digits."""
    draw_example, learned = lab["draw_example"], []

    def noting(text, *args):
        learned.append(text)
        return draw_example(text, *args)

    lab["draw_example"] = noting
    for cell_id in lab.after("portions"):
        lab.run(cell_id)
    assert set(learned) == {lab["training_text"], lab["training_lines"]}
    assert lab["seen"][""] < len(lab["training_text"]), "The table counts the rest."


def test_the_table_asks_the_shorter_context(lab):
    """Each context adds ten observations, shared out as the next shorter one would."""
    text = "that hat, a cat that sat, and the hat at that. " * 9
    lab.update(training_text=text + "." * 9, test_text=text[5:305])

    def expected(char, context):
        p = 1 / 100
        for start in range(len(context), -1, -1):  # from no context to the whole
            pattern = f"(?={re.escape(context[start:])}(.))"  # a match at each place
            followers = Counter(re.findall(pattern, text))
            p = (followers[char] + 10 * p) / (followers.total() + 10)
        return p

    lab.run("setup")
    found = printed(lab.run("table"))
    p = pytest.approx(expected("t", "tha"), abs=0.006)
    assert [text.count("tha"), text.count("that"), p] in found, "the example"
    tests = lab["test_text"]
    p = [expected(tests[i], tests[i - 8 : i]) for i in range(8, 300)]
    assert [8, pytest.approx(-np.log(p).mean(), abs=0.015)] in found, "contexts of 8"
    logits, _ = lab["model"](lab["test_inputs"])
    network = torch.nn.functional.cross_entropy(logits, lab["test_targets"]).item()
    assert [pytest.approx(network, abs=0.006)] in found, "the network's test loss"


def test_each_line_ends_in_its_first_digit(lab):
    lab.run("memory-text")
    for lines in (lab["training_lines"], lab["test_lines"]):
        assert re.fullmatch(r"((\d)[a-d]{10} \2\n)+", lines)
        assert set(re.findall(r"(?m)^\d", lines)) == set("0123456789")
    assert lab["training_lines"][:140] != lab["test_lines"][:140], "lines of their own"


def test_the_second_digit_and_a_transplant_whose_answer_is_known(lab):
    """After a space, this network guesses among the ten digits, elsewhere among all 100
    characters. Its h and c hold the first digit of a line. When it reads on, it goes by
    h where that is below 3, else by c, but where h is 9, it expects no digit."""
    read, joined, rates = [], [], {}

    def network(characters, state=None):
        if characters.dim() == 1:
            assert as_text(characters) == lab["test_lines"][:-1]
            logits = torch.zeros(len(characters), 100)
            logits[[char == " " for char in as_text(characters)], :10] = 90
            return logits, None
        read.append({as_text(line) for line in characters.T})
        logits = torch.zeros(*characters.shape, 100)
        if state is None:
            digits = characters[1].float()[None, :, None]  # (1, lines, 1)
            return logits, (digits, digits)
        joined.extend(zip(*(vector.flatten().int().tolist() for vector in state)))
        for k, (h, c) in enumerate(joined):
            logits[-1, k, h if h < 3 else 50 if h == 9 else c] = 1
        return logits, state

    def learn(layer, text, rate):
        assert text == lab["training_lines"]
        rates[layer.__name__] = rate
        return network

    lab["learn"] = learn
    lab.run("memory-text")
    out = lab.run("memory")
    assert {"LSTM": 0.01, "ForgetfulLSTM": 0.01, "RNN": 0.002}.items() <= rates.items()
    mean = pytest.approx((13 * math.log(100) + math.log(10)) / 14, abs=0.01)
    costs = [found for found in printed(out) if len(found) == 2]
    assert costs == [[2.3, mean]] * len(rates), "second digit and mean, of each network"

    found = printed(lab.run("transplant"))
    assert min(map(len, read)) > 100, "Each line should have its own letters."
    unlike = [h for h, c in joined if h != c]
    alike = [h for h, c in joined if h == c]
    own, by_cell = sum(h < 3 for h in unlike), sum(3 <= h < 9 for h in unlike)
    assert [len(unlike), own, by_cell] in found, "another digit: own, that of the c"
    assert [len(alike), sum(h < 9 for h in alike)] in found, "the same digit"
