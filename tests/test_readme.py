"""The README: its commands, samples, plan, and everything that it names."""

import re

import pytest
from notebooks import LABORATORY, LESSON, PATHS, ROOT, code_cells, read
from stored import LESSON_RUN

README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4,}((?:\.venv|python3|py) ?.*)$", README, re.M)
MADE_BY_A_COMMAND = {"my_run.ipynb"}


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
    named = set(re.findall(r"[\w./]+\.(?:ipynb|txt|py)\b", README)) - MADE_BY_A_COMMAND
    assert {"char_rnn_lstm.ipynb", "covid19_faq.txt", "tests/refresh.py"} <= named
    missing = [file for file in sorted(named) if not (ROOT / file).is_file()]
    assert not missing, f"The README names files that do not exist: {missing}"


@pytest.mark.parametrize("name", PATHS)
def test_the_settings_that_the_readme_names_exist(name):
    cell = code_cells(read(name))["parameters"].source
    # `OWN_CODE` and `CLAIMS` are names of the tests, told to those who contribute
    readers_part = README.partition("## Contributing")[0]
    named = set(re.findall(r"(?:-p |`)([A-Z_]{4,})\b", readers_part))
    assert {"NUM_ITER", "TEXT_FILE", "DEVICE"} <= named
    unknown = [setting for setting in sorted(named) if f"\n{setting} = " not in cell]
    if name == LESSON:
        unknown = [setting for setting in unknown if setting != "LAYER"]
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
    assert not named - headings, f"no such headings: {sorted(named - headings)}"


def test_the_samples_are_from_the_stored_run():
    log = LESSON_RUN["train"]
    start = README.index("    iteration")
    block = re.search(r"(?:^    .+\n|^\n)+", README[start:], re.M)[0]
    shown = [line.strip() for line in block.splitlines() if line.strip()]
    stored = {line.strip() for line in log.splitlines()}
    assert sum(line.startswith("iteration") for line in shown) >= 3
    for line in shown:
        assert line in stored, f"not in the stored log: {line}"


def test_the_versions_of_python_are_those_that_the_workflow_tries():
    oldest = re.search(r"Python ([\d.]+\d) or later", README)[1]
    tried = re.search(r"tried: ([\d., and]+\d)", README)[1]
    versions = re.findall(r"3\.\d+", WORKFLOW)
    assert versions[-2] == oldest, "the oldest that the workflow tries"
    assert oldest in tried


def test_the_plan_for_class_has_no_gap():
    spans = re.findall(r"^- (\d+)–(\d+):", README, re.M)
    minutes = re.search(r"plan for (\d+) minutes", README)[1]
    starts = [start for start, _ in spans]
    ends = [end for _, end in spans]
    assert starts == ["0", *ends[:-1]]
    assert ends[-1] == minutes


def test_the_workflow_runs_the_tests_as_the_readme_tells():
    assert "pip install -r tests/requirements.txt" in WORKFLOW
    assert "-m pytest tests" in WORKFLOW


def test_the_readme_names_both_notebooks():
    for name in LESSON, LABORATORY:
        assert f"`{PATHS[name].name}`" in README
