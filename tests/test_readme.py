"""The README: its commands, its log lines, its table, and the files it names."""

import re

import pytest
from notebooks import PATHS, ROOT, code_cells, printed, read

README = (ROOT / "README.md").read_text(encoding="utf-8")
VENV = "python3 -m venv .venv && .venv/bin/pip install -r "
RUN = VENV + "requirements.txt && .venv/bin/jupyter lab char_rnn_lstmcell.ipynb"
TEST = VENV + "tests/requirements.txt && .venv/bin/python -m pytest tests"


def test_both_commands_stand_in_the_readme_and_ci_runs_the_second():
    assert f"\n    {RUN}\n" in README
    assert f"\n    {TEST}\n" in README
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == TEST
    assert len(README.splitlines()) <= 120


def test_log_lines_are_from_the_stored_run():
    log = printed(code_cells(read("lstmcell"))["train"])
    shown = re.findall(
        r"(?:^    .+\n|^\n)+", README[README.index("    iteration") :], re.M
    )
    lines = [line[4:] for line in shown[0].splitlines() if line]
    assert sum(line.startswith("iteration") for line in lines) >= 3
    assert set(lines) <= {line.rstrip() for line in log.splitlines()}


def test_the_ratios_of_the_table_are_those_of_its_milliseconds():
    """As far as whole milliseconds tell."""
    table = re.findall(r"^\| ([^|]+)((?: \| \d+ \| [\d.]+){2}) \|$", README, re.M)
    rows = {name: [float(x) for x in cells.split(" | ")[1:]] for name, cells in table}
    base = rows["`char_rnn_lstm.ipynb`"]
    assert len(rows) == 5 and base[1] == base[3] == 1
    for row in rows.values():
        for ms, ratio in (0, 1), (2, 3):
            low = (row[ms] - 0.5) / (base[ms] + 0.5)
            high = (row[ms] + 0.5) / (base[ms] - 0.5)
            assert 0.95 * low <= row[ratio] <= 1.05 * high
    cell = rows["`char_rnn_lstmcell.ipynb`"]
    assert cell[1] > 10 and 1.5 < cell[3] < 2.5
    for name, times in (
        ("lstmcell", "less than a tenth"),
        ("lstm", "more than ten times"),
    ):
        prose = " ".join(cell.source for cell in read(name).cells).split()
        assert times in " ".join(prose)


def test_files_and_settings_that_the_readme_names_exist():
    named = set(re.findall(r"[\w./]*\w\.(?:ipynb|txt|py|md)\b", README))
    named -= {"my_run.ipynb"}  # what papermill writes
    assert {path.name for path in PATHS.values()} <= named
    assert [file for file in named if not (ROOT / file).is_file()] == []
    cell = code_cells(read("lstm"))["parameters"].source
    settings = re.findall(r"(?:-p |`)([A-Z_]+)\b", README)
    assert {"NUM_ITER", "TEXT_FILE", "DEVICE"} <= set(settings)
    assert [name for name in settings if f"\n{name} = " not in cell] == []


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_have_a_lower_bound_and_a_cap(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    if file.startswith("tests"):
        assert lines.pop(0) == "-r ../requirements.txt"
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z]+>=\d+(\.\d+)?,<\d+(\.\d+)?", line), line
