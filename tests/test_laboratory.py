"""The laboratory, with networks whose answers are known."""

import math
import re
import string
import textwrap
from collections import Counter
from types import SimpleNamespace

import notebooks as nb
import numpy as np
import pytest
import torch
from notebooks import as_text, by_hand, curve, hue, parrot, printed, values
from torch.nn import LSTM


def test_learn_trains_as_the_training_cell_does_and_with_weights(lab):
    lab.run("train")
    rate, text = lab["LEARNING_RATE"], lab["training_text"]
    lab.update(LEARNING_RATE=0, training_text="x" * 900)  # what counts is the argument
    network = lab["learn"](LSTM, text, rate)
    test_loss = pytest.approx(lab["test_losses"][7], abs=1e-4)
    assert lab["test_loss_of"](lab["model"]) == test_loss, "that of the log"
    pairs = zip(network.parameters(), lab["model"].parameters())
    difference = max((a - b).abs().max().item() for a, b in pairs)
    assert difference < 1e-4, f"`learn` and the training cell differ by {difference}."
    weighted = lab["learn"](LSTM, text, rate, 1 + 49 * torch.eye(100)[10])  # of "a"
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
    guesses, rates = Counter(LSTM=10, RNN=40, ForgetfulLSTM=20), {}

    def learn(layer, text, rate):
        assert text == lab["training_lines"], "What the networks learn are the lines."
        rates[layer.__name__] = rate

        def network(characters):
            assert as_text(characters) == lab["test_lines"][:-1], "new lines"
            logits = torch.zeros(len(characters), 100)
            spaces = characters == string.printable.index(" ")
            logits[spaces, : guesses[layer.__name__]] = 90
            return logits, None

        network.layer = layer.__name__
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
    assert parts[1::2] == [*guesses], "the order of the layers"
    for layer, part in zip(guesses, parts[2::2]):
        assert f"by {layer}: ('\\n', 70, 0.5)" in part, "five lines, from a line break"
        log = math.log(guesses[layer])
        costs = pytest.approx([log, (13 * math.log(100) + log) / 14], abs=0.006)
        assert costs in printed(part, "second...all", 2), f"{layer}: {costs}"
    expected = dict(LSTM=0.01, ForgetfulLSTM=0.01, RNN=0.002)
    assert rates == rates | expected, f"learning rates of the three: {expected}"


class Fading(torch.nn.Module):
    """A network whose gradient fades to a half at each step back, and to a quarter in
    lines with a digit of 5 and more. At the space, its size depends on the digit."""

    def __init__(self, num_chars, embedding_dim, hidden_dim, layer):
        super().__init__()
        self.embedding = torch.nn.Embedding.from_pretrained(torch.eye(num_chars))

    def recurrent(self, embedded):
        left = 0.5 ** (1 + (embedded[1].argmax(dim=-1, keepdim=True) > 4).int())
        change = embedded - embedded.detach()  # 0, with a gradient
        back = torch.arange(len(embedded) - 1, -1, -1)[:, None, None]  # steps
        return (change * left**back).cumsum(dim=0), None

    def linear(self, outputs):
        return outputs.sum(dim=-1, keepdim=True) * torch.arange(100)


def test_the_gradient_before_training_at_each_character(lab):
    lab.run("memory-text")
    rates = dict.fromkeys((torch.nn.RNN, LSTM))
    lab.update(RNN=Fading, rates=rates, learn=None, OpenLSTM=LSTM)
    out = lab.run("gradients")
    (axes,) = lab.figures["gradients"][0].axes
    digits = np.array([int(line[0]) for line in lab["test_lines"].splitlines()])
    ends, left = 49.5 - digits, np.where(digits > 4, 0.25, 0.5)  # 49.5: mean of linear
    means = [(ends * left**n).mean() / ends.mean() for n in range(11, -1, -1)]
    told = "means of the norm over the lines, from the digit to the space, where it is 1"
    assert curve(axes, "RNN")[1] == pytest.approx(means, rel=1e-3), told
    assert printed(out, "RNN...digit") == [pytest.approx(means[:1], rel=0.1)], told
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["LSTM", "RNN"], "each once; OpenLSTM first, and then as in rates"
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["digit", *map(str, range(1, 11)), "space"], "names on the x axis"
    named = "space" in axes.get_ylabel() and values(axes.get_ylabel()) == [1]
    assert axes.get_yscale() == "log" and named, "a logarithmic y axis; 1 at the space"
    assert "training" in axes.get_title(), "before training"


@pytest.fixture
def carrying(lab):
    """The laboratory after `gradients`, with the lines of digits and letters."""
    lab.run("memory-text")
    lab.update(rates={}, OpenLSTM=LSTM)
    lab.run("gradients")
    return lab


