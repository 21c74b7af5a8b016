"""Both notebooks as files: format, settings, shared code, imports, style."""

import ast
import re
import subprocess
import sys

import nbformat
from notebooks import PATHS, ROOT, code_cells, read

OWN_CODE = {"parameters", "model", "step", "character-losses", "setup", "train"}
DEFAULTS = """RANDOM_SEED 123, DEVICE 'auto', NUM_THREADS 1, LOG_EVERY 500,
TEXT_FILE 'covid19_faq.txt', TEXT_PORTION_SIZE 200, NUM_ITER 5000, LEARNING_RATE 0.005,
EMBEDDING_DIM 100, HIDDEN_DIM 128, PRIME_STR 'th', PREDICT_LEN 100, TEMPERATURE 0.8"""
OWN_DEFAULTS = {"lstmcell": "", "lstm": ", LAYER nn.LSTM, NUM_LAYERS 1"}
STANDARD = {"collections", "math", "pathlib", "re", "string", "time", "unicodedata"}
ALLOWED = STANDARD | {"torch", "numpy", "matplotlib", "IPython"}


def test_is_valid_nbformat_4_5_with_attached_pictures(name):
    notebook = read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    for cell in notebook.cells:
        shown = re.findall(r"!\[.{100,}?\]\(attachment:(.+?)\)", cell.source, re.S)
        assert shown == list(cell.get("attachments", {}))
    for before, after in zip(ids, ids[1:]):
        assert not before.endswith("-intro") or after == before.removesuffix("-intro")
        assert not after.endswith("-read") or before == after.removesuffix("-read")


def test_what_both_notebooks_hold_is_the_same_to_the_letter():
    one, other = ({k: c.source for k, c in code_cells(read(n)).items()} for n in PATHS)
    shared = one.keys() & other.keys()
    assert {k for k in shared if one[k] != other[k]} == OWN_CODE


def test_parameters_are_those_of_the_lecture_and_imports_are_allowed(name):
    cells = code_cells(read(name))
    tagged = [i for i in cells if "parameters" in cells[i].metadata.get("tags", [])]
    assert tagged == ["parameters"]
    body = ast.parse(cells["parameters"].source).body
    lines = [ast.unparse(statement).replace(" = ", " ") for statement in body]
    expected = f"{DEFAULTS}, LOSS_PLOT_FILE 'loss_{name}.pdf'{OWN_DEFAULTS[name]}"
    assert sorted(lines) == sorted(re.split(r",\s", expected))
    for cell_id, cell in cells.items():
        modules = set(re.findall(r"^ *(?:from|import) (\w+)", cell.source, re.M))
        assert modules <= ALLOWED and (not modules or cell_id == "imports")
        assert {*re.findall(r"(?:seed|_rng)\((\w+)", cell.source)} <= {"RANDOM_SEED"}


def test_ruff_has_nothing_to_say():
    for command in ["check"], ["format", "--check"]:
        ruff = [sys.executable, "-m", "ruff", *command, "tests", *PATHS.values()]
        done = subprocess.run(ruff, cwd=ROOT, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout + done.stderr
