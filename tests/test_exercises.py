"""The answers to the exercises: their code runs as printed, their figures are right.

Where a figure in an answer would take minutes of training to check, it is not checked.
"""

import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from notebooks import LABORATORY, LESSON, PATHS, Notebook, Recorder, read_along
from stored import LABORATORY_RUN, LESSON_RUN, RUNS
from torch import nn
from torch.nn import functional as F


def block(name, mark):
    """Return the code of the one answer that contains mark."""
    cells = RUNS[name].notebook.cells
    (source,) = [cell.source for cell in cells if cell.id == "exercises"]
    blocks = re.findall(r"^ +```\n(.*?)^ +```", source, re.M | re.S)
    found = [code for code in blocks if mark in code]
    assert len(found) == 1, f"{len(found)} of the answers' blocks contain {mark!r}."
    return textwrap.dedent(found[0])


def figures(name, pattern):
    """Return what the groups of pattern match in the exercises of a notebook."""
    found = re.findall(pattern, RUNS[name].prose["exercises"])
    assert len(found) == 1, (
        f"The exercises of {PATHS[name].name} contain {pattern!r} {len(found)} times, "
        "not once. If the sentence was reworded, adapt the pattern in this test."
    )
    return found[0]


def run(code, notebook):
    """Run code as if it were in a new cell, and return what it has printed."""
    notebook.cells["answer"] = code
    return notebook.run("answer")


def disagreement(said, found):
    """Return the message of a test that compares figures of the exercises."""
    return (
        f"The cell `exercises` says {said}, but it is {found}. If the text or the code "
        "was changed for a reason, the cell must say the new figures."
    )


# Where other cells refer to an exercise by its number, and which one they mean
REFERENCES = {
    (LESSON, "next"): ["Why not a larger table?"] * 3,
    (LABORATORY, "parameters-intro"): ["Other layers."],
    (LABORATORY, "unread-read"): [
        "Your own text.",
        "The knobs.",
        "Let the learning rate fall.",
    ],
    (LABORATORY, "pays-intro"): ["Other layers."],
    (LABORATORY, "memory-read"): ["How long a memory?"],
    (LABORATORY, "next"): ["Other layers.", "How long a memory?"],
}


@pytest.mark.parametrize("name", PATHS)
def test_the_numbers_of_exercises_lead_to_those_that_are_meant(name):
    exercises = RUNS[name].prose["exercises"]
    titles = dict(re.findall(r"(\d)\. \*\*(.+?)\*\*", exercises))
    for cell_id, prose in RUNS[name].prose.items():
        if cell_id == "exercises":
            continue
        said = [titles.get(number) for number in re.findall(r"xercise (\d)", prose)]
        assert said == REFERENCES.get((name, cell_id), []), (
            f"The exercises that cell {cell_id} refers to. If that is intended, "
            "change REFERENCES in tests/test_exercises.py."
        )


def small_lesson():
    """Return the lesson with a small network that is far from indifferent."""
    lesson = Notebook(LESSON, "setup", HIDDEN_DIM=16)
    with torch.no_grad():
        lesson["model"].linear.weight.mul_(30)
    return lesson


def small_lab():
    """Return the laboratory with a small network and small portions."""
    return Notebook(LABORATORY, "setup", TEXT_PORTION_SIZE=20, HIDDEN_DIM=8)


# --- the folds: what is hidden until the reader clicks


def folds(name):
    """Return the summary and the text of each fold in a notebook's exercises."""
    cells = RUNS[name].notebook.cells
    (source,) = [cell.source for cell in cells if cell.id == "exercises"]
    pattern = r"<details><summary>(.*?)</summary>(.*?)</details>"
    found = re.findall(pattern, source, re.S)
    assert 0 < len(found) == source.count("<details"), (
        f"In the exercises of {PATHS[name].name}, not every fold is like {pattern!r}."
    )
    return found


def test_a_fold_is_called_solution_where_it_has_code(name):
    wrong = []
    for summary, hidden in folds(name):
        if "```" in hidden and summary != "Solution":
            wrong.append(summary + hidden[:99])
    assert not wrong, f"These folds have code; “Solution” should be above: {wrong}"


def test_a_fold_has_another_name_where_it_has_no_code(name):
    wrong = []
    for summary, hidden in folds(name):
        others = ("What we saw", "If the losses are different")
        if "```" not in hidden and summary not in others:
            wrong.append(summary + hidden[:99])
    assert not wrong, f"These folds have no code; let another name say so: {wrong}"


# --- lesson, exercise 1: the training loop


