"""The laboratory, with networks whose answers are known."""

import math
import re
import string
import textwrap
from collections import Counter
from types import SimpleNamespace
from unittest.mock import Mock

import notebooks as nb
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
    test_loss, told = pytest.approx(lab["test_losses"][7], abs=1e-4), "as in the log"
    assert lab["test_loss_of"](lab["model"]) == test_loss, told
    assert lab["test_loss_of"](network) == test_loss, told
    weighted = lab["learn"](LSTM, text, rate, 1 + 49 * torch.eye(100)[10])  # of "a"
    logits = [learned(lab["inputs"])[0] for learned in (network, weighted)]
    less, more = (torch.softmax(each, dim=-1)[:, 10].mean() for each in logits)
    assert more > less, "A character that counts more in the loss becomes likelier."


def test_one_call_is_compared_with_many(lab):
    """They agree; and where a call of more characters has larger logits, they don't."""
    for agree in (True, False):
        out = lab.run("one-call")
        rows = sorted(printed(out, "calls... ms", 2))
        assert rows == [[1, 20], [20, 1]], "calls, their size"
        for name in ("logit", "gradient"):
            ((largest, difference, *_),) = printed(out, f"largest {name}...difference")
            told = f"{name}s agree here: {agree}; but the difference is {difference}"
            assert (difference < 1e-4 < largest) is agree, told
        lab["model"].register_forward_hook(
            lambda model, read, out: (out[0] * len(read[0]), out[1])
        )


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
        assert printed(out, heads), f"headings, in this order: {heads}"
    for n in (1, 3, 8):
        contexts = [tests[i - n : i] for i in range(n, len(tests))]
        new = np.mean([context not in text for context in contexts])
        nats = -np.log([*map(expected, tests[n:], contexts)]).mean()
        expect = pytest.approx([n, round(100 * new), nats], abs=0.015)
        told = f"{n}: % of test_text's contexts new to training_text; the table's loss"
        assert expect in printed(out, f" {n} ...%", 3), told


def test_what_each_network_writes_and_what_its_second_digit_costs(lab):
    """After a space, these networks guess among 10, 20, 40 characters, else 100."""
    guesses, rates = dict(LSTM=10, RNN=40, ForgetfulLSTM=20), {}

    lab.run("memory-text")
    lines = lab["test_lines"]
    assert re.fullmatch(r"((\d)[a-d]{10} \2\n){300}", lines), "the 300 test lines"
    other = {*lab["training_lines"].split()} - {*lines.split()}
    assert len(other) > 5000, "enough lines to learn, and others"

    def learn(layer, text, rate):
        assert text == lab["training_lines"], "What the networks learn are the lines."
        rates[layer.__name__] = rate
        logits = torch.zeros(len(lines) - 1, 100)
        spaces = torch.tensor([*lines[:-1].encode()]) == ord(" ")
        logits[spaces, : guesses.get(layer.__name__)] = 90
        return Mock(return_value=(logits, None), layer=layer.__name__)

    lab.update(learn=learn, generate=lambda by, *asked: f"by {by.layer}: {asked}")
    parts = re.split(r"(?m)^\W*(\w*LSTM|RNN)\b", lab.run("memory"))
    assert parts[1::2] == [*guesses], "the order of the layers"
    assert as_text(lab["inputs"]) == lines[:-1], "What they read are the new lines."
    for (layer, k), part in zip(guesses.items(), parts[2::2]):
        assert f"by {layer}: ('\\n', 70, 0.5)" in part, "five lines, from a line break"
        costs = math.log(k), (13 * math.log(100) + math.log(k)) / 14
        row = pytest.approx(costs, abs=0.006)
        assert row in printed(part, "second...all", 2), f"{layer}: {costs}"
    expected = dict(LSTM=0.01, ForgetfulLSTM=0.01, RNN=0.002)
    assert rates == rates | expected, f"learning rates of the three: {expected}"


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
    assert curve(axes, "RNN")[1] == pytest.approx(means, rel=1e-4), told
    ((at_digit,),) = printed(carrying.out["gradients"], "RNN...digit", 1)
    assert at_digit == pytest.approx(means[0], rel=0.1), told
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["LSTM", "RNN"], "each once; OpenLSTM first, and then as in rates"
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["digit", *map(str, range(1, 11)), "space"], "names on the x axis"
    label = axes.get_yscale(), *values(axes.get_ylabel())
    assert label == ("log", 1), "The y axis is logarithmic, with 1 at the space."