def test_a_transplant_whose_answer_is_known(carrying):
    """Unit 5 of this c holds the digit, and decides; 2 and 7 blur it, 7 too much; 9
    holds it in the training lines alone, 11 in the test lines; others name the line."""
    seen, exchanged = [], []

    def network(characters, state=None):
        logits = torch.zeros(*characters.shape, 100)
        lines = torch.arange(characters.shape[1])
        if state is None:
            digits = characters[1].float()
            c = lines[:, None] + torch.arange(16.0)
            c[:, 5] = c[:, 9 if len(lines) > 300 else 11] = digits
            c[:, 2], c[:, 7] = (digits + blur * (-1) ** lines for blur in (0.75, 1.5))
            seen.append((characters, c))
            return logits, (digits[None, :, None], c[None])
        (h,), (c,) = state
        before, own = seen[-1]
        assert torch.equal(h[:, 0], before[1]), "Each line keeps its h."
        kept, given = ((c == one).all(dim=0) for one in (own, own.roll(-1, dims=0)))
        assert (kept != given).all(), "Units are its own, or those of the next line."
        exchanged.append({n for n in range(16) if given[n]})
        ends = abs(len(before) - len(characters)) < 2 and {*as_text(characters[-1])}
        assert ends == {" "}, "They read on from halfway, up to the space."
        assert len(characters.unique(dim=1).T) > 100, "in lines of their own"
        logits[-1, lines, c[:, 5].int()] = 1
        return logits, state

    carrying["carriers"] = {LSTM: network}
    out = carrying.run("transplant")
    every, holders = {*range(16)}, {2, 5, 9}
    told = "none, all, the holders by the training lines, the rest"
    assert exchanged == [set(), every, holders, every - holders], told
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
    texts, f, c = carrying["texts"], [], []
    h, cell_state = torch.zeros(2, 1, 300, 16)
    for weight in network.recurrent.parameters():
        weight *= 9  # so that the gates are often open, or closed
    for x in network.embedding(texts).split(1):
        _, (_, more) = network.recurrent(x, (h, cell_state + 1))
        _, (h, cell_state) = network.recurrent(x, (h, cell_state))
        f.append(more - cell_state)
        c.append(cell_state)
    f, c = torch.cat(f)[2:-1], torch.cat(c)  # of the letters alone, of all
    holds = torch.tensor([n in (3, 7, 9, 12) for n in range(16)])
    carrying.update(lstm=network, apart=torch.arange(16.0), holds=holds)
    out = carrying.run("held")
    means = [pytest.approx(f[..., some].mean(), abs=0.006) for some in (holds, ~holds)]
    assert printed(out, "f at the letters...holders...rest") == [means], "mean f"
    lines = ["↵" + line[:-1] for line in carrying["test_lines"].splitlines()]
    for axes, unit in zip(carrying.figures["held"][0].axes, (12, 9, 7), strict=True):
        signs = {text.get_position(): text.get_text() for text in axes.texts}
        rows = ["".join(signs[x, y] for x in range(13)) for y in range(10)]
        assert [row[1] for row in rows] == [*"0123456789"], "a line of each digit"
        numbers = c[:, [lines.index(row.replace("␣", " ")) for row in rows], unit].T
        numbers -= numbers.mean(dim=0)  # at each place
        (image,) = axes.images
        told = f"unit {unit}, less the mean of the lines; holders, the farthest first"
        assert image.get_array() == pytest.approx(numbers.numpy(), abs=1e-4), told
        ends = [numbers.min().item(), numbers.max().item()]
        told = "The title says which unit, and from where to where it goes."
        assert values(axes.get_title()) == pytest.approx([unit, *ends], abs=0.06), told
        hues = [hue(image.cmap(image.norm(end))) for end in ends]
        assert hues == ["orange", "purple"], "below and above the mean"


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
    first, second = ["A", "b", "c", "d"], ["E", "f", "g"]
    anew = asking["begin_anew"]([first] * 3, [first, second])
    told = "The next one's beginning, and where they are too few, again from the first."
    assert ["".join(words) for words in anew] == ["Ecd", "Abcd", "Ecd"], told
    assert asking["begin_anew"]([first], []) == [], "There are no others."


def test_what_the_further_networks_learn_from_and_what_is_printed_of_each(asking):
    assert asking["calls"].keys() == NETWORKS.keys(), "layers, without and with weights"
    for network, (text, rate, weight) in asking["calls"].items():
        same = text == asking["training_text"] and rate == 0.01
        assert same, f"{network}: the training text and LEARNING_RATE"
        counts = [50 if char in "?." else 1 for char in string.printable]
        assert weight is None or weight.tolist() == counts, "both marks 50, others 1"
    forgetful, weighted = NETWORKS.values()
    lines = ("forgetful", "test...model", by_q), ("forgetful", "t...forg", forgetful)
    for cell_id, words, network in (*lines, ("weighted", "test...nats", weighted)):
        loss = [pytest.approx(asking["test_loss_of"](network), abs=0.006)]
        assert loss in printed(asking.out[cell_id], words, 1), "its test loss"
    for cell_id, nats in (("forgetful", 0.0), ("weighted", 2.0)):
        told = f"{cell_id}: what it says after a sentence, and its three means"
        assert [p_of(nats)] in printed(asking.out[cell_id], ASK, 1), told
        means = [2] + 3 * [p_of(nats)]
        assert [means] == printed(asking.out[cell_id], "questions", 4), told


