"""The README: its commands, its log lines, and the files and settings it names."""

import re

from notebooks import ROOT, code_cells, printed, read

README = (ROOT / "README.md").read_text(encoding="utf-8")
VENV = "python3 -m venv .venv && .venv/bin/pip install -r "
RUN = VENV + "requirements.txt && .venv/bin/jupyter lab char_rnn_lstmcell.ipynb"
TEST = VENV + "tests/requirements.txt && .venv/bin/python -m pytest tests"
WINDOWS = RUN.replace("python3", "py").replace("/bin/", "\\Scripts\\").split(" && ")
OTHERS = [
    ".venv/bin/ipython char_rnn_lstm.ipynb",
    ".venv/bin/pip install papermill",
    ".venv/bin/papermill char_rnn_lstm.ipynb my_run.ipynb -k python3 -p NUM_ITER 1000",
]


def test_each_command_is_known_to_the_letter_and_ci_runs_the_tests():
    commands = re.findall(r"^ {4,}((?:\.venv|py).*)$", README, re.M)
    assert sorted(commands) == sorted([RUN, TEST, *WINDOWS, *OTHERS])
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ci.splitlines()[-1] == TEST
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert TEST.split(".venv/bin/")[-1] in workflow and '["3.10", "3.13"]' in workflow


def test_log_lines_are_from_the_stored_run():
    log = printed(code_cells(read("lstmcell"))["train"])
    shown = re.search(r"(?:^    .+\n|^\n)+", README[README.index("    iter") :], re.M)
    lines = [line[4:] for line in shown[0].splitlines() if line]
    assert sum(line.startswith("iteration") for line in lines) >= 3
    assert set(lines) <= {line.rstrip() for line in log.splitlines()}


def test_files_and_settings_that_the_readme_names_exist():
    named = set(re.findall(r"[\w./]+\.(?:ipynb|txt|py)\b", README)) - {"my_run.ipynb"}
    assert {"char_rnn_lstm.ipynb", "covid19_faq.txt", "tests/benchmark.py"} <= named
    assert [file for file in named if not (ROOT / file).is_file()] == []
    cell = code_cells(read("lstm"))["parameters"].source
    settings = set(re.findall(r"(?:-p |`)([A-Z_]{4,})\b", README))
    assert {"NUM_ITER", "TEXT_FILE", "DEVICE"} <= settings
    assert [name for name in settings if f"\n{name} = " not in cell] == []
