"""Both notebooks as files: format, settings, shared code, imports, style."""

import re
import subprocess
import sys

import nbformat
import pytest
from notebooks import LABORATORY, LESSON, PATHS, ROOT, UNUSUAL, code_cells, read
from torch import nn

# The cells whose code is each notebook's own; all others of the same id are shared.
OWN_CODE = {"parameters", "model", "step", "character-losses", "setup", "train"}
FOLDED = {"plot", "drawing"}  # cells whose code is hidden until the reader clicks on it
SETTINGS = {
    "RANDOM_SEED": 123,
    "DEVICE": "auto",
    "NUM_THREADS": 1,
    "TEXT_FILE": "covid19_faq.txt",
    "TEXT_PORTION_SIZE": 200,
    "NUM_ITER": 5000,
    "LEARNING_RATE": 0.005,
    "EMBEDDING_DIM": 100,
    "HIDDEN_DIM": 128,
    "PRIME_STR": "th",
    "PREDICT_LEN": 100,
    "TEMPERATURE": 0.8,
    "LOG_EVERY": 500,
}
OWN_SETTINGS = {
    LESSON: {"LOSS_PLOT_FILE": "loss_lstmcell.pdf"},
    LABORATORY: {
        "LOSS_PLOT_FILE": "loss_lstm.pdf",
        "LAYER": nn.LSTM,
        "NUM_LAYERS": 1,
    },
}
IMPORTED = {
    "collections",
    "IPython",
    "math",
    "matplotlib",
    "numpy",
    "pathlib",
    "re",
    "string",
    "time",
    "torch",
    "unicodedata",
}


@pytest.fixture
def notebook(name):
    """Each notebook as nbformat.NotebookNode."""
    return read(name)


def test_it_is_valid_nbformat_4_5(notebook):
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)


def test_an_intro_stands_before_its_cell_and_a_reading_after_it(notebook):
    ids = [cell.id for cell in notebook.cells]
    for before, after in zip(ids, ids[1:]):
        if before.endswith("-intro"):
            assert after == before.removesuffix("-intro")
        if after.endswith("-read"):
            assert before == after.removesuffix("-read")


def test_no_cell_has_an_attachment(notebook):
    """GitHub and Colab do not show them."""
    for cell in notebook.cells:
        assert not cell.get("attachments"), cell.id
        assert "attachment:" not in cell.source, cell.id


def test_only_the_plot_and_the_drawing_are_folded(notebook):
    folded = {
        cell.id
        for cell in notebook.cells
        if cell.metadata.get("jupyter", {}).get("source_hidden")
    }
    assert folded == FOLDED & {cell.id for cell in notebook.cells}, (
        "In JupyterLab, collapse the code of these cells and no others, and save."
    )


def test_no_cell_is_long_but_the_folded_ones(notebook):
    for cell_id, cell in code_cells(notebook).items():
        if cell_id not in FOLDED:
            num_lines = len(cell.source.splitlines())
            message = f"The cell {cell_id} has {num_lines} lines: more than a screen."
            assert num_lines <= 34, message


def test_the_code_that_both_notebooks_hold_is_the_same():
    lesson = {key: cell.source for key, cell in code_cells(read(LESSON)).items()}
    laboratory = {
        key: cell.source for key, cell in code_cells(read(LABORATORY)).items()
    }
    for cell_id in lesson.keys() & laboratory.keys():
        same = lesson[cell_id] == laboratory[cell_id]
        assert same == (cell_id not in OWN_CODE), (
            f"The cell {cell_id} is {'the same' if same else 'different'} in the two "
            "notebooks: change both, or OWN_CODE in tests/test_format.py."
        )


def test_papermill_finds_the_settings(notebook):
    cells = code_cells(notebook).items()
    tagged = [
        key for key, cell in cells if "parameters" in cell.metadata.get("tags", [])
    ]
    assert tagged == ["parameters"]


def test_the_settings_are_those_of_the_lecture(name, notebook):
    settings = {"nn": nn}
    exec(code_cells(notebook)["parameters"].source, settings)
    found = {key: value for key, value in settings.items() if key.isupper()}
    assert found == SETTINGS | OWN_SETTINGS[name], (
        "A setting has changed or is new: enter it in SETTINGS or OWN_SETTINGS here, "
        "and with another value in UNUSUAL in tests/notebooks.py."
    )


def test_the_unusual_settings_are_all_but_those_of_files_and_machine():
    usual = SETTINGS.keys() - UNUSUAL.keys()
    message = "Add the new setting to UNUSUAL in tests/notebooks.py."
    assert usual == {"DEVICE", "NUM_THREADS", "TEXT_FILE"}, message
    for setting, value in UNUSUAL.items():
        assert value != SETTINGS[setting], setting


def test_all_imports_are_in_one_cell_and_of_few_packages(notebook):
    for cell_id, cell in code_cells(notebook).items():
        modules = set(re.findall(r"^ *(?:from|import) (\w+)", cell.source, re.M))
        assert not modules - IMPORTED, f"{cell_id}: {modules - IMPORTED}"
        assert not modules or cell_id == "imports"


def test_every_generator_of_random_numbers_starts_from_the_setting(notebook):
    for cell_id, cell in code_cells(notebook).items():
        seeds = re.findall(r"(?:seed|_rng)\((\w*)", cell.source)
        assert set(seeds) <= {"RANDOM_SEED"}, f"{cell_id}: {seeds}"


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    ruff = [sys.executable, "-m", "ruff", *command, "tests", *PATHS.values()]
    done = subprocess.run(ruff, cwd=ROOT, capture_output=True, encoding="utf-8")
    advice = "To format: python -m ruff format tests *.ipynb"
    assert done.returncode == 0, f"{advice}\n{done.stdout}{done.stderr}"