def test_h_and_c_of_another_beginning(asking):
    """This network finds "?" likelier by 0.5 nats where h is that of a beginning with
    Q, and by 1.5 nats where c is. Its h and c are what it has read."""
    read = set()

    @by_hand
    def network(characters, state):
        text, logits = as_text(characters), torch.zeros(len(characters), 100)
        if state is None:
            return logits, (text, text)
        h, c = state
        logits[-1, MARKS[0]] = 0.5 * ("Q" in h) + 1.5 * ("Q" in c)
        read.add((h, c, text))
        return logits, state

    asking["weighted"] = network
    out = asking.run("beginnings")
    assert printed(out, "nothing...h...c...both"), "columns, in this order"
    for kind, n, *nats in (("ques", 2, 2, 1.5, 0.5, 0), ("state", 4, 0, 0.5, 1.5, 2)):
        assert printed(out, kind, 5) == [[n, *map(p_of, nats)]], f"{n} {kind}..."
    for h in (own := "\n\nQ0 is 0"), (other := "\n\nS3 is 3"):
        told = "In a new paragraph, all but the last two words; then these two."
        assert {(h, own, " 0 end"), (h, other, " 0 end")} <= read, told


def test_what_it_goes_by(asking):
    """`model` and `weighted` are asked; the training text is counted."""
    both = by_q, NETWORKS["LSTM", True]
    training = "May I go?\nCan you?\nMy cat? You may. You and I. I pay 3.5. Your cat. "
    asking.update(training_text=training, test_text="I may. " * 50)
    out = asking.run("cats")
    told = "columns, in this order; then, the training text is counted"
    assert printed(out, "model...weighted") and "training text" in out, told
    words = zip(*(sentence.split() for sentence in asking["cats"]))
    varied = [given for given in words if len({*given}) > 1]
    expected = [("I", "I", "you", "you"), ("my", "your", "my", "your")]
    assert varied == expected, "One word changes at a time."
    for sentence in asking["cats"]:
        p = [pytest.approx(asking["asks"](one, sentence), abs=6e-4) for one in both]
        assert printed(out, sentence, 2) == [p], f"model, weighted: {sentence}"
    assert printed(out, " I ... my ... you ... your"), "a column for each word"
    for kind, *row in (("questions", 3, 1, 1, 1, 0), ("statements", 4, 2, 0, 2, 1)):
        assert printed(out, kind, 5) == [row], f"{kind} with I, my, you, your: {row}"


def test_the_solutions_of_exercises_4_and_5(lab, monkeypatch):
    exercises = nb.read(nb.LABORATORY).cells[-1].source
    blocks = re.findall(r"(?s)```\n(.*?)\n +```", exercises)
    falling, batches = map(textwrap.dedent, blocks)
    loop = re.search(r"`(for iteration in .*?)`", exercises)[1]
    step, rates = torch.optim.Adam.step, []

    def spy(optimizer):
        rates.append(optimizer.param_groups[0]["lr"])
        step(optimizer)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    loop = f"{loop}\n        {falling}"
    lab.cells["learn"] = re.sub("for _ in range.*", loop, lab.cells["learn"])
    lab.run("learn")
    lab["learn"](LSTM, lab["training_text"], 0.7)
    fall = pytest.approx([0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert rates == fall, "Exercise 4: in a straight line, to zero after 7 iterations"
    rng, losses = np.random.default_rng(7), []
    for _ in range(8):
        inputs, targets = lab["draw_example"](lab["training_text"], 20, rng)
        losses.append(lab["F"].cross_entropy(lab["model"](inputs)[0], targets).item())
    lines, batches = r" +inputs, targets = d.*\n.*\n.*", textwrap.indent(batches, 8 * " ")
    lab.cells["train"] = re.sub(lines, batches, lab.cells["train"])
    lab.run("train")
    first = pytest.approx(np.mean(losses), abs=1e-5)
    assert lab["losses"][0] == first, "Exercise 5: the mean of eight portions"


def test_forget_gates_that_begin_open_or_stay_at_zero_through_a_training(lab):
    def biases(layer):
        return (layer.bias_ih_l0 + layer.bias_hh_l0).detach().split(16)  # i, f, g, o

    lab.run("memory-text")
    lab.run("memory")
    network = lab["learn"](lab["ForgetfulLSTM"], lab["training_text"], 0.01)
    (closed,) = (part for part in network.modules() if isinstance(part, LSTM))
    for layer, bias in ((lab["OpenLSTM"](12, 16, 1), 2), (closed, -100)):
        _, f, *_ = biases(layer)
        rest = torch.cat(biases(layer)).abs().sum() - f.abs().sum()
        told = f"{bias} is the bias of the forget gates alone."
        assert (f - bias).abs().max() < 0.6 and rest / 48 < 0.4, told