def test_a_transplant_whose_answer_is_known(carrying):
    """Unit 5 of this c holds the digit, and decides. Other units are named below."""
    seen, exchanged = [], []

    def network(characters, state=None):
        logits = torch.zeros(*characters.shape, 100)
        lines = torch.arange(characters.shape[1])
        if state is None:
            digits = characters[1].float()
            c = lines[:, None] + torch.arange(16.0)
            c[:, 5] = c[:, 9 if len(lines) > 300 else 11] = digits  # 9: in training
            c[:, 2] = digits + 8 * (-1) ** lines * (digits == 9)  # blurred for one
            c[:, 7] = digits + 1.5 * (-1) ** lines  # blurred for all: no holder
            seen[:] = characters, c
            return logits, (digits[None, :, None], c[None])
        (h,), (c,) = state
        before, own = seen
        assert torch.equal(h[:, 0], before[1]), "Each line keeps its h."
        changed = (c != own).any(dim=0)
        same = torch.equal(c, torch.where(changed, own.roll(-1, dims=0), own))
        assert same, "A unit of each line is its own, or that of the next line."
        exchanged.append({n for n in range(16) if changed[n]})
        ends = abs(len(before) - len(characters)) < 2, *as_text(characters[-1])
        assert {*ends} == {True, " "}, "They read on from halfway, up to the space."
        logits[-1, lines, c[:, 5].int()] = 1
        return logits, state

    carrying["carriers"] = {LSTM: network}
    out = carrying.run("transplant")
    every, holders = {*range(16)}, {2, 5, 9}
    for units in (set(), every, holders, every - holders):
        assert units in exchanged, "none, all, holders by the training lines, the rest"
    digits = [line[0] for line in carrying["test_lines"].splitlines()]
    alike = sum(map(str.__eq__, digits, digits[1:] + digits[:1]))
    n = 300 - alike
    assert [n, alike] in printed(out, "another...same"), "lines next to another digit"
    assert printed(out, "expect...their own...the other...control"), "columns"
    rows = {"none": [0, n, 0], "all": [16, 0, n], "holders": [3, 0, n]}
    for name, row in (rows | {"the rest": [13, n, 0]}).items():
        told = f"{name}: how many units; how many lines expect what: {row}, {alike}"
        assert [*row, alike] in printed(out, name, 4), told


def test_what_the_holders_do_while_the_letters_go_by(carrying):
    """A forget gate is what the new unit gains where the old one gains 1."""
    network = carrying["RNN"](100, 12, 16, LSTM).requires_grad_(False)
    f, c, (h, cell_state) = [], [], torch.zeros(2, 1, 300, 16)
    for weight in network.recurrent.parameters():
        weight *= 9  # so that the gates are often open, or closed
    for x in network.embedding(carrying["texts"]).split(1):
        _, (_, more) = network.recurrent(x, (h, cell_state + 1))
        _, (h, cell_state) = network.recurrent(x, (h, cell_state))
        f.append(more - cell_state)
        c.append(cell_state)
    f, c = torch.cat(f)[2:-1], torch.cat(c)  # of the letters alone, of all
    holds = torch.tensor([n in (3, 7, 9, 12) for n in range(16)])
    carrying.update(lstm=network, apart=torch.arange(16.0), holds=holds)
    (given,) = printed(carrying.run("held"), "f at the letters...holders...rest", 2)
    means = [f[..., some].mean().item() for some in (holds, ~holds)]
    assert given == pytest.approx(means, abs=0.006), "mean f of holders, of the rest"
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


MARKS = [string.printable.index(mark) for mark in "?."]
ASK, STATE = "Q0 to the very end", "S0 to the very end"
SENTENCES = "".join(f"Q{n} is {n} {n} end?\n" for n in "01")
SENTENCES += "Q, a heading\n" + "".join(f"S{n} is {n} {n} end.\n" for n in "2345")
TEXT = 90 * "\n" + SENTENCES + "Q is short end?\nS is short end.\n"  # four words


