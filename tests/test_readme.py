"""The README: its commands, its log lines, and the files and versions it names."""

import re

import pytest
from notebooks import PATHS, ROOT, code_cells, outputs_text, read

README = (ROOT / "README.md").read_text(encoding="utf-8")
VENV = "python3 -m venv .venv && .venv/bin/pip install -r "
RUN = VENV + "requirements.txt && .venv/bin/jupyter lab char_rnn_lstmcell.ipynb"
TEST = VENV + "tests/requirements.txt && .venv/bin/python -m pytest tests"


def test_both_commands_stand_in_the_readme_and_ci_runs_the_second():
    assert f"\n    {RUN}\n" in README
    assert f"\n    {TEST}\n" in README
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == TEST


def test_log_lines_are_from_the_stored_run():
    log = outputs_text(code_cells(read("lstmcell"))["train"])
    lines = []
    for line in README[README.index("    iteration") :].splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    assert sum(line.startswith("iteration") for line in lines) >= 3
    assert set(lines) <= {line.rstrip() for line in log.splitlines()}


def test_files_that_the_readme_names_exist():
    named = set(re.findall(r"`([\w./]+\.(?:ipynb|txt|py|md))`", README))
    made_by_the_reader = {"my_run.ipynb"}
    assert {path.name for path in PATHS.values()} <= named
    for name in named - made_by_the_reader:
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_have_a_lower_bound_and_a_cap(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    if file.startswith("tests"):
        assert lines.pop(0) == "-r ../requirements.txt"
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z]+>=\d+(\.\d+)?,<\d+(\.\d+)?", line), line


def test_benchmark_table_holds_the_ratios_that_the_readme_claims():
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$", README, re.M)
    ratios = {name: float(ratio) for name, _, ratio in rows[:5]}
    assert len(ratios) == 5
    assert ratios["`nn.LSTM`, one character per call"] >= 20
    assert ratios["`nn.LSTMCell` notebook"] >= 9
    assert 1 / ratios["floor: the recurrence's products alone"] <= 3.3
    lecture = ratios["the plain loop of the lecture"]
    assert ratios["`nn.LSTMCell` notebook"] / lecture <= 1.1
