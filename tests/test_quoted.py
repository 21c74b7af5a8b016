"""Figures in the prose that stored outputs decide."""

import math
import re

import notebooks as nb
import pytest
from notebooks import LABORATORY, LESSON, log_entries, printed
from replay import stored_description
from test_repository import LECTURE

pytestmark = pytest.mark.stored
PRINTED = {name: nb.outputs(nb.read(name)) for name in nb.PATHS}
NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?"
BETWEEN = r"(?<=[.:?!)|]) (?=[A-Z(*`$|-])"  # sentences


def says(name, *expected):
    """Fail unless a notebook has these words; it finds them whatever their figures."""
    texts = [cell.source for cell in nb.read(name).cells if cell.cell_type != "code"]
    prose, wrong = " ".join(" ".join(texts).split()), []
    for words in expected:
        pattern = NUMBER.join(map(re.escape, re.split(NUMBER, words)))
        if not (found := re.findall(pattern, prose)):
            wanted, sentences = {*words.split()}, re.split(BETWEEN, prose)
            nearest = max(sentences, key=lambda each: len(wanted & {*each.split()}))
            found = [nearest + "   (these words are not found; is it this sentence?)"]
        for each in set(found).difference(expected):
            wrong.append(f"  it says:        {each}\n  it should say:  {words}\n")
    if wrong:
        told = f"""{nb.PATHS[name].name}: see other red tests first. Then correct the
prose, or, if you reworded it, the words in test_quoted.py."""
        pytest.fail("\n".join([told, *wrong]), pytrace=False)


def test_what_the_lesson_quotes():
    log, out = log_entries(PRINTED[LESSON]["train"]), PRINTED[LESSON]
    one, ten, fifty = (log[n][0] for n in (1, 10, 50))
    _, mean, test = log[LECTURE["NUM_ITER"]]
    _, (frequencies,), (previous,) = printed(out["baselines"], "nats", 1)
    *_, (_, _, mixture) = printed(PRINTED[LABORATORY]["table"], "%")
    ((comma, *_),) = printed(out["cell-state"], "(',')")
    # where a unit was erased each time, but for space, comma, and full stop
    always = re.findall(r"(\d+) of \1 '([^ ,.])'", out["cell-state"])
    signs = "”, the full stop's at each “".join(sign for _, sign in always)
    (ends,) = re.findall(r" (\S+)\n$", stored_description(LESSON)["context"])
    (text,) = (cell.source for cell in nb.read(LESSON).cells if cell.id == "exercises")
    heads, losses = re.findall(r"(?m)^ +\| (all gates.*|1\..*) \|$", text)
    _, worst = max(zip(losses.split(" | "), heads.split(" | ")))
    says(
        LESSON,
        f"with ${worst.replace(' ', '')}$, does the most harm",
        f"it ends at {float(ends):.2f}; over all places, at {test:.2f}, like the test",
        f"iterations 1, 10, and 50 must be {one}, {ten}, and {fifty}, give or take",
        f"the recent mean ended at {mean:.2f} and the test loss at {test:.2f},",
        f"perplexities of {math.exp(mean):.1f} and {math.exp(test):.1f}.",
        f"In the stored run, the loss was {test}. With $f$",
        f"no fixed probabilities can do better than {frequencies}, and",
        f"the previous character alone can do better than {previous}.",
        f"never do better than *previous character*, {previous}.",
        f"| *previous character* | training text | {previous:.2f} |",
        f"| a mixture of counts (laboratory) | this test text | {mixture:.2f} |",
        f"unit = torch.tensor([{comma:.0f}], device=device)",
        f"the comma's also at each “{signs}”, among others.",
    )


