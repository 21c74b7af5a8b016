"""The laboratory, with networks whose answers are known."""

import itertools
import math
import re
import string
from collections import Counter
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from notebooks import as_text, by_hand, curve, hue, parrot, printed, values
from torch.nn import LSTM, RNN


def test_learn_trains_as_the_training_cell_does_and_with_weights(lab):
    lab.run("train")
    rate, text = lab["LEARNING_RATE"], lab["training_text"]
    lab.update(LEARNING_RATE=0, training_text="x" * 900)  # what counts is the argument
    network = lab["learn"](LSTM, text, rate)
    test_loss = pytest.approx(lab["test_losses"][7], abs=1e-4)
    assert lab["test_loss_of"](network) == test_loss, "as in the log"
    weighted = lab["learn"](LSTM, text, rate, 1 + 49 * torch.eye(100)[10])  # of "a"
    logits = [learned(lab["inputs"])[0] for learned in (network, weighted)]
    less, more = (torch.softmax(each, dim=-1)[:, 10].mean() for each in logits)
    assert more > less, "A character that counts more in the loss becomes likelier."


def test_one_call_is_compared_with_many(lab):
    """First, both agree; then, 20 of the 2,000 logits of one call are larger by 1."""

    def larger(model, read, returned):
        """A hook that changes what a call of several characters returns."""
        logits, state = returned
        return logits + (len(logits) > 1) * torch.eye(len(logits), 100), state

    for apart in (0, 1):
        seconds = itertools.count()  # the clock, one later each time that it is read
        lab["time"] = SimpleNamespace(perf_counter=seconds.__next__)
        out = lab.run("one-call")
        rows = sorted(printed(out, "calls... ms", 3))
        assert rows == [[1, 20, 1000], [20, 1, 1000]], "calls, their size, milliseconds"
        ((logit, difference, *_),) = printed(out, "largest logit...difference")
        assert logit > 1e-4 and difference == pytest.approx(apart, abs=1e-4), "logits"
        ((gradient, difference, *_),) = printed(out, "largest gradient...difference")
        assert gradient > 1e-4 and (difference > 1e-4) is (apart > 0), "gradients"
        lab["model"].register_forward_hook(larger)


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
    example = [text.count("tha"), text.count("that"), expected("t", "tha")]
    assert pytest.approx(example, abs=0.006) in printed(out, "'tha'", 3), example
    for heads in ("seen...followed...p(t)", "new...test loss"):
        assert printed(out, heads), "columns, in this order"
    for n in (1, 3, 8):
        contexts = [tests[i - n : i] for i in range(n, len(tests))]
        new = np.mean([context not in text for context in contexts])
        nats = -np.log([*map(expected, tests[n:], contexts)]).mean()
        expect = pytest.approx([n, round(100 * new), nats], abs=0.015)
        told = f"{n}: % of test_text's contexts new to training_text; the table's loss"
        assert expect in printed(out, f" {n} ...%", 3), told


def test_what_each_network_writes_and_what_its_second_digit_costs(lab):
    """After a space, these networks guess among 10, 40, 20 characters, else 100."""
    guesses, learned = dict(LSTM=10, RNN=40, ForgetfulLSTM=20), {}

    def learn(layer, text, rate):
        """Return a network that guesses; its layer, text, and rate are noted."""
        learned[layer.__name__] = text, rate
        logits = torch.zeros(len(lines) - 1, 100)
        spaces = torch.tensor([*lines[:-1].encode()]) == ord(" ")
        logits[spaces, : guesses.get(layer.__name__)] = 90
        return Mock(return_value=(logits, None), layer=layer.__name__)

    lab.run("memory-text")
    lines, training_lines = lab["test_lines"], lab["training_lines"]
    assert re.fullmatch(r"((\d)[a-d]{10} \2\n){300}", lines), "the 300 test lines"
    assert len({*training_lines.split()} - {*lines.split()}) > 5000, "many, and others"
    lab.update(learn=learn, generate=lambda by, *asked: f"by {by.layer}: {asked}")
    parts = re.split(r"(?m)^\W*(\w*LSTM|RNN)\b", lab.run("memory"))
    assert parts[1::2] == [*guesses], "the order of the layers"
    assert as_text(lab["inputs"]) == lines[:-1], "What they read are the new lines."
    for (layer, k), part in zip(guesses.items(), parts[2::2]):
        assert f"by {layer}: ('\\n', 70, 0.5)" in part, "five lines, from a line break"
        costs = math.log(k), (13 * math.log(100) + math.log(k)) / 14
        told = f"{layer}: the loss of the second digit, of all characters: {costs}"
        assert pytest.approx(costs, abs=0.006) in printed(part, "second...all", 2), told
        rate = 0.002 if layer == "RNN" else 0.01
        assert learned[layer] == (training_lines, rate), f"{layer}: text, learning rate"
    for layer, bias in (("OpenLSTM", 2), ("ForgetfulLSTM", -100)):
        lstm = lab[layer](12, 16, 1)
        means = (lstm.bias_ih_l0 + lstm.bias_hh_l0).view(4, 16).mean(dim=1).tolist()
        assert means == pytest.approx([0, bias, 0, 0], abs=0.3), f"{layer}: i, f, g, o"