@by_hand
def by_q(characters, state):
    """A network whose h and c are what it has read. It finds "?" likelier by 1 nat if
    c begins with Q, by 0.5 if h does, and by 2 after a word that stands twice."""
    text, logits = as_text(characters), torch.zeros(len(characters), 100)
    h, c = state or (text, text)
    words = (c + text if state else text).split()
    if len(text) < 90:  # not the whole text, for its loss
        alone = text is c or "\n" not in text and len(words) == 5
        assert c[:2] == "\n\n" and alone, "A new paragraph; then two words, if any."
        twice = words[-3] == words[-2]
        logits[-1, MARKS[0]] = (c[2] == "Q") + 0.5 * (h[2] == "Q") + 2 * twice
    return logits, (h, c)


FORGETFUL = parrot(3 * torch.eye(100)[14])
WEIGHTED = parrot(2 * torch.eye(100)[MARKS[0]])


@pytest.fixture
def asking(lab):
    """The laboratory after `weighted`, with such texts, sentences, and networks."""

    def learn(*asked):
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
    example = r"(?s)Q1 is 1 1 end.*same.* Q0 is 0 1 end.*other.* S(.) is \1 1 end"
    assert re.search(example, asking.out["sentences"]), "a question, in all three forms"
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
    rows = ("forgetful", "test...model", by_q), ("forgetful", "t...forg", FORGETFUL)
    for cell_id, words, network in (*rows, ("weighted", "test...nats", WEIGHTED)):
        loss = [pytest.approx(asking["test_loss_of"](network), abs=0.006)]
        assert loss in printed(asking.out[cell_id], words, 1), "its test loss"
    for cell_id, nats in (("forgetful", 0), ("weighted", 2)):
        row = [2] + 3 * [p_of(nats)]
        assert [row] == printed(asking.out[cell_id], "questions", 4), "its three means"


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
    both = by_q, WEIGHTED  # `model` and `weighted`
    training = "May I go?\nCan you?\nMy cat? You may. You and I. I pay 3.5. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50)
    out = asking.run("cats")
    assert printed(out, "model...weighted"), "columns, in this order"
    words = zip(*(sentence.split() for sentence in asking["cats"]))
    varied = [given for given in words if len({*given}) > 1]
    expected = [("I", "I", "you", "you"), ("my", "your", "my", "your")]
    assert varied == expected, "One word changes at a time."
    for sentence in asking["cats"]:
        p = [pytest.approx(asking["asks"](one, sentence), abs=6e-4) for one in both]
        assert printed(out, sentence, 2) == [p], f"model, weighted: {sentence}"
    assert printed(out, " I ... my ... you ... your"), "a column for each word"
    for kind, *row in (("questions", 3, 1, 1, 1, 0), ("statements", 4, 1, 0, 2, 1)):
        assert printed(out, kind, 5) == [row], f"{kind} with I, my, you, your: {row}"


def test_the_solutions_of_exercises_4_and_5(lab):
    sources, rates = {cell.id: cell.source for cell in nb.read(nb.LABORATORY).cells}, []
    blocks = re.findall(r"(?s)```\n(.*?)\n +```", sources["exercises"])
    falling, batches = map(textwrap.dedent, blocks)
    lab.update(learning_rate=0.7, optimizer=SimpleNamespace(param_groups=[{}]))
    for lab["iteration"] in range(7):
        exec(falling, lab)
        rates.append(lab["optimizer"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]), "Exercise 4"
    rng = np.random.default_rng(7)
    drawn = [lab["draw_example"](lab["training_text"], 20, rng) for _ in range(8)]
    losses = [lab["F"].cross_entropy(lab["model"](a)[0], b).item() for a, b in drawn]
    exec(batches, lab)
    assert lab["loss"].item() == pytest.approx(np.mean(losses), abs=1e-5), "Exercise 5"


def test_forget_gates_that_begin_open_or_stay_at_zero_through_a_training(lab):
    lab.run("memory-text")
    lab.run("memory")
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    for layer, bias in ((lab["OpenLSTM"](12, 16, 1), 2), (network.recurrent, -100)):
        biases = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
        f, rest = biases[16:32], torch.cat([biases[:16], biases[32:]])
        told = f"{bias} is the bias of the forget gates alone."
        assert (f - bias).abs().max() < 0.6 and rest.abs().mean() < 0.4, told
