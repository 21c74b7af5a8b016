"""The benchmark and the refresh of the stored outputs: they do what they are for."""

import re
import shutil
import subprocess
import sys

import nbformat
from conftest import UNUSUAL
from notebooks import PATHS, ROOT, TEXT_FILE, change_settings, code_cells, read


def run(folder, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_benchmark_measures_all_five_forms():
    out = run(ROOT, "tests/benchmark.py", "1")
    rows = re.findall(r"^\| [^|]+(?: \| \d+\.\d\d){4} \|$", out, re.M)
    assert len(rows) >= 5


def test_refresh_saves_the_outputs_of_a_fresh_run(tmp_path):
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.copy(TEXT_FILE, tmp_path)
    notebook = read("lstm")
    change_settings(notebook, **UNUSUAL)
    for cell in code_cells(notebook).values():
        cell.outputs, cell.execution_count = [], None
    path = tmp_path / PATHS["lstm"].name
    nbformat.write(notebook, path)
    out = run(tmp_path, "tests/refresh.py", "lstm")
    assert "char_rnn_lstm.ipynb: mean loss of the last 7 iterations" in out
    saved = nbformat.read(path, as_version=4)
    assert "version" not in saved.metadata.language_info
    counts = [cell.execution_count for cell in code_cells(saved).values()]
    assert counts == list(range(1, len(counts) + 1))
