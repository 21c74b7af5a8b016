"""The experiments: what is trained on what, and answers that are known beforehand."""

import math
import re
import string

import numpy as np
import pytest
import torch
from notebooks import FAQ, LABORATORY, LESSON, Notebook, numbers, value
from torch import nn
from torch.nn import functional as F

UNTRAINED = ("one-call", "train", "perplexity", "unread", "pays")


@pytest.fixture
def lab(tmp_path):
    """The laboratory up to `memory-text`, on the beginning of the FAQ, with a small
    network that nobody has trained; for one test to change."""
    (tmp_path / "own.txt").write_text(FAQ.read_text(encoding="utf-8")[:3000], "utf-8")
    return Notebook(
        LABORATORY,
        "memory-text",
        skip=UNTRAINED,
        TEXT_FILE=str(tmp_path / "own.txt"),
        TEXT_PORTION_SIZE=20,
        NUM_ITER=2,
        EMBEDDING_DIM=12,
        HIDDEN_DIM=16,
    )


@pytest.fixture
def lesson():
    """The lesson up to `setup`, with a small network; for one test to change."""
    return Notebook(LESSON, "setup", HIDDEN_DIM=16)


def weights(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def as_text(indices):
    return "".join(string.printable[index] for index in indices)


def texts_drawn_from(notebook, cell_id):
    """Run a cell; return the texts from which it has drawn portions, each once."""
    texts = []
    exact = notebook["draw_example"]

    def draw_example(text, portion_size, rng):
        if text not in texts:
            texts.append(text)
        return exact(text, portion_size, rng)

    notebook["draw_example"] = draw_example
    notebook.run(cell_id)
    notebook["draw_example"] = exact
    return texts


# --- `learn`


def test_learn_trains_as_the_training_cell_does(lab):
    lab["NUM_ITER"] = 30
    lab.run("setup")
    lab.run("train")
    model = lab.new_model()
    lab["learn"](model, lab["text"], 30, lab["LEARNING_RATE"])
    np.testing.assert_allclose(weights(model), weights(lab["model"]), atol=1e-5)


@pytest.mark.parametrize("weight", [None, torch.linspace(1, 50, 100)])
def test_learn_takes_what_it_is_given_not_the_settings(lab, weight):
    """Each loss counts as often as the weight of its target says."""
    text, portion_size = lab["text"], lab["TEXT_PORTION_SIZE"]
    expected = lab.new_model()
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
    rng = np.random.default_rng(lab["RANDOM_SEED"])
    for _ in range(9):
        inputs, targets = lab["draw_example"](text, portion_size, rng)
        losses = F.cross_entropy(expected(inputs)[0], targets, reduction="none")
        counts = torch.ones(len(targets)) if weight is None else weight[targets]
        optimizer.zero_grad()
        ((counts * losses).sum() / counts.sum()).backward()
        optimizer.step()

    lab.update(text="x" * len(text), NUM_ITER=5, LEARNING_RATE=9.0)
    model = lab.new_model()
    lab["learn"](model, text, 9, 0.01, weight)
    np.testing.assert_allclose(weights(model), weights(expected), atol=1e-4)


def test_learn_lets_measure_after_each_update(lab):
    model = lab.new_model()
    seen = [weights(model)]
    iterations = []

    def measure(iteration):
        iterations.append(iteration)
        seen.append(weights(model))

    lab["learn"](model, lab["text"], 5, 0.01, measure=measure)
    assert iterations == [1, 2, 3, 4, 5]
    for before, after in zip(seen, seen[1:]):
        assert not torch.equal(before, after)


# --- `table` and `unread`


@pytest.fixture(scope="module")
def table_loss(fresh_laboratory):
    return fresh_laboratory["table_loss"]


def probability(read, context, char, num_starts, weight):
    """Return the probability of char after context, by the rule in the prose: that
    after the next shorter context weighs as much as `weight` sightings."""
    shorter = 1 / 100
    if context:
        shorter = probability(read, context[1:], char, num_starts, weight)
    sightings = [i for i in range(num_starts) if read.startswith(context, i)]
    hits = [i for i in sightings if read.startswith(context + char, i)]
    return (len(hits) + weight * shorter) / (len(sightings) + weight)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("weight", [10, 20])
def test_the_table_leans_on_shorter_contexts(table_loss, length, weight):
    read, unread = "abracadabra, abracadabra", "cabra drabra"
    losses = []
    for i in range(length, len(unread)):
        context = unread[i - length : i]
        num_starts = len(read) - length  # those that have a next character
        losses.append(
            -math.log(probability(read, context, unread[i], num_starts, weight))
        )
    found = table_loss(read, unread, length, weight)
    assert found == pytest.approx(np.mean(losses))
    if weight == 10:  # what the prose says, and the cells use
        assert table_loss(read, unread, length) == found


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_tables_probabilities_add_up_to_one(table_loss, length):
    """Whatever the context: seen, seen only at the end of the text, or never seen."""
    read = "abracadabra, xyz"
    contexts = {read[i : i + length] for i in range(len(read) - length + 1)}
    contexts |= {"q" * length, "q" * (length - 1) + "a"}
    for context in sorted(contexts):
        total = 0
        for char in string.printable:
            total += math.exp(-table_loss(read, context + char, length))
        assert total == pytest.approx(1), f"all probabilities after {context!r}"


def test_the_tables_never_see_what_they_are_measured_on(lab):
    """The last tenth has characters of its own: who has not seen them gives them next
    to nothing, a hundredth of ten sightings beside 900."""
    lab["text"] = "ab" * 450 + "xyz!" * 25
    losses = [value(number) for number in numbers(lab.run("table")) if "." in number]
    assert len(losses) == 8, "tables of one to eight characters"
    assert min(losses) > math.log(890 / 0.1)


def test_the_reader_never_sees_the_last_tenth(lab):
    """And it is measured on it as one sequence, as on a tenth that it has read."""
    measured = set()
    exact = lab["character_losses"]

    def character_losses(model, inputs, targets):
        measured.add(as_text(inputs) + as_text(targets[-1:]))
        return exact(model, inputs, targets)

    lab["character_losses"] = character_losses
    text = lab["text"]
    cut = len(text) * 9 // 10
    assert texts_drawn_from(lab, "unread") == [text[:cut]]
    assert text[cut:] in measured
    assert len(measured) == 2
    assert any(part in text[:cut] for part in measured)


# --- Pairs of a question and a statement


def set_text(lab, text):
    lab["text"] = text
    lab.run("pairs")


BEGINNING = "x" * 100  # no end is counted within it


def test_sentences_end_where_white_space_follows(lab):
    """Not at the point of 3.5, nor at the first of three points, nor at the last
    character, nor with an exclamation mark, nor where fewer than 100 characters stand
    before."""
    set_text(lab, "x" * 97 + "? " + BEGINNING[:1] + "3.5? Yes.\nNo! So...\tWell?")
    assert lab["questions"] == [103], "after 3.5"
    assert lab["statements"] == [108, 118], "after Yes, and the last of three points"


class MarkGuesser(nn.Module):
    """A stand-in for a network: `score` says, from the last character that it reads,
    how much more likely than a period a question mark is. After any character but the
    last, it claims the reverse."""

    def __init__(self, score, char="?"):
        super().__init__()
        self.score = score
        self.char = char
        self.parts = []

    def forward(self, inputs, state=None):
        logits = torch.zeros(*inputs.shape, 100)
        mark = string.printable.index(self.char)
        sign = 1 if self.char == "?" else -1
        for i, column in enumerate(inputs.T.tolist()):
            self.parts.append(as_text(column))
            logits[:-1, i, mark] = -sign * self.score(self.parts[-1][-1])
            logits[-1, i, mark] = sign * self.score(self.parts[-1][-1])
        assert not torch.is_grad_enabled(), "a graph of all parts would fill the memory"
        return logits, None


@pytest.mark.parametrize("char", ["?", "."])
@pytest.mark.parametrize("score_of_q, expected", [(1, 1), (-1, 0), (0, 0.5)])
def test_known_pairs(lab, char, score_of_q, expected):
    """A network that knows the answer, the reverse, or nothing. It makes no difference
    whether it raises the one mark or lowers the other."""
    set_text(lab, BEGINNING + "q? s. s. q? s. q? " * 3)  # q before each question mark
    guesser = MarkGuesser(lambda last: score_of_q * (last == "q"), char)
    assert lab["share_of_pairs"](guesser, 5) == expected


def test_every_question_is_paired_with_every_statement(lab):
    """Here, the digits are the scores. Of the 2 times 4 pairs, five are right: 1 is
    above 0 twice, and 3 above 0 twice and above 2. A tie, 3 and 3, counts half."""
    set_text(lab, BEGINNING + "1? 0. 3? 2. 3. 0. x")
    share = lab["share_of_pairs"](MarkGuesser(int), 5)
    assert share == pytest.approx(5.5 / 8)


@pytest.mark.parametrize("num_seen", [1, 7, 100])
def test_the_network_reads_only_what_stands_before_each_end(lab, num_seen):
    guesser = MarkGuesser(lambda last: 0)
    lab["share_of_pairs"](guesser, num_seen)
    ends = lab["questions"] + lab["statements"]
    assert len(ends) > 30
    expected = [lab["text"][end - num_seen : end] for end in ends]
    assert sorted(guesser.parts) == sorted(expected)


def test_a_real_network_reads_each_part_as_if_it_were_alone(lab):
    def margin(end):
        indices = lab["char_to_tensor"](lab["text"][end - 20 : end])
        question_mark, period = lab["char_to_tensor"]("?.")
        logits = lab["model"](indices)[0][-1]
        return (logits[question_mark] - logits[period]).item()

    statements = [margin(end) for end in lab["statements"]]
    right = []
    for end in lab["questions"]:
        right += [margin(end) > other for other in statements]
    share = lab["share_of_pairs"](lab["model"], 20)
    assert 0 < share < 1, "a share that says nothing about the network"
    assert share == pytest.approx(np.mean(right), abs=0.01)


@pytest.mark.parametrize("sentence", ["Is it so? ", "So it is. ", "so "])
def test_a_text_without_pairs_is_no_error(lab, sentence):
    lab["text"] = sentence * 70
    for cell_id in ("pairs", "pays"):
        lab.run(cell_id)


# --- A text that needs a memory


@pytest.mark.parametrize("gap", [4, 10])
def test_each_line_ends_with_its_first_digit(lab, gap):
    """Digits and letters are as frequent as the lowest loss in the prose supposes."""
    text = lab["memory_text"](gap, 2000, np.random.default_rng(0))
    lines = text.splitlines()
    assert len(lines) == 2000 == text.count("\n")
    for line in lines:
        assert re.fullmatch(rf"(\d)[a-d]{{{gap}}} \1", line), line
    for digit in string.digits:
        share = sum(line[0] == digit for line in lines) / 2000
        assert share == pytest.approx(0.1, abs=0.03), digit
    for letter in "abcd":
        share = text.count(letter) / (2000 * gap)
        assert share == pytest.approx(0.25, abs=0.02), letter


def test_the_pupils_are_measured_on_the_second_digits_of_new_lines(lab):
    """Here, a second digit costs 4 nats and any other character 1, so of the 14
    characters of a line, the mean is 17/14."""
    measured = []

    def character_losses(model, inputs, targets):
        measured.append(as_text(inputs) + as_text(targets[-1:]))
        after_space = inputs == string.printable.index(" ")
        return torch.where(after_space, 4.0, 1.0)

    lab["character_losses"] = character_losses
    lab["generate"] = lambda *args: "\n"
    (learned,) = texts_drawn_from(lab, "memory")
    found = [value(number) for number in numbers(lab.out["memory"]) if "." in number]
    assert found == pytest.approx([4, 17 / 14] * 2, abs=0.006)

    learned = learned.splitlines()
    assert len(learned) > 5000
    for text in measured:
        new = text.splitlines()
        assert len(new) >= 300
        assert not set(new) & set(learned), "lines that may be known by heart"


class DigitKeeper(nn.Module):
    """A stand-in for the LSTM. Both vectors of its state hold the last digit and how
    many letters it has read since. `answer` says which character it expects, given the
    digits in the hidden state and in the cell state."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.joined = []
        self.at = set()
        self.lengths = set()

    def forward(self, characters, state=None):
        text = as_text(characters.tolist())
        logits = torch.zeros(len(text), 100)
        if state is None:
            head, digit, letters = re.fullmatch(r"(.*)(\d)(.*)", text, re.S).groups()
            assert re.fullmatch(r"(\d[a-d]+ \d\n)+", head), "lines that come before"
            vector = torch.tensor([[float(digit), len(letters)]])
            return logits, (vector, 10 + vector)
        (digit, num_read), (other, _) = state[0][0].tolist(), state[1][0].tolist()
        assert other >= 10, "The hidden state stands first."
        self.joined.append((int(digit), int(other) - 10))
        self.at.add(int(num_read))
        letters, last = text[:-1], text[-1]
        assert set(letters) <= set("abcd") and last == " "
        self.lengths.add(int(num_read) + len(letters))
        logits[:-1, 1] = 1  # only the last row counts
        expected = self.answer(*self.joined[-1])
        logits[-1, string.printable.index(expected)] = 1
        return logits, state


def test_a_transplant_whose_answer_is_known(lab):
    """The keeper goes by the hidden state where that is of the lines 0, 1, or 2; by
    neither where it is of line 3; and otherwise by the cell state."""

    def answer(hidden, cell):
        return "x" if hidden == 3 else str(hidden if hidden < 3 else cell)

    keeper = DigitKeeper(answer)
    lab["pupils"] = {nn.RNN: None, nn.LSTM: keeper}
    out = lab.run("transplant")
    expected = [(a, b) for a in range(10) for b in range(10) if a != b]
    assert sorted(keeper.joined) == expected
    assert keeper.at == {5}, "halfway through ten letters"
    assert keeper.lengths == {10}, "the rest of the letters is read"
    counts = {}
    for line in out.splitlines():
        if numbers(line):
            words = ("hidden" in line, "cell" in line)
            counts[words] = numbers(line)[0]
    assert counts == {(True, False): "27", (False, True): "54", (False, False): "9"}


# --- The lesson after its training


def test_context_hides_what_came_before(lesson):
    """The same predictions are made from more and more of what stands before them.
    Here, a loss is the number of characters that the network sees."""
    made = {}

    def character_losses(model, inputs, targets):
        last = (inputs[-1].item(), targets[-1].item())
        made.setdefault(len(inputs), []).append(last)
        return torch.full((len(inputs),), float(len(inputs)))

    lesson["character_losses"] = character_losses
    out = lesson.run("context")
    assert {1, 2, 3, 10, 100} <= set(made)
    for predictions in made.values():
        assert predictions == made[1]
    assert len(made[1]) >= 200
    shown = [value(number) for number in numbers(out) if "." in number]
    assert shown == sorted(made)


def test_predictions_show_what_follows_and_what_was_expected(lesson):
    """After n characters, this network expects the n-th letter, then Y and Z."""
    read = []

    class Counter(nn.Module):
        def forward(self, character, state=None):
            state = (state or 0) + 1
            read.append(string.printable[character.item()])
            logits = torch.full((1, 100), -50.0)
            for char, p in ((string.ascii_uppercase[state - 1], 0.5), ("Y", 0.3)):
                logits[0, string.printable.index(char)] = math.log(p)
            logits[0, string.printable.index("Z")] = math.log(0.2)
            return logits, state

    lesson["model"] = Counter()
    lines = lesson.run("predictions").splitlines()
    assert len(lines) == len(read)
    for n, line in enumerate(lines):
        expected = [string.ascii_uppercase[n], "Y", "Z"]
        places = [line.rindex(repr(char)) for char in expected]
        assert places == sorted(places)
        shown = [value(number) for number in numbers(line)[-3:]]
        assert shown == pytest.approx([0.5, 0.3, 0.2], abs=0.006)
        for follower in read[n + 1 : n + 2]:
            assert repr(follower) in line[: places[0]]


def test_each_prime_begins_its_sample(lesson):
    calls = []

    def generate(model, prime_str, *_):
        calls.append((model, prime_str))
        return f"{prime_str}<{len(calls)}>"

    lesson["generate"] = generate
    out = lesson.run("primes")
    assert len(calls) >= 3
    for n, (model, prime_str) in enumerate(calls, start=1):
        assert model is lesson["model"]
        assert f"{prime_str}<{n}>" in out
