"""The files: shared cells, settings, what is installed and saved; and whole runs."""

import re

import pytest
import torch
from notebooks import OWN_TEXT, PATHS, ROOT, SMALL, Notebook, code_cells, execute, read

OWN_CODE = "parameters model step generate setup train".split()  # cells that differ
LECTURE = dict(TEXT_PORTION_SIZE=200, NUM_ITER=5000, LEARNING_RATE=0.005)
LECTURE |= dict(EMBEDDING_DIM=100, HIDDEN_DIM=128)
LECTURE |= dict(PRIME_STR="th", PREDICT_LEN=100, TEMPERATURE=0.8)
OURS = dict(RANDOM_SEED=123, DEVICE="cpu", NUM_THREADS=1, STAGES=(1, 10, 50, 200, 1000))
OWN = dict(LOG_EVERY=200), dict(LOG_EVERY=500, LAYER=torch.nn.LSTM, NUM_LAYERS=1)
OWN = dict(zip(PATHS, OWN))  # lesson, laboratory


def test_shared_cells_are_the_same_to_the_letter():
    lesson, laboratory = (code_cells(read(name)) for name in PATHS)
    shared = (lesson.keys() & laboratory.keys()).difference(OWN_CODE)
    differ = [i for i in shared if lesson[i].source != laboratory[i].source]
    assert not differ, "These cells stand in both notebooks: change both."


def test_the_settings_are_those_of_the_lecture_and_of_the_stored_run(name):
    notebook = Notebook(name, "parameters")
    right = LECTURE | OURS | OWN[name]
    changed = {key: notebook[key] for key in right if notebook[key] != right[key]}
    assert not changed, "The prose rests on these settings. Try others in a copy."


def test_readme_brings_back_the_network_that_it_saved(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    save, load = re.findall(r"(?m)^ +(.*\btorch\.(?:save|load)\(.*)", readme)
    exec(save, small)
    saved, small["RANDOM_SEED"] = list(small["model"].parameters()), 8
    small.run("setup")
    exec(load, small)
    assert all(map(torch.equal, saved, small["model"].parameters())), f"{save}, {load}"


@pytest.mark.slow
def test_every_cell_runs_in_jupyter_without_a_warning(name, tmp_path, monkeypatch):
    """Python warns of a file opened without an encoding; libraries may do so."""
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    (tmp_path / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = read(name)
    parameters = code_cells(notebook)["parameters"]
    for setting, value in (SMALL | {"TEXT_FILE": "own.txt"}).items():
        parameters.source += f"\n{setting} = {value!r}"
    execute(notebook, tmp_path)
    outputs = [out for cell in code_cells(notebook).values() for out in cell.outputs]
    warned = "".join(out.text for out in outputs if out.get("name") == "stderr")
    assert not re.sub(r".*site-packages.*EncodingWarning.*\n.*\n", "", warned), warned
    assert (tmp_path / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF"), "the plot"