@pytest.fixture
def carrying(lab):
    """The laboratory after `gradients`, with two layers, none of which is trained."""
    lab.run("memory-text")
    lab.update(rates={RNN: 1, LSTM: 1}, learn=None, OpenLSTM=LSTM)
    lab.run("gradients")
    return lab


def test_the_gradient_before_training_at_each_character(carrying):
    """In the laboratory, the lines are a batch; here, each is read by itself."""
    torch.manual_seed(7)
    network, sizes = carrying["RNN"](100, 12, 16, RNN), []
    for line in carrying["test_lines"].splitlines():
        indices = carrying["char_to_tensor"](f"\n{line}")
        embedded = network.embedding(indices[:-1])
        outputs, _ = network.recurrent(embedded)
        loss = carrying["F"].cross_entropy(network.linear(outputs[-1:]), indices[-1:])
        (gradient,) = torch.autograd.grad(loss, embedded)
        sizes.append(gradient.norm(dim=1).tolist()[1:])  # from the first digit on
    means = np.mean(sizes, axis=0) / np.mean(sizes, axis=0)[-1]
    (axes,) = carrying.figures["gradients"][0].axes
    told = "means of the lines' norms, from the digit to the space, where it is 1"
    assert curve(axes, "RNN")[1] == pytest.approx([*means], rel=1e-4), told
    ((at_digit,),) = printed(carrying.out["gradients"], "RNN...digit", 1)
    assert at_digit == pytest.approx(means[0], rel=0.1), told
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["digit", *map(str, range(1, 11)), "space"], "names on the x axis"
    label = axes.get_yscale(), *values(axes.get_ylabel())
    assert label == ("log", 1), "The y axis is logarithmic, with 1 at the space."


def test_a_transplant_whose_answer_is_known(carrying):
    """A network goes by its h if its c is its own; else, by unit 5 of its c."""
    read, own = [], []  # of the test lines: the first one of each call; their h and c

    def cell_state_of(digits):
        """Return c (lines, 16). By the training lines, 2, 5, 9, and 10 are holders."""
        n = torch.arange(len(digits))
        c = n[:, None] + torch.arange(16.0)  # goes by the line, not by its digit
        for unit in (5, 11) if len(digits) == 300 else (5, 9, 10):  # 300: test lines
            c[:, unit] = digits
        c[:, 2] = digits + 8 * (-1) ** n * (digits == 9)  # a holder, but blurred for 9
        c[:, 7] = digits + 1.5 * (-1) ** n  # too blurred for a holder
        return c

    def network(characters, state=None):
        """Read lines up to halfway, or expect a digit after the rest, by h and c."""
        lines = range(characters.shape[1])
        if len(lines) == 300:
            read.append(as_text(characters[:, 0]))
        if state is None:
            digits = characters[1]
            own[:] = digits[None, :, None], cell_state_of(digits)[None]
            return None, tuple(own)
        h_is_own, c_is_own = map(torch.equal, state, own)
        (h,), (c,) = state
        expected = h[:, 0] if c_is_own else c[:, 5].long()
        logits = torch.zeros(*characters.shape, 100)
        logits[-1, lines, expected] = float(h_is_own or c_is_own)
        return logits, state

    carrying["carriers"] = {LSTM: network}
    out = carrying.run("transplant")
    first, *rest = read
    line = "\n" + carrying["test_lines"][:12]  # up to the space
    assert {first + part for part in rest} == {line}, "They read on, up to the space."
    assert abs(len(first) - len(rest[0])) < 2, "They exchange halfway."
    digits = [each[0] for each in carrying["test_lines"].splitlines()]
    alike = sum(map(str.__eq__, digits, digits[1:] + digits[:1]))
    n = 300 - alike
    assert [n, alike] in printed(out, "another...same"), "lines next to another digit"
    assert printed(out, "expect...their own...the other...control"), "columns"
    rows = {"none": [0, n, 0], "all": [16, 0, n], "holders": [4, 0, n]}
    rows |= {"the rest": [12, n, 0], "h instead": [0, 0, n]}
    for name, row in rows.items():
        told = f"{name}: units; lines that expect their own, the other; control, own"
        assert printed(out, f" {name} ", 4) == [[*row, alike]], told


