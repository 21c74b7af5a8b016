"""Experiments beside a slower or simpler way to the same; other texts; exercises."""

import re
import textwrap
from string import printable

import numpy as np
import pytest
import torch
from notebooks import LESSON, curves, printed, read, values
from torch.nn import LSTM, RNN
from torch.nn.functional import cross_entropy


def test_learn_trains_as_the_training_cell_does_and_with_weights(lab):
    rate, text = lab["LEARNING_RATE"], lab["training_text"]
    lab.update(LEARNING_RATE=0, training_text="x" * 900)  # what counts is the argument
    network = lab["learn"](LSTM, text, rate)
    test_loss = pytest.approx(lab["test_losses"][7], abs=1e-4)
    assert lab["test_loss_of"](network) == test_loss, "as in the log"
    weighted = lab["learn"](LSTM, text, rate, 1 + 49 * torch.eye(100)[10])  # of "a"
    logits = [learned(lab["inputs"])[0] for learned in (network, weighted)]
    less, more = (torch.softmax(each, dim=-1)[:, 10].mean() for each in logits)
    assert more > less, "A character that counts more in the loss becomes likelier."


def test_many_calls_and_one_are_those_of_a_cell(lab):
    """Of PyTorch's LSTMCell, with the same weights."""
    assert printed(lab.run("one-call"), "calls of", 2) == [[20, 1], [1, 20]]
    model, cell, state, rows = lab["model"], torch.nn.LSTMCell(12, 16), None, []
    layer = model.recurrent.state_dict()
    cell.load_state_dict({key.removesuffix("_l0"): layer[key] for key in layer})
    for character in lab["inputs"].split(1):
        state = cell(model.embedding(character), state)
        rows.append(model.linear(state[0]))
    for way in (lab["by_one"], lab["at_once"]):
        assert torch.allclose(way["logit"], torch.cat(rows), atol=1e-5)


def test_the_loss_by_how_many_characters_are_seen(lesson):
    """At every fourth place, the last n characters are read by themselves."""
    text = lesson["test_text"] = lesson["test_text"][:160]
    lesson.run(*lesson.between("loss-map", "counts"))
    for n, loss in zip(*lesson.axes("context").lines[0].get_data()):
        nats = []
        for place in range(100, len(text), 4):
            read = lesson["char_to_tensor"](text[place - n : place])
            logits, _ = lesson["read_along"](lesson["model"], read)
            target = lesson["char_to_tensor"](text[place])
            nats.append(cross_entropy(logits[-1:], target).item())
        assert loss == pytest.approx(np.mean(nats), abs=1e-4), f"{n} characters"


def test_the_table_falls_back_on_shorter_contexts(lab):
    """In "abab...", of whose last eight places it counts none."""
    lab.update(training_text="ab" * 504, test_text="abba" * 99, NUM_ITER=60)
    out = lab.run("setup", "train", "table")
    a = (500 + 10 / 100) / (1000 + 10)
    b_a = (500 + 10 * a) / (500 + 10)
    for context, p in {"": a, "b": b_a, "?": a, "?b": b_a}.items():
        assert lab["table"]("a", context) == pytest.approx(p, abs=1e-3), context
    by_network = lab["model"](lab["test_inputs"])[0].softmax(dim=1)
    text, nats = lab["test_text"], []
    for n in range(8, len(text)):
        p = by_network[n - 1, printable.index(text[n])].item()
        nats.append(-np.log((p + lab["table"](text[n], text[n - 8 : n])) / 2))
    nats = pytest.approx(np.mean(nats), abs=6e-3)
    assert printed(out, "of their average") == [[nats]]


def test_how_far_a_network_is_from_tables_and_from_another(lab):
    """At the first and every hundredth place, after the training: sums written out."""
    lab.run("table", "which-table")
    networks = [lab["learn"](LSTM, lab["training_text"], 0.01, seed=n) for n in (7, 8)]
    for key, axis in (("first", 1), ("second", 1), ("places", 0)):
        lab[key] = lab[key].take(range(0, 500, 100), axis)
    lab.run("which-table-distances")
    nats = []
    for place in lab["places"]:
        read = lab["test_text"][: place + 1]
        logits = [network(lab["char_to_tensor"](read))[0][-1] for network in networks]
        p, second = (each.softmax(dim=0).tolist() for each in logits)
        contexts = [read[len(read) - size :] for size in (0, 1, 2, 3, 5)]
        tables = [[lab["table"](char, each) for char in printable] for each in contexts]
        others = [[0.01] * 100, *tables, second]
        nats.append([sum(p * np.log(np.divide(p, q))) for q in others])
    shown = [curve[-1] for curve in (*lab["curves"].values(), lab["between"])]
    assert shown == pytest.approx(np.mean(nats, axis=0), abs=1e-4)


