"""The README: its commands, samples, plan, and everything that it names."""

import re

import pytest
from notebooks import LABORATORY, LESSON, PATHS, ROOT, TEXT_FILE, code_cells, read
from stored import LABORATORY_RUN, LESSON_RUN

README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4,}((?:\.venv|python3|py) ?.*)$", README, re.M)
MADE_BY_A_COMMAND = {"my_run.ipynb"}
THE_READERS = {"own.txt"}  # a text of the reader's


def test_ci_runs_the_test_command():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ci.splitlines()[-1] in COMMANDS


def test_the_first_command_installs_what_it_starts():
    first = COMMANDS[0]
    assert "pip install -r requirements.txt &&" in first
    assert first.endswith("/jupyter lab char_rnn_lstmcell.ipynb")
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "jupyterlab" in requirements


def test_windows_has_the_same_command_in_three_lines():
    windows = [line for line in COMMANDS if line.startswith(("py ", ".venv\\"))]
    first = COMMANDS[0].replace("python3", "py").replace("/bin/", "\\Scripts\\")
    assert windows == first.split(" && ")


def test_the_files_in_commands_and_text_exist():
    named = (
        set(re.findall(r"[\w./]+\.(?:ipynb|txt|py)\b", README))
        - MADE_BY_A_COMMAND
        - THE_READERS
    )
    assert {"char_rnn_lstm.ipynb", "covid19_faq.txt", "tests/refresh.py"} <= named
    missing = [file for file in sorted(named) if not (ROOT / file).is_file()]
    assert not missing, f"The README names files that do not exist: {missing}"


@pytest.mark.parametrize("name", PATHS)
def test_the_settings_that_the_readme_names_exist(name):
    cell = "\n" + code_cells(read(name))["parameters"].source
    # What is in capitals under Contributing are names of the tests
    readers_part = README.partition("## Contributing")[0]
    named = set(re.findall(r"(?:-p |`)([A-Z_]{4,})\b", readers_part))
    assert {"NUM_ITER", "TEXT_FILE", "DEVICE"} <= named
    unknown = [setting for setting in sorted(named) if f"\n{setting} = " not in cell]
    assert not unknown, f"The README names settings that do not exist: {unknown}"


def test_the_headings_that_the_readme_names_exist():
    headings = set()
    for name in PATHS:
        for cell in read(name).cells:
            if cell.cell_type == "markdown":
                headings |= set(re.findall(r"^#+ (.+)$", cell.source, re.M))
    words = " ".join(README.split())
    italics = re.findall(r"\*\*.+?\*\*|\*(.+?)\*", words)  # bold ones are no headings
    # In the README, italics are headings, menus ("Run > Run All"), or titles (a colon)
    named = {name for name in italics if name and not re.search("[>:]", name)}
    assert len(named) >= 9
    assert not named - headings, (
        f"In italics, but no heading of a notebook: {sorted(named - headings)}. In the "
        "README, italics are for headings, for menus, and for titles with a colon."
    )


def shown_samples():
    """Return (iteration, loss, sample) as strings for each that the README shows."""
    heading = r"^    after ([\d,]+) iterations.*\(loss ([\d.]+)\)\n"
    sample = r"((?:    .+\n|\n(?=    [^a]))+)"  # up to the next heading or text
    return re.findall(heading + sample, README, re.M)


def test_three_samples_are_shown():
    iterations = [iteration for iteration, _, _ in shown_samples()]
    assert iterations == ["50", "500", "5,000"]


def test_the_samples_are_those_of_the_stored_log():
    stored = {entry.iteration: entry for entry in LESSON_RUN.log}
    for iteration, _, sample in shown_samples():
        lines = [line.removeprefix("    ") for line in sample.splitlines()]
        entry = stored[int(iteration.replace(",", ""))]
        assert "\n".join(lines).strip() == entry.sample.strip(), (
            f"Copy the sample of iteration {iteration} from the lesson's log."
        )


def test_the_losses_of_the_samples_are_those_of_the_stored_log():
    stored = {entry.iteration: entry for entry in LESSON_RUN.log}
    for iteration, loss, _ in shown_samples():
        entry = stored[int(iteration.replace(",", ""))]
        assert float(loss) == pytest.approx(entry.mean, abs=0.0051), (
            f"The log's mean at iteration {iteration} is {entry.mean}."
        )


