"""The files: format of the notebooks, shared cells, settings, README, workflow."""

import re
import subprocess
import sys

import nbformat
import pytest
from notebooks import LABORATORY, LESSON, PATHS, ROOT, UNUSUAL, code_cells, read
from torch import nn

README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
# The code cells that may differ between the notebooks; others of one id may not
OWN_CODE = {
    "parameters",
    "model",
    "step",
    "character-losses",
    "generate",
    "setup",
    "train",
}
LECTURE = {  # the settings of the lecture
    "TEXT_PORTION_SIZE": 200,
    "NUM_ITER": 5000,
    "LEARNING_RATE": 0.005,
    "EMBEDDING_DIM": 100,
    "HIDDEN_DIM": 128,
    "PRIME_STR": "th",
    "PREDICT_LEN": 100,
    "TEMPERATURE": 0.8,
}
PACKAGES = {"IPython", "matplotlib", "numpy", "torch"} | set(sys.stdlib_module_names)


def settings(name):
    """Return what the cell `parameters` sets."""
    names = {"nn": nn}
    exec(code_cells(read(name))["parameters"].source, names)
    return {key: setting for key, setting in names.items() if key.isupper()}


def commands():
    """Return the lines of README that are shown as code."""
    return [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", README, re.M)]


# --- The notebooks


def test_the_notebook_is_valid(stored):
    assert (stored.nbformat, stored.nbformat_minor) == (4, 5)
    nbformat.validate(stored)
    for cell in stored.cells:  # GitHub and Colab do not show attachments
        assert not cell.get("attachments"), cell.id


def test_shared_cells_are_the_same_to_the_letter():
    lesson, laboratory = code_cells(read(LESSON)), code_cells(read(LABORATORY))
    for cell_id in (lesson.keys() & laboratory.keys()) - OWN_CODE:
        assert lesson[cell_id].source == laboratory[cell_id].source, (
            f"The cell {cell_id} is not the same in both notebooks: change both."
        )


def test_papermill_finds_the_settings(stored):
    cells = code_cells(stored).items()
    tagged = [
        key for key, cell in cells if "parameters" in cell.metadata.get("tags", [])
    ]
    assert tagged == ["parameters"]


def test_the_settings_are_those_of_the_lecture(name):
    assert LECTURE.items() <= settings(name).items()


def test_both_notebooks_have_the_same_settings():
    lesson, laboratory = settings(LESSON), settings(LABORATORY)
    shared = lesson.keys() - {"LOSS_PLOT_FILE"}
    assert {key: lesson[key] for key in shared} == {
        key: laboratory.get(key) for key in shared
    }
    assert laboratory["LAYER"] is nn.LSTM and laboratory["NUM_LAYERS"] == 1


def test_the_unusual_settings_are_all_that_could_be_mixed_up():
    """With them, test_training.py compares the losses to the lecture's."""
    usual = settings(LESSON)
    left_out = {"DEVICE", "NUM_THREADS", "TEXT_FILE", "LOSS_PLOT_FILE"}
    assert usual.keys() - left_out == UNUSUAL.keys(), (
        "Is a setting new? Give it another value in UNUSUAL in tests/notebooks.py."
    )
    assert not any(usual[key] == setting for key, setting in UNUSUAL.items())


def test_few_packages_are_imported_and_no_file_of_ours(stored):
    for cell_id, cell in code_cells(stored).items():
        modules = set(re.findall(r"^ *(?:from|import) (\w+)", cell.source, re.M))
        assert modules <= PACKAGES, f"{cell_id}: {modules - PACKAGES}"


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "tests"]
    done = subprocess.run(
        [*ruff, *PATHS.values()], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    advice = "To format: python -m ruff format tests *.ipynb"
    assert done.returncode == 0, f"{advice}\n{done.stdout}{done.stderr}"


# --- README, workflow, CI


def test_ci_and_workflow_run_the_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert ci in commands(), "README should give the command of .ci/run."
    assert "pip install -r tests/requirements.txt" in ci
    assert WORKFLOW.count("install") >= 2
    for run in re.findall(r"run: (.*)", WORKFLOW):
        if "pytest" in run:
            own = run.replace("python", ".venv/bin/python", 1)
            assert any(own in command for command in commands()), run
        elif "requirements" in run:
            assert "-r tests/requirements.txt" in run


def test_pytorch_for_the_cpu_is_installed_as_in_the_workflow():
    """That is the one command with uv that is tried on each push."""
    (flags,) = re.findall(r"uv pip install --system (.*) -r", WORKFLOW)
    ours = [command for command in commands() if "uv pip install" in command]
    assert ours
    for command in ours:
        assert flags in command, f"The workflow has {flags!r}."


def test_the_commands_install_what_they_start():
    starting = [command for command in commands() if "jupyter lab" in command]
    assert starting
    text = "\n".join(commands()).replace("\\", "/")
    assert "pip install -r requirements.txt" in text
    assert "jupyterlab" in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for command in starting:
        for notebook in re.findall(r"\S+\.ipynb", command):
            assert (ROOT / notebook).is_file(), command


@pytest.mark.parametrize("file", ["README.md", "tests/README.md"])
def test_the_files_that_are_named_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    named = set(re.findall(r"[\w./]+\.(?:ipynb|txt|py|md|ini)\b", text))
    assert len(named) > 3
    for path in named:
        places = [ROOT / path, (ROOT / file).parent / path]
        assert any(place.is_file() for place in places), f"{file} names {path}."


def test_the_settings_that_the_readme_names_exist(name):
    reader_s_part = README.partition("## Contributing")[0]
    named = set(re.findall(r"(?:-p |`)([A-Z_]{4,})\b", reader_s_part))
    assert {"NUM_ITER", "TEXT_FILE"} <= named
    unknown = named - settings(name).keys()
    assert not unknown, f"README names settings that do not exist: {unknown}"


def test_the_oldest_python_is_the_one_that_the_workflow_tries():
    (oldest,) = re.findall(r"Python ([\d.]+\d) or later", README)
    assert oldest == re.findall(r"python: \[\"([\d.]+)\"", WORKFLOW)[0]