PROMISED = r"iterations 1, 10, and 50 must be (\S+), (\S+), and (\S+)\."
HINT = r"The first is right, and the tenth is (\S+): "
WITHOUT_ZERO_GRAD = HINT + "`zero_grad` is missing"
WITHOUT_THE_STATE = HINT + "the state is not passed on"


def loop_with_a_mistake(*changes, last=10):
    """Run the answer's loop up to iteration last after replacing some of its code.

    changes: old, new, old, new ... Return the losses printed at iterations 1 and 10.
    """
    code = block(LESSON, "range(1, 51)")
    changes = ("range(1, 51)", f"range(1, {last + 1})", *changes)
    for old, new in zip(changes[::2], changes[1::2]):
        assert code.count(old) == 1, f"This test replaces {old!r} in the answer's loop."
        code = code.replace(old, new)
    out = run(code, Notebook(LESSON, "setup"))
    return re.findall(r"\d+: (\S+)\n", out)


def test_the_loop_prints_the_losses_that_the_exercise_promises():
    """With the default settings, since these are what readers compare with."""
    out = run(block(LESSON, "range(1, 51)"), Notebook(LESSON, "setup"))
    first, tenth, fiftieth = figures(LESSON, PROMISED)
    said = f"1: {first}\n10: {tenth}\n50: {fiftieth}\n"
    assert said == out, disagreement(said, out)


def test_the_losses_that_the_exercise_promises_are_those_of_the_stored_log():
    losses = {entry.iteration: f"{entry.loss:.3f}" for entry in LESSON_RUN.log}
    expected = (losses[1], losses[10], losses[50])
    said = figures(LESSON, PROMISED)
    assert said == expected, disagreement(said, expected)


def test_the_loop_without_zero_grad_has_the_losses_of_its_hint():
    found = loop_with_a_mistake("optimizer.zero_grad()", "pass")
    first, _, _ = figures(LESSON, PROMISED)
    said = [first, figures(LESSON, WITHOUT_ZERO_GRAD)]
    assert said == found, disagreement(said, found)


def test_the_loop_without_the_state_has_the_losses_of_its_hint():
    found = loop_with_a_mistake("model(character, state)", "model(character)")
    first, _, _ = figures(LESSON, PROMISED)
    said = [first, figures(LESSON, WITHOUT_THE_STATE)]
    assert said == found, disagreement(said, found)


def test_the_hints_tell_the_mistakes_apart():
    _, tenth, _ = figures(LESSON, PROMISED)
    tenths = {tenth}
    tenths.add(figures(LESSON, WITHOUT_ZERO_GRAD))
    tenths.add(figures(LESSON, WITHOUT_THE_STATE))
    assert len(tenths) == 3, (
        "Exercise 1 tells three cases apart by their tenth losses, but there are only "
        f"{tenths}. Let the hints name another sign of what is wrong."
    )


def test_the_loop_without_the_division_has_the_first_loss_of_its_hint():
    division = "loss = loss / TEXT_PORTION_SIZE"
    (found,) = loop_with_a_mistake(division, "pass", last=1)
    said = figures(LESSON, r"The first is (\S+): it was not divided by the number of")
    assert said == found, disagreement(said, found)


@pytest.mark.parametrize(
    "changes",
    [
        ("optimizer.step()", "pass"),
        ("optimizer.zero_grad()", "pass", "step()", "zero_grad(); optimizer.step()"),
    ],
    ids=["step is missing", "zero_grad between backward and step"],
)
def test_the_loss_stays_where_the_hint_says(changes):
    said = figures(
        LESSON,
        r"stays near (\S+): `step` is missing, or `zero_grad` comes between `backward` "
        r"and `step`\.",
    )
    for found in loop_with_a_mistake(*changes):
        close = abs(float(found) - float(said)) < 0.1
        assert close, disagreement(f"near {said}", found)


def test_the_state_of_one_portion_handed_to_the_next_is_what_backward_refuses():
    figures(LESSON, r"`backward` complains about a second time: the state of one port")
    code = block(LESSON, "range(1, 51)")
    assert code.count("state, loss = None, 0") == 1
    code = "state = None\n" + code.replace("state, loss = None, 0", "loss = 0")
    with pytest.raises(RuntimeError, match="second time"):
        run(code, Notebook(LESSON, "setup"))


def test_the_state_handed_on_without_its_graph_has_the_loss_of_its_hint():
    code = "state = None\n" + block(LESSON, "range(1, 51)")
    assert code.count("state, loss = None, 0") == 1
    detached = "loss = 0\n    if state:\n        state = [v.detach() for v in state]"
    code = code.replace("state, loss = None, 0", detached).replace("51)", "11)")
    out = run(code, Notebook(LESSON, "setup"))
    found = re.findall(r"10: (\S+)\n", out)
    said = figures(LESSON, r"The tenth is (\S+): the same, with the state cut off by")
    assert [said] == found, disagreement(said, found)


