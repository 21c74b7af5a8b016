"""Both notebooks as files: format, ids, shared cells, imports, style."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
from notebooks import PATHS, ROOT, code_cells, read

BOTH = pytest.mark.parametrize("name", PATHS)
OWN_CELLS = {"parameters", "model", "parameter-count", "step", "setup", "train"}
ONLY_IN_LSTM = {"two-ways", "one-call"}
FIXED_IDS = (
    "title imports parameters device alphabet text sampling baselines model step "
    "evaluate temperature plot setup train after surprise next"
).split()
DEFAULTS = {
    "RANDOM_SEED": 123,
    "DEVICE": "auto",
    "TEXT_FILE": "covid19_faq.txt",
    "TEXT_PORTION_SIZE": 200,
    "NUM_ITER": 5000,
    "LEARNING_RATE": 0.005,
    "EMBEDDING_DIM": 100,
    "HIDDEN_DIM": 128,
    "PRIME_STR": "th",
    "PREDICT_LEN": 100,
    "TEMPERATURE": 0.8,
    "LOG_EVERY": 200,
}
OWN_DEFAULTS = {
    "lstmcell": {"LOSS_PLOT_FILE": "loss_lstmcell.pdf"},
    "lstm": {"LOSS_PLOT_FILE": "loss_lstm.pdf", "NUM_LAYERS": 1},
}
STANDARD = {"collections", "io", "math", "pathlib", "platform", "re", "string", "time"}
ALLOWED = STANDARD | {"unicodedata", "torch", "numpy", "matplotlib", "IPython"}


@BOTH
def test_is_valid_nbformat_4_5(name):
    notebook = read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@BOTH
def test_ids_are_unique_readable_and_in_the_order_of_the_lesson(name):
    ids = [cell.id for cell in read(name).cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell_id) for cell_id in ids)
    places = [ids.index(cell_id) for cell_id in FIXED_IDS]
    assert places == sorted(places)


def test_shared_cells_are_the_same_to_the_letter():
    one, other = (code_cells(read(name)) for name in PATHS)
    assert set(other) - set(one) == ONLY_IN_LSTM
    assert set(one) <= set(other)
    differ = {
        cell_id for cell_id in one if one[cell_id].source != other[cell_id].source
    }
    assert differ == OWN_CELLS


@BOTH
def test_parameters_are_literals_with_the_defaults_of_the_lecture(name):
    cells = code_cells(read(name))
    assert [i for i in cells if "parameters" in cells[i].metadata.get("tags", [])] == [
        "parameters"
    ]
    found = {}
    for statement in ast.parse(cells["parameters"].source).body:
        assert isinstance(statement, ast.Assign)
        found[statement.targets[0].id] = ast.literal_eval(statement.value)
    assert found == DEFAULTS | OWN_DEFAULTS[name]


@BOTH
def test_imports_only_what_the_lesson_allows_and_only_in_one_cell(name):
    for cell_id, cell in code_cells(read(name)).items():
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            assert cell_id == "imports"
            assert {module.split(".")[0] for module in modules} <= ALLOWED


@BOTH
def test_functions_read_no_global_but_the_alphabet(name):
    constants, read_by = set(), {}
    for cell in code_cells(read(name)).values():
        for statement in ast.parse(cell.source).body:
            nodes = list(ast.walk(statement))
            names = [node for node in nodes if isinstance(node, ast.Name)]
            stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                own = stored | {n.arg for n in nodes if isinstance(n, ast.arg)}
                read_by[statement.name] = {n.id for n in names} - own
            else:
                constants |= stored
    alphabet = {"ALPHABET", "CHAR_TO_INDEX", "ASCII_FOR", "SIGNS"}
    assert len(read_by) >= 15 and "losses" in constants
    for function, globals_read in read_by.items():
        assert not globals_read & constants - alphabet, function


@BOTH
def test_nothing_is_changed_in_place(name):
    for cell in code_cells(read(name)).values():
        assert not re.search(r"\.[a-z]\w*[a-z]_\(", cell.source)


@BOTH
def test_cells_are_short_and_prose_is_neither_thin_nor_long(name):
    notebook = read(name)
    lengths = [len(c.source.splitlines()) for c in code_cells(notebook).values()]
    assert max(lengths) <= 30
    assert sum(length <= 8 for length in lengths) >= len(lengths) / 2
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert 900 <= sum(len(source.split()) for source in prose) <= 2000
    assert sum(source.startswith("# ") for source in prose) == 1


@BOTH
def test_every_public_function_has_a_docstring(name):
    for cell in code_cells(read(name)).values():
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                if node.name != "__init__":
                    assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", str(ROOT)],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