def test_what_the_laboratory_quotes():
    out = PRINTED[LABORATORY]
    (*_, shorter), (seen, followed, p_t) = printed(out["table"], "ha'")
    *_, (_, _, mixture) = printed(out["table"], "%")
    (network,), (average,) = printed(out["table"], "test loss of")
    row = r"(?m)^ *(\d\S*)  .* (\S+) +(\S+)$"
    nearest = re.findall(row, out["which-table-distances"])
    n = [iteration for iteration, *_ in nearest]
    asks = out["asking"] + out["weighted"]
    pairs = re.findall(r"(?m)[a-z] +(0\.\d+)$", asks)
    (a, b), (c, _), *means = re.findall(r"(?m)^ends of.* (\S+) +\S+ +(\S+)$", asks)
    ((holders, _, other, _),) = printed(out["transplant"], "holders")
    ((rest, own, *_),) = printed(out["transplant"], "the rest")
    moved, _ = printed(out["beginnings"], "moved by")
    asked, stated = (n for (n,) in printed(out["cats"], "s  ", 1))
    drawn = stored_description(LABORATORY)["gradients"]
    left = dict(re.findall(r"y of (\w+) \[0\] (\S+)", drawn))  # at the digit
    lstm, rnn, forgetful = map(float, map(left.get, "LSTM RNN ForgetfulLSTM".split()))
    says(
        LABORATORY,
        f"On the test text, its loss ended at {network}.",
        f"the table has {mixture:.2f}, and the network {network}.",
        f"and the loss is {average}, far below either.",
        f"From iteration {n[1]} on (at the looks that we took),",
        f"from {n[2]} on that of one character, from {n[3]} on of two, and from {n[4]}",
        "{2} nats at iteration {0}, where the nearest table is {1}".format(*nearest[2]),
        "than the table of five characters is ({2} and {1}).".format(*nearest[-1]),
        "Exchange $h$ alone, and the ratio at an end moves by {1:.2f},".format(*moved),
        "exchange $c$ alone, and it moves by {2:.2f}, about".format(*moved),
        f"{holders:.0f} are holders. Exchange these alone, and all {other:.0f} lines",
        f"Exchange the {rest:.0f} others, and all {own:.0f} expect",
        f"the ratio is {pairs[0]} twice, and {pairs[2]} twice,",
        f"likelier after the question: {pairs[4]} against {pairs[5]}, and {pairs[6]}",
        f"and {pairs[6]} against {pairs[7]}. In the test text,",
        "kind bring it from {} down to {} at the ends of questions,".format(*means[0]),
        "from {} up to {} at those of statements".format(*means[1]),
        f"({b} or {a} on average) than after statements ({c}),",
        f"the same factor each time, about {lstm ** (1 / 11):.1f} with `LSTM`,",
        f"and {forgetful ** (1 / 11):.2f} with `ForgetfulLSTM`.",
        f"about 1/{round(1 / lstm, -1):.0f}, 1/{round(1 / rnn, -3):,.0f}, and less",
        f"“t” followed {followed:.0f} of {seen:.0f} times",
        f"probability of {shorter}. Ten made-up observations",
        f"of which “t” gets a share of {shorter}, are added to the {seen:.0f}.",
        rf"$({followed:.0f}+10\cdot {shorter})/({seen:.0f}+10)={p_t}$",
        f"Of the {asked + stated:,.0f} ends in the training text",
        f"{asked:.0f} are “?”, a share of {asked / (asked + stated):.2f}.",
    )


def test_figures_of_the_laboratory_stand_in_what_its_cells_show():
    """In these paragraphs, up to a fold: figures of two characters or more."""
    told = {"memory-read": "memory", "transplant-read": "transplant"}
    told |= {"held-read": "held", "asking-read": "asking", "cats-read": "cats"}
    told |= {"weighted-intro": "forgetful", "weighted-read": "forgetful weighted"}
    prose = {cell.id: cell.source for cell in nb.read(LABORATORY).cells}
    titles = re.findall("(?m)^title:.*", stored_description(LABORATORY)["held"])
    wrong = []
    for key, cells in told.items():
        shown = "".join(PRINTED[LABORATORY][cell] for cell in cells.split())
        shown = re.findall(NUMBER, shown + "".join(titles if cells == "held" else []))
        text = " ".join(prose[key].split("<details>")[0].split())
        for sentence in re.split(BETWEEN, text):
            found = re.findall(NUMBER, re.sub(r"\$.*?\$", "", sentence))
            if strange := [n for n in found if len(n) > 1 and n not in shown]:
                wrong += [f"  {key}: {sentence}", f"  not shown: {strange}\n"]
    if wrong:
        told = "Correct these figures, or say in test_quoted.py which cell shows them."
        pytest.fail("\n".join([told, *wrong]), pytrace=False)


def test_the_samples_that_the_pages_quote():
    log = PRINTED[LESSON]["train"].replace("\n", " ")
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    samples = re.findall(r"(?m)^ *\d+: (.+)$", nb.read(LESSON).cells[0].source)
    samples += re.findall(rf"(?m)^    ({LECTURE['PRIME_STR']}.+)$", readme)
    assert len(samples) == 5, f"two in the title, three in README: {samples}"
    assert not [each for each in samples if each not in log], "not in the stored log"