def test_a_second_try_without_a_new_model_begins_as_low_as_its_hint_says():
    said = figures(LESSON, r"The first is far below (\S+): the cell above, which makes")
    code = block(LESSON, "range(1, 51)")
    lesson = Notebook(LESSON, "setup")
    run(code, lesson)
    first = float(re.findall(r"\b1: (\S+)\n", run(code, lesson))[0])
    assert first < float(said) - 1, disagreement(f"far below {said}", first)


# --- lesson, exercise 2: larger tables


LOSSES_OF_TABLES = r"their losses are (\S+), (\S+), (\S+), and (\S+)\. The"


@pytest.fixture(scope="module")
def larger_tables():
    """The lesson after the answer's code, with tables of one to four characters."""
    lesson = Notebook(LESSON, "text")
    run(block(LESSON, "Counter(grams)"), lesson)
    return lesson


def test_the_tables_have_as_many_entries_as_the_answer_says(larger_tables):
    found = re.findall(r": (\S+) entries", larger_tables.out["answer"])
    said = figures(LESSON, r"the tables have (\S+), (\S+), (\S+), and (\S+) entries")
    assert list(said) == found, disagreement(said, found)


def test_the_tables_have_the_losses_that_the_answer_says(larger_tables):
    found = re.findall(r"entries, (\S+) nats", larger_tables.out["answer"])
    said = figures(LESSON, LOSSES_OF_TABLES)
    assert list(said) == found, disagreement(said, found)


def test_as_much_is_new_to_the_tables_as_the_answer_says(larger_tables):
    found = re.findall(r"(\S+) of the last tenth", larger_tables.out["answer"])
    said = figures(LESSON, r"In the last tenth, (\S+), (\S+), (\S+), and (\S+) of the")
    assert list(said) == found, disagreement(said, found)


def test_about_half_of_the_largest_table_was_seen_once(larger_tables):
    said = figures(LESSON, r"about (\w+) of the entries of the four-character table")
    assert said == "half"
    counts = list(larger_tables["table"].values())  # the last table made
    once = sum(count == 1 for count in counts) / len(counts)
    assert 0.45 < once < 0.55, f"A share of {once:.2f} is hardly “about half”."


def test_the_network_ties_with_the_third_table_and_loses_to_the_fourth():
    """A difference of 0.02 is what chance makes, according to the laboratory."""
    sentence = r"three-character table (\w+) .*, and the four-character table (\w+) it"
    assert figures(LESSON, sentence) == ("ties", "beats")
    _, _, third, fourth = figures(LESSON, LOSSES_OF_TABLES)
    network = LESSON_RUN.number("perplexity", r"iterations: (\S+) nats")
    assert float(third) == pytest.approx(network, abs=0.02)
    assert float(fourth) < network - 0.02


# --- lesson, exercise 3: the vanishing gradient


@pytest.fixture(scope="module")
def vanishing():
    """The lesson after the code of the exercise. Tests only read it."""
    lesson = small_lesson()
    lesson["figure"] = plt.figure()  # the code draws on it
    run(block(LESSON, "retain_grad"), lesson)
    plt.close(lesson["figure"])
    return lesson


def test_the_logits_of_the_exercise_are_the_last_of_the_model(vanishing):
    logits, _ = read_along(vanishing["model"], vanishing["inputs"])
    torch.testing.assert_close(vanishing["logits"], logits[-1:], rtol=0, atol=1e-6)


def test_the_gradient_is_that_of_the_loss_of_the_last_target(vanishing):
    """Of the logits' biases, only the target's lowers the loss when it grows."""
    gradient = vanishing["model"].linear.bias.grad
    assert gradient.argmin() == vanishing["targets"][-1]


def test_the_sizes_of_the_gradient_shrink_from_the_last_character_back(vanishing):
    sizes = vanishing["sizes"]
    assert len(sizes) == vanishing["TEXT_PORTION_SIZE"]
    assert sizes[0] > sizes[40] > 0


def test_the_curve_is_the_sizes_as_shares_of_the_first(vanishing):
    """So that 1%, which the exercise asks for, can be read off."""
    assert figures(LESSON, r"Where does it first fall below (\S+)\?") == "1%"
    (axes,) = vanishing["figure"].axes
    (curve,) = axes.lines
    sizes = vanishing["sizes"][:60]
    np.testing.assert_allclose(curve.get_ydata(), sizes / sizes[0], rtol=1e-5)
    assert curve.get_ydata()[0] == 1
    assert axes.get_yscale() == "log"