def test_the_oldest_python_is_the_one_that_the_workflow_tries():
    oldest = re.findall(r"Python ([\d.]+\d) or later", README)
    tried = re.findall(r"python: \[\"([\d.]+)\"", WORKFLOW)
    assert len(oldest) == 1, "The README should say: Python 3.x or later"
    assert oldest == tried


PAGE = {  # words in a row of the table for the class, and the stored run's figures
    "ten and forty characters": re.findall(
        r" (?:10|40) characters: (\d+%)", LESSON_RUN["asking"]
    ),
    "the six bars at T = 1.3": re.findall(
        r"T = 1.3: .* (\S+)\n", LESSON_RUN["temperature"]
    ),
    "perplexity": re.findall(r"perplexity: (\S+)", LESSON_RUN["perplexity"]),
    "forget gates": re.findall(r"(\d+%)", LESSON_RUN["by-hand"]),
}


@pytest.mark.parametrize("words", PAGE)
def test_the_table_for_the_class_has_the_stored_figures_of_the_page(words):
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \|$", README, re.M)
    said = [re.findall(r"[\d.]+%?", page) for row, page in rows if words in row]
    assert said == [PAGE[words]], (
        f"In the row with {words!r}, the stored run's figures are {PAGE[words]}."
    )


def test_the_losses_on_unread_and_read_text_are_the_stored_ones():
    sentence = r"has ([\d.]+) on text that it has read and ([\d.]+) on the unread tenth"
    said = re.findall(sentence, README)
    assert len(said) == 1, "Was the sentence in the plan for class reworded?"
    losses = re.findall(r"read (\S+), unread (\S+);", LABORATORY_RUN["unread"])
    read, unread = (float(loss) for loss in losses[0])
    assert float(said[0][0]) == pytest.approx(read, abs=0.02)
    assert float(said[0][1]) == pytest.approx(unread, abs=0.02)


def test_the_code_for_the_sheet_prints_the_stages_mixed_and_the_key(capsys):
    """From the names that the lesson knows after its training."""
    code = re.findall(r"^ {7}(.*)$", README, re.M)
    code = "\n".join(line for line in code if line)
    stages = (1, 10, 50, 200, 1000, 5000)
    samples = {entry.iteration: entry.sample for entry in LESSON_RUN.log}
    samples = {n: samples[n] for n in stages}
    exec(code, {"samples": samples, "SIGNS": {}})
    *shown, key = capsys.readouterr().out.strip().split("\n\n")
    order = [int(n) for n in re.findall(r"\d+", key)]
    assert order != sorted(order) and order != sorted(order, reverse=True)
    expected = []
    for letter, n in zip("ABCDEF", order, strict=True):
        expected.append(f"{letter} {samples[n]}".replace("\n", " "))
    assert shown == expected


def test_the_pair_on_the_sheet_is_in_the_faq():
    found = re.findall(
        r"sentences from the FAQ: “(.+?)” and “(.+?)”", " ".join(README.split())
    )
    assert len(found) == 1, "Was the sentence about the sheet reworded?"
    lines = TEXT_FILE.read_text(encoding="utf-8").split("\n")
    question, statement = found[0]
    assert question in lines
    assert any(statement in line for line in lines)


def test_the_plan_for_class_has_no_gap():
    spans = re.findall(r"^\| (\d+)–(\d+) \|", README, re.M)
    minutes = re.findall(r"plan for (\d+) minutes", README)
    assert len(minutes) == 1, "The README should announce: a plan for N minutes"
    starts = [start for start, _ in spans]
    ends = [end for _, end in spans]
    assert starts == ["0", *ends[:-1]]
    assert ends[-1] == minutes[0]


def test_the_workflow_runs_the_tests_as_the_readme_tells():
    assert "pip install -r tests/requirements.txt" in WORKFLOW
    assert "-m pytest tests" in WORKFLOW


def test_the_readme_names_both_notebooks():
    for name in LESSON, LABORATORY:
        assert f"`{PATHS[name].name}`" in README
