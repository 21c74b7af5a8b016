"""Both notebooks as files: format, settings, shared code, imports, style."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
from notebooks import PATHS, ROOT, code_cells, read

OWN_CODE = {"parameters", "model", "step", "character-losses", "setup", "train"}
DEFAULTS = {
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
OWN_DEFAULTS = {
    "lstmcell": {"LOSS_PLOT_FILE": "loss_lstmcell.pdf"},
    "lstm": {"LOSS_PLOT_FILE": "loss_lstm.pdf", "LAYER": "nn.LSTM", "NUM_LAYERS": 1},
}
STANDARD = {"collections", "math", "pathlib", "re", "string", "time", "unicodedata"}
ALLOWED = STANDARD | {"torch", "numpy", "matplotlib", "IPython"}


def trees(name):
    return {k: ast.parse(cell.source) for k, cell in code_cells(read(name)).items()}


def test_is_valid_nbformat_4_5_with_readable_ids(name):
    notebook = read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell_id) for cell_id in ids)
    for before, after in zip(ids, ids[1:]):
        if before.endswith("-intro"):
            assert after == before.removesuffix("-intro")
        if after.endswith("-read"):
            assert before == after.removesuffix("-read")


def test_what_both_notebooks_hold_is_the_same_to_the_letter():
    one, other = ({k: c.source for k, c in code_cells(read(n)).items()} for n in PATHS)
    shared = one.keys() & other.keys()
    assert {k for k in shared if one[k] != other[k]} == OWN_CODE
    assert {"text", "portions", "generate", "plot", "perplexity"} <= shared - OWN_CODE


def test_parameters_are_literals_with_the_defaults_of_the_lecture(name):
    cells = code_cells(read(name))
    tagged = [i for i in cells if "parameters" in cells[i].metadata.get("tags", [])]
    assert tagged == ["parameters"]
    found = {}
    for statement in trees(name)["parameters"].body:
        value = statement.value  # `nn.LSTM` is the one that is no literal
        literal = not isinstance(value, ast.Attribute)
        found[statement.targets[0].id] = (
            ast.literal_eval(value) if literal else ast.unparse(value)
        )
    assert found == DEFAULTS | OWN_DEFAULTS[name]


def test_imports_only_what_the_lesson_allows_and_only_in_one_cell(name):
    for cell_id, tree in trees(name).items():
        for node in ast.walk(tree):
            modules = [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom):
                modules = [node.module]
            elif not isinstance(node, ast.Import):
                continue
            assert cell_id == "imports"
            assert {module.split(".")[0] for module in modules} <= ALLOWED


def test_pictures_that_the_prose_shows_are_attached(name):
    for cell in read(name).cells:
        shown = re.findall(r"!\[(.*?)\]\(attachment:(.+?)\)", cell.source, re.S)
        assert {file for _, file in shown} == set(cell.get("attachments", {}))
        assert all(len(alt) > 100 for alt, _ in shown)


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(command):
    notebooks = [path.name for path in PATHS.values()]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "tests", *notebooks],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