# --- lesson, exercise 4: only likely characters


@pytest.fixture(scope="module")
def top_k():
    """The lesson with the function of the answer."""
    lesson = small_lesson()
    run(block(LESSON, "def generate_top_k"), lesson)
    return lesson


def test_with_k_of_1_the_text_is_always_the_same(top_k):
    first = top_k["generate_top_k"](top_k["model"], "th", 40, 1)
    second = top_k["generate_top_k"](top_k["model"], "th", 40, 1)
    assert first == second


def test_as_many_characters_as_asked_for_follow_the_prime(top_k):
    written = top_k["generate_top_k"](top_k["model"], "th", 40, 3)
    assert written.startswith("th")
    assert len(written) == len("th") + 40


def test_the_k_most_likely_are_drawn_as_often_as_they_should(top_k):
    """Read along what was written, and see where each character stood."""
    torch.manual_seed(123)
    written = top_k["generate_top_k"](top_k["model"], "th", 1000, 3)
    indices = top_k["char_to_tensor"](written)
    logits, _ = read_along(top_k["model"], indices[:-1])
    top = logits.topk(3)
    drawn = indices[2:]  # after the prime
    hits = top.indices[1:] == drawn[:, None]  # (1000, 3)
    assert hits.any(dim=1).all(), "A character was not among the three most likely."

    # at T = 1, the three keep the proportions of their probabilities
    expected = torch.softmax(top.values[1:], dim=1).mean(dim=0)
    shares = hits.float().mean(dim=0)
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.05)
    assert shares.min() > 0, "All three should have been drawn."


# --- lesson, exercise 5: what need not be in the loop


@pytest.fixture(scope="module")
def short_loop():
    """The lesson after the answer's code. Tests only read it."""
    lesson = small_lesson()
    run(block(LESSON, "from_x.split"), lesson)
    return lesson


def test_the_shorter_loop_prints_its_milliseconds(short_loop):
    assert re.fullmatch(r"\d+ ms\n", short_loop.out["answer"])


def test_the_shorter_loop_has_the_logits_of_the_model(short_loop):
    logits, _ = read_along(short_loop["model"], short_loop["inputs"])
    torch.testing.assert_close(short_loop["logits"], logits, rtol=0, atol=1e-5)


def test_the_shorter_loop_has_the_gradients_of_the_training_cell(short_loop):
    model = short_loop["model"]
    state = None
    loss = 0
    inputs, targets = short_loop["inputs"], short_loop["targets"]
    for character, target in zip(inputs.split(1), targets.split(1)):
        logits, state = model(character, state)
        loss = loss + F.cross_entropy(logits, target)
    parameters = list(model.parameters())
    expected = torch.autograd.grad(loss / len(inputs), parameters)
    found = tuple(parameter.grad for parameter in parameters)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


# --- laboratory, exercise 2: other layers


ROW = r"\| `nn\.(\w+)`, (\d+), [\d.]+ \| ([\d,]+) \|"  # layer, HIDDEN_DIM, weights
ROWS = re.findall(ROW, LABORATORY_RUN.prose["exercises"])


def test_the_table_of_layers_has_five_rows():
    """So that the next test sees them all."""
    assert [row[:2] for row in ROWS] == [
        ("LSTM", "128"),
        ("GRU", "128"),
        ("RNN", "128"),
        ("RNN", "128"),
        ("RNN", "256"),
    ]


@pytest.fixture(scope="module")
def network():
    """The laboratory up to its class `RNN`. Tests only read it."""
    return Notebook(LABORATORY, "model")


@pytest.mark.parametrize("layer, hidden_dim, said", ROWS)
def test_the_weights_in_the_table_are_those_of_the_network(
    network, layer, hidden_dim, said
):
    model = network["RNN"](
        len(network["ALPHABET"]),
        network["EMBEDDING_DIM"],
        int(hidden_dim),
        getattr(nn, layer),
        network["NUM_LAYERS"],
    )
    weights = sum(parameter.numel() for parameter in model.parameters())
    assert said == f"{weights:,}"


# --- laboratory, exercise 3: how long a memory


def test_the_second_digits_loss_is_printed_every_1000_iterations():
    def iterations_without_training(model, text, num_iter, learning_rate):
        return [999, 1000, 1001, 2000]

    lab = small_lab()
    lab["learn"] = Recorder(iterations_without_training)
    lab["pupil"] = lab["model"]
    lab["learned"] = "the lines to learn"
    lab["rate"] = 0.1
    lab["second"] = torch.arange(20) < 5  # as if these followed the spaces
    out = run(block(LABORATORY, "% 1000"), lab)

    expected = (lab["model"], "the lines to learn", lab["NUM_ITER"], 0.1)
    assert lab["learn"].calls == [expected]
    losses = lab["character_losses"](lab["model"], lab["inputs"], lab["targets"])
    mean = f"{losses[:5].mean():.2f}"
    assert out == f"1000 {mean}\n2000 {mean}\n"