def test_what_ten_forget_gates_leave_of_the_holders(carrying):
    """A forget gate is what the new unit gains where the old one gains 1."""
    network = carrying["RNN"](100, 12, 16, LSTM).requires_grad_(False)
    for weight in network.recurrent.parameters():
        weight *= 9  # so that the gates differ
    network.recurrent.bias_ih_l0[16:32] += 6  # and that the forget gates are often open
    f, c, (h, cell_state) = [], [], torch.zeros(2, 1, 300, 16)
    for x in network.embedding(carrying["texts"]).split(1):
        _, (_, more) = network.recurrent(x, (h, cell_state + 1))
        _, (h, cell_state) = network.recurrent(x, (h, cell_state))
        f.append(more - cell_state)
        c.append(cell_state)
    letters = slice(2, -1)  # after the line break and the digit, before the space
    left, c = torch.cat(f)[letters].prod(dim=0), torch.cat(c)
    holds = torch.tensor([n in (3, 7, 9, 12) for n in range(16)])
    carrying.update(lstm=network, apart=torch.arange(16.0), holds=holds)
    out = carrying.run("held")
    for name, units in (("holders", holds), ("the rest", ~holds)):
        means = left[:, units].mean(dim=0)
        row = [10, means.mean().item(), 0.9, (means > 0.9).sum().item(), len(means)]
        told = f"{name}: letters, what they leave, above 0.9 in how many units, of all"
        assert printed(out, f"left...{name}") == [pytest.approx(row, abs=6e-3)], told
    lines = ["↵" + line[:-1] for line in carrying["test_lines"].splitlines()]
    for axes, unit in zip(carrying.figures["held"][0].axes, (12, 9, 7), strict=True):
        signs = {text.get_position(): text.get_text() for text in axes.texts}
        rows = ["".join(signs[x, y] for x in range(13)) for y in range(10)]
        assert [row[1] for row in rows] == [*"0123456789"], "a line of each digit"
        numbers = c[:, [lines.index(row.replace("␣", " ")) for row in rows], unit].T
        numbers -= numbers.mean(dim=0)  # at each place
        (image,) = axes.images
        told = f"unit {unit}, less the mean of the lines; holders, the farthest first"
        assert np.allclose(image.get_array(), numbers, atol=1e-4), told
        ends = [numbers.min().item(), numbers.max().item()]
        title = pytest.approx([unit, *ends], abs=0.06)
        assert values(axes.get_title()) == title, "unit; from where to where it goes"
        hues = [hue(image.cmap(image.norm(end))) for end in ends]
        assert hues == ["orange", "purple"], "below and above the mean"


QUESTION = string.printable.index("?")
ASK, STATE = "Q0 to the very end", "S0 to the very end"
SENTENCES = "".join(f"Q{n} is {n} {n} end?\n" for n in "01")
SENTENCES += "Q, a heading\n" + "".join(f"S{n} is {n} {n} end.\n" for n in "2345")
TEXT = 90 * "\n" + SENTENCES + "Q is short end?\nS is short end.\n"  # four words


@by_hand
def by_q(characters, state):
    """A network whose h and c are what it has read. After a new paragraph, "?" is
    likelier than "." by 1 nat if c begins with Q, by 0.5 if h does, and by 2 after a
    whole sentence as in TEXT, in which a word stands twice."""
    text, logits = as_text(characters), torch.zeros(len(characters), 100)
    h, c = state or (text, text)
    read = c + text if state else text
    twice = re.fullmatch(r"\n\n\w+ is (.) \1 end", read) is not None
    starts = [part.startswith("\n\nQ") for part in (c, h)]
    logits[-1, QUESTION] = starts[0] + 0.5 * starts[1] + 2 * twice
    return logits, (h, c)


FORGETFUL = parrot(3 * torch.eye(100)[14])  # it expects an "e"
WEIGHTED = parrot(2 * torch.eye(100)[QUESTION])  # "?", likelier than "." by 2 nats


