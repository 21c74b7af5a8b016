"""The benchmark and the refresh of the stored outputs: they do what they are for."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import benchmark
import nbformat
import pytest
import torch
from conftest import UNUSUAL
from notebooks import PATHS, ROOT, TEXT_FILE, change_settings, code_cells, read


def run(folder, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def table():
    """The first table of the benchmark: ms and ratio, with oneDNN and without."""
    out = run(ROOT, "tests/benchmark.py", "1")
    rows = re.findall(r"^\| ([^|]+)((?: \| \d+ \| [\d.]+){2}) \|$", out, re.M)
    return {name: [float(x) for x in row.split(" | ")[1:]] for name, row in rows}


def test_the_benchmark_measures_the_rows_of_the_readme(table):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(table) >= 5
    assert all(f"| {name} | " in readme for name in table)


def test_the_benchmark_takes_the_nn_lstm_notebook_as_base(table):
    assert table["`char_rnn_lstm.ipynb`"][1] == table["`char_rnn_lstm.ipynb`"][3] == 1
    if torch.backends.mkldnn.is_available():
        one_by_one = table["`nn.LSTM`, one character per call"]
        assert one_by_one[1] > 3 and one_by_one[1] > one_by_one[3]
        assert table["`char_rnn_lstm.ipynb`"][0] < table["`char_rnn_lstm.ipynb`"][2]


def test_medians_are_of_all_rounds_but_the_first(monkeypatch):
    ticks = iter([0, 9, 0, 1, 0, 2, 0, 6])  # seconds: rounds of 9, 1, 2, and 6
    clock = SimpleNamespace(perf_counter=lambda: next(ticks))
    monkeypatch.setattr(benchmark, "time", clock)
    monkeypatch.setattr(benchmark, "REPEATS", 3)
    assert benchmark.medians({"form": (lambda: None, 2)}) == {"form": 1000}


def test_sizes_are_measured_with_each_number_of_threads(monkeypatch):
    calls = []
    monkeypatch.setattr(benchmark, "ready", lambda name, **settings: settings)
    monkeypatch.setattr(
        benchmark, "training", lambda lesson, n: lambda: calls.append(lesson)
    )
    monkeypatch.setattr(benchmark.torch, "set_num_threads", calls.append)

    def medians(forms):
        for measured, _ in forms.values():
            measured()
        return dict.fromkeys(forms, 1.0)

    monkeypatch.setattr(benchmark, "medians", medians)
    benchmark.compare_sizes("cpu", "HIDDEN_DIM", [8], [1, 2])
    settings = [{"DEVICE": "cpu", "NUM_THREADS": n, "HIDDEN_DIM": 8} for n in (1, 2)]
    assert calls == [1, settings[0], 2, settings[1]]


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
    assert "char_rnn_lstm.ipynb: mean loss of the last 1 iterations" in out
    saved = nbformat.read(path, as_version=4)
    assert "version" not in saved.metadata.language_info
    counts = [cell.execution_count for cell in code_cells(saved).values()]
    assert counts == list(range(1, len(counts) + 1))