# --- laboratory, exercise 4: a batch


@pytest.fixture(scope="module")
def batch():
    """The laboratory after the answer's code. Tests only read it."""
    lab = small_lab()
    run(block(LABORATORY, "range(8)"), lab)
    return lab


def test_the_batch_has_the_shapes_that_its_comments_say(batch):
    assert batch["inputs"].shape == batch["targets"].shape == (20, 8)
    assert batch["logits"].shape == (20, 8, 100)


def test_the_loss_of_a_batch_is_the_mean_of_its_examples(batch):
    model, examples = batch["model"], batch["examples"]
    losses = [batch["character_losses"](model, *example) for example in examples]
    assert len(losses) == 8
    expected = torch.cat(losses).mean().item()
    assert batch["loss"].item() == pytest.approx(expected)


def test_the_times_that_the_text_is_read_are_those_of_the_settings():
    lab = Notebook(LABORATORY, "text")
    times = lab["NUM_ITER"] * lab["TEXT_PORTION_SIZE"] / len(lab["text"])
    expected = (f"{8 * times:.0f}", f"{times:.0f}")
    said = figures(LABORATORY, r"read the text (\d+) times instead of (\d+)")
    assert said == expected, disagreement(
        said, f"{expected}, as the text has {len(lab['text']):,} characters"
    )


def test_after_an_eighth_of_the_iterations_a_batch_has_read_as_much():
    lab = Notebook(LABORATORY, "parameters")
    expected = f"{lab['NUM_ITER'] / 8:.0f}"
    assert figures(LABORATORY, r"characters \(`NUM_ITER = (\d+)`\)") == expected
    assert figures(LABORATORY, r"in (\d+) iterations, it was") == expected
    assert figures(LABORATORY, r"those (\d+) took") == expected


# --- laboratory, exercise 5: the state carried over


@pytest.mark.parametrize("length, places", [(41, [20, 0, 20]), (40, [0, 0])])
def test_the_state_is_carried_through_the_text_then_starts_afresh(length, places):
    """A text of 41 characters has two portions of 20 with their targets, one of 40
    has only one. `places` says where the next portion begins after each."""
    lab = small_lab()
    lab["text"] = ("to be or not " * 4)[:length]
    lab["state"] = None
    lab["place"] = 0
    start = 0
    for next_start in places:
        state_before = lab["state"]
        run(block(LABORATORY, "detach"), lab)

        indices = lab["char_to_tensor"](lab["text"][start : start + 21])
        logits, _ = lab["model"](indices[:-1], state_before)
        torch.testing.assert_close(lab["logits"], logits)
        torch.testing.assert_close(lab["loss"], F.cross_entropy(logits, indices[1:]))

        lab["loss"].backward()  # raises if it goes back into the portion before
        assert lab["place"] == next_start
        if next_start == 0:
            assert lab["state"] is None, "A new pass should start from zero."
        else:
            assert lab["state"] is not None, "The state should be carried over."
        start = next_start


def test_in_the_control_each_portion_in_order_starts_from_zero():
    line = figures(LABORATORY, r"For the control, add `(.+?)` at the end of the loop")
    lab = small_lab()
    lab["text"] = "to be or not " * 4
    lab["state"] = None
    lab["place"] = 0
    indices = lab["char_to_tensor"](lab["text"])
    for start in (0, 20):
        run(block(LABORATORY, "detach") + line, lab)
        logits, _ = lab["model"](indices[start : start + 20])
        torch.testing.assert_close(lab["logits"], logits)


# --- laboratory, exercise 7: a learning rate that falls


def test_the_learning_rate_falls_in_a_straight_line_to_zero():
    line = block(LABORATORY, "optimizer.param_groups")
    lab = small_lab()
    loop = "    for iteration in range(1, num_iter + 1):\n"
    assert lab.cells["learn"].count(loop) == 1, f"This test looks for {loop!r}."
    learn = lab.cells["learn"].replace(loop, loop + textwrap.indent(line, " " * 8))
    run(learn, lab)

    training = lab["learn"](lab["model"], lab["text"], 5, 0.1)
    rates = []
    for _ in training:
        optimizer = training.gi_frame.f_locals["optimizer"]
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.08, 0.06, 0.04, 0.02, 0])