@pytest.fixture
def asking(lab):
    """The laboratory after `weighted`, with such texts, sentences, and networks."""

    def learn(*asked):
        """Note what is asked for, and return the network of that name."""
        lab["asked"].append(asked)
        return WEIGHTED if len(asked) > 3 else FORGETFUL

    lab.update(training_text=TEXT + SENTENCES.lower(), test_text=TEXT, learn=learn)
    lab.update(asked=[], ForgetfulLSTM="ForgetfulLSTM")
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
    for sentence, nats in ((ASK, 1.5), (STATE, 0)):
        assert [p_of(nats)] in printed(out, sentence, 1), "p(“?”) of both marks"
    assert printed(out, "whole...same kind...other kind"), "columns, in this order"
    for kind, n, *nats in (("questions", 2, 3.5, 1.5, 0), ("statements", 4, 2, 0, 1.5)):
        told = f"{n} {kind}; the means whole, with another's beginning, of each kind"
        assert printed(out, kind, 4) == [[n, *map(p_of, nats)]], told
    assert asking["begin_anew"]([["no", "others"]], []) == [], "There are no others."


def test_what_the_further_networks_learn_from_and_what_is_printed_of_each(asking):
    text, rate = asking["training_text"], asking["LEARNING_RATE"]
    *networks, (*weighted, weight) = asking["asked"]
    expected = ("ForgetfulLSTM", text, rate), [LSTM, text, rate]
    assert (*networks, weighted) == expected, "layer, text, learning rate"
    counts = [50 if char in "?." else 1 for char in string.printable]
    assert weight.tolist() == counts, "Both marks count 50, others 1."
    rows = ("forgetful", "test...model", by_q), ("forgetful", "test...for", FORGETFUL)
    for cell_id, words, network in (*rows, ("weighted", "test...nats", WEIGHTED)):
        loss = pytest.approx(asking["test_loss_of"](network), abs=0.006)
        assert [loss] in printed(asking.out[cell_id], words, 1), "its test loss"
    row = [2] + 3 * [p_of(2)]
    assert [row] == printed(asking.out["weighted"], "questions", 4), "its three means"


def test_the_curves_of_each_network_along_a_pair(lab):
    """The second sentence is the longer one. These networks are numbers."""
    lab.update(sentences=["Who", "Is it on", "Others"], model=0, weighted=0.3)
    lab["asks"] = lambda network, text: network + text.count("I") / 2 + len(text) / 50
    lab.run("along")
    panels = lab.figures["along"][0].axes
    signs = [label.get_text() for label in panels[-1].get_xticklabels()]
    assert signs == [*"Is␣it␣on"], "below, the characters of the longer sentence"
    for axes, name in zip(panels, ("model", "weighted"), strict=True):
        assert axes.get_title() == name, "the order of the panels"
        assert "p(?) + p(.)" in axes.get_ylabel(), "if one of the two marks follows"
        for sentence in lab["sentences"][:2]:
            x, y, _ = curve(axes, sentence)
            starts = [sentence[:n] for n in range(1, len(sentence) + 1)]
            p = [lab["asks"](lab[name], start) for start in starts]
            assert y == pytest.approx(p), f"p(“?”) after each character, {name}"
            assert x == [*axes.get_xticks()][-len(p) :], "aligned at the end"


def test_h_and_c_of_another_beginning(asking):
    """All but the last two words are read, or those of others; then, these two."""
    asking.update(weighted=by_q, model=WEIGHTED)
    out = asking.run("beginnings")
    assert printed(out, "nothing...h...c...both"), "columns, in this order"
    for n, *nats in ((2, 3.5, 3, 0.5, 0), (4, 2, 2.5, 1, 1.5)):
        kind = "questions" if n == 2 else "statements"
        assert printed(out, kind, 5) == [[n, *map(p_of, nats)]], f"{kind}: {nats}"
    asking["other_kind"] = {"?": [], ".": []}  # where a text has no questions
    for cell_id, n in (("asking", 1), ("beginnings", 4)):
        assert asking.run(cell_id).count("nan") == 2 * n, "A mean of nothing is nan."


def test_what_it_goes_by(asking):
    training = "May I go?\nCan you?\nMy cat? You may. You and I. I pay 3.5. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50)
    out = asking.run("cats")
    for sentence in asking["cats"]:
        row = [asking["asks"](network, sentence) for network in (by_q, WEIGHTED)]
        assert printed(out, sentence, 2) == [pytest.approx(row, abs=6e-4)], "columns"
    for kind, *row in (("questions", 3, 1, 1, 1, 0), ("statements", 4, 1, 0, 2, 1)):
        assert printed(out, kind, 5) == [row], f"{kind} with I, my, you, your: {row}"
    heads = r"(?s)model +weighted.* I +my +you +your"
    assert re.search(heads, out), "a column for each network, and for each word"