@pytest.fixture
def carrying(lab):
    """The small laboratory before its transplant; its networks have hardly learned."""
    lab.run(*lab.between("which-table-distances", "transplant"))
    return lab


def test_the_gradient_before_training_line_by_line(carrying):
    torch.manual_seed(carrying["RANDOM_SEED"])
    network, sizes = carrying["RNN"](100, 12, 16, RNN), []
    for line in carrying["test_lines"].splitlines():
        indices = carrying["char_to_tensor"](f"\n{line}")
        embedded = network.embedding(indices[:-1])
        outputs, _ = network.recurrent(embedded)
        loss = cross_entropy(network.linear(outputs[-1:]), indices[-1:])
        (gradient,) = torch.autograd.grad(loss, embedded)
        sizes.append(gradient.norm(dim=1)[1:])  # from the first digit on
    means = torch.stack(sizes).mean(dim=0)
    means /= means[-1].clone()  # that of the space
    shown = curves(carrying.axes("gradients"))
    assert shown["RNN"] == pytest.approx(means.tolist(), rel=1e-4)


@pytest.mark.parametrize("goes_by", ["h", "c"])
def test_a_transplant_whose_answer_is_known(carrying, goes_by):
    """This network keeps the digit in a unit of h and of c, and goes by one of them."""

    def network(characters, state=None):
        if state is None:
            kept = torch.zeros(1, characters.shape[1], 16)
            kept[0, :, 5] = characters[1]  # after the line break; "7" has the index 7
            state = kept, kept
        expected = state["hc".index(goes_by)][0, :, 5].long()
        return torch.eye(100)[expected][None], state

    carrying["carriers"] = {LSTM: network}
    out = carrying.run(*carrying.between("gradients", "held"))
    first, _, *rows = out.splitlines()
    unlike, alike = values(first)
    own, other = [unlike, 0, alike], [0, unlike, alike]
    expected = dict(h=[own, own, own, own, other], c=[own, other, other, own, own])
    assert [values(row)[-3:] for row in rows] == expected[goes_by], rows


def test_what_ten_forget_gates_leave(carrying):
    """A forget gate is what the new unit gains where the old one gains 1."""
    network = carrying["carriers"][LSTM].requires_grad_(False)
    network.recurrent.weight_ih_l0 *= 9  # so that gates differ
    network.recurrent.bias_ih_l0[16:32] += 6  # and that forget gates are often open
    left, (h, c) = torch.ones(300, 16), torch.zeros(2, 1, 300, 16)
    for n, x in enumerate(network.embedding(carrying["texts"])):
        _, (_, more) = network.recurrent(x[None], (h, c + 1))
        _, (h, c) = network.recurrent(x[None], (h, c))
        if 2 <= n < 12:  # the letters, after the line break and the digit
            left *= (more - c)[0]
    carrying.run("transplant")
    holds = carrying["holds"] = torch.arange(16) < 5
    out = carrying.run("held")
    for name, units in (("holders", holds), ("the rest", ~holds)):
        means = left[:, units].mean(dim=0)
        row = [10, means.mean().item(), 0.9, (means > 0.9).sum().item(), len(means)]
        assert printed(out, f"left...{name}") == [pytest.approx(row, abs=6e-3)], name


def test_other_beginnings_and_what_is_asked_after_them(lab):
    lab.run(*lab.between("which-table-distances", "forgetful"))
    found = lab["sentences_of"]("Can I?\nYes. You may. A heading\n", ".")
    assert found == ["Yes", "You may"]
    ends = [[*"abcde"], [*"fghij"]]  # sentences of words of one letter
    others = [[*"KLM"], [*"NOPQ"]]
    assert lab["begin_anew"](ends, others) == [[*"NOde"], [*"Kij"]]
    assert lab["begin_anew"](ends, []) == [], "There are no others."
    model, read = lab["model"], lab["char_to_tensor"]
    logits, _ = model(read("\n\nIs it on"))
    question, stop = logits[-1, read("?.")].exp().tolist()
    p = pytest.approx(question / (question + stop), abs=1e-6)
    assert lab["asks"](model, "Is it on") == p, "after a blank line"
    model.recurrent.weight_hh_l0.data *= 9  # so that a state counts
    model.linear.weight.data *= 3
    (h, c), (h2, c2) = (model(read(f"\n\n{a}"))[1] for a in ("Is it", "The flat cat"))
    states = (h, c), (h2, c), (h, c2), (h2, c2)
    p = [lab["asks"](model, " on it", state) for state in states]
    whole, other_kind = "Is it on it".split(), "The flat cat sat down".split()
    lab.update(weighted=model, whole={"?": [whole], ".": []})
    lab["other_kind"] = {"?": [other_kind], ".": []}
    out = lab.run("beginnings")
    rows = printed(out, "1 questions")[0][1:], printed(out, "moved by")[0]
    p = p, [abs(each - p[0]) for each in p]
    assert rows == tuple(pytest.approx(row, abs=6e-3) for row in p), "h, c, both"
    model.linear.weight.data *= 0  # so that it expects the same after any text
    lab.run("generate")
    _, *lines = lab.run("dice").split("---")[1].splitlines()
    texts = {line.removeprefix(each) for line, each in zip(lines, lab["sentences"])}
    assert len(texts) == 1, "The same dice write the same."


def test_texts_without_new_words_commas_questions(lesson, lab):
    """The training text ends in a sign that nothing follows."""
    lesson.update(training_text="It sat here. #", test_text=" It sat here. " * 20)
    lesson["TEXT_PORTION_SIZE"] = 5
    lesson.run(*lesson.between("text"))
    assert re.search(r"0 new words( +nan){5}", lesson.out["loss-map"]), "no new words"
    units = re.findall(r"(?m)^unit \d+", lesson.out["cell-state"])
    assert len(units) == 2, "a space and a full stop"
    lab["test_text"] = "There is no question in here. " * 20
    lab.run(*lab.between("plot"))
    of_none = {"asking": 4, "weighted": 4, "beginnings": 16}  # means of no questions
    assert {key: lab.out[key].count("nan") for key in of_none} == of_none
    both = (lab["test_loss_of"](lab[key]) for key in ("model", "forgetful"))
    both = [[pytest.approx(loss, abs=6e-3)] for loss in both]
    assert printed(lab.out["forgetful"], "nats") == both, "each network's loss"


def test_the_solutions_of_exercises_2_and_6(lesson):
    sources = {cell.id: cell.source for cell in read(LESSON).cells}
    (solution,) = re.findall(r"(?m)^ +(\S.*lstm_step\(self.*)", sources["exercises"])
    (by_layer,) = re.findall(r"(?m)^ +([^#\n]*self\.lstm\(.*)", sources["model"])
    lesson.run("train")
    expected = pytest.approx(lesson["losses"], abs=1e-4)
    lesson.cells["model"] = sources["model"].replace(by_layer, solution)
    lesson.run("by-hand", "model", "setup", "train")
    assert lesson["losses"] == expected, "Exercise 2: with its line, the same losses"
    lesson["model"].lstm.register_forward_hook(lambda _, x, new: (new[0], new[1] + 9))
    assert printed(lesson.run("by-hand"), "difference")[0][0] > 0.9, "to another layer"

    (code,) = re.findall(r"(?s)\n( +@torch.no_grad.*?)\n +```", sources["exercises"])
    code = re.sub(r"tensor\(\[\d+\]", "tensor([3]", code)  # it has 16 units
    lesson.cells["exercise 6"] = textwrap.dedent(code)
    given, expected = values(lesson.run("exercise 6")), []
    biases = lesson["model"].lstm.bias_hh.data[16:32]  # of the forget gates
    for units, bias in (([], 0), (3, 100), (slice(16), -100)):  # f is 1 in 3, then 0
        biases[units] = bias
        logits, _ = lesson["read_along"](lesson["model"], lesson["test_inputs"])
        loss = torch.nn.functional.cross_entropy(logits, lesson["test_targets"])
        expected.append(loss.item())
    assert given == pytest.approx(expected, abs=1e-4), "Exercise 6"
