"""Both notebooks as files: format, cells, shared code, budgets, style."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
from notebooks import PATHS, ROOT, code_cells, read

IDS = (
    "imports parameters device alphabet text portions shift model step by-hand "
    "baselines baselines-write character-losses one-call generate plot setup train "
    "perplexity temperature primes predictions surprise context"
).split()
IN_ONE_ONLY = {"lstmcell": {"by-hand"}, "lstm": {"one-call"}}
OWN_CODE = {"parameters", "model", "step", "character-losses", "generate", "setup"}
OWN_CODE |= {"train"}
OWN_PROSE = {"title", "model-intro", "step-intro", "character-losses-intro"}
OWN_PROSE |= {"character-losses-read", "exercises"}
HEADINGS = (
    "Setup|Settings|The text|The network|Inside the LSTM|What a loss means|"
    "One call does what 200 calls do|Writing|Training|What the network has learned|"
    "Temperature|Other primes|What it expects|What surprises it|"
    "How far back it remembers|What to take away|What to run again|Exercises"
).split("|")
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
    "LOG_EVERY": 200,
}
OWN_DEFAULTS = {
    "lstmcell": {"LOSS_PLOT_FILE": "loss_lstmcell.pdf"},
    "lstm": {"LOSS_PLOT_FILE": "loss_lstm.pdf", "NUM_LAYERS": 1},
}
MAX_WORDS = 3200
NOT_PROSE = re.compile(  # fenced blocks, formulas, what is folded away, tables
    r"^ *```.*?^ *```|\$\$.*?\$\$|<details>.*?</details>|^\|[^\n]*$", re.M | re.S
)
TERMS = (
    "classifier with a memory|recurrent|*embedding*|*logits*|*hidden state*|"
    "*cell state*|*input gate*|*forget gate*|*output gate*|candidate|*softmax*|"
    "*perplexity*|*prime*|torch.multinomial|*temperature*|boltzmann|*teacher forcing*|"
    "*gradient*|*backpropagation through time*|*adam*|*vanishing gradient*|"
    "*overfitting*|*language model*|*attention*|*baselines*|*portion*|*iteration*"
).split("|")
STANDARD = {"collections", "math", "pathlib", "re", "string", "time", "unicodedata"}
ALLOWED = STANDARD | {"torch", "numpy", "matplotlib", "IPython"}


def prose(name):
    return [cell.source for cell in read(name).cells if cell.cell_type == "markdown"]


def trees(name):
    return {k: ast.parse(cell.source) for k, cell in code_cells(read(name)).items()}


def test_is_valid_nbformat_4_5(name):
    notebook = read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_cells_stand_in_the_order_of_the_lesson_under_readable_ids(name):
    elsewhere = set().union(*IN_ONE_ONLY.values()) - IN_ONE_ONLY[name]
    assert list(code_cells(read(name))) == [i for i in IDS if i not in elsewhere]
    ids = [cell.id for cell in read(name).cells]
    assert ids[0] == "title" and ids[-2:] == ["next", "exercises"]
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell_id) for cell_id in ids)
    for before, after in zip(ids, ids[1:]):
        if before.endswith("-intro"):
            assert after == before.removesuffix("-intro")
        if after.endswith("-read"):
            assert before == after.removesuffix("-read")
    headings = re.findall(r"^##+ (.+)$", "\n".join(prose(name)), re.M)
    one_call = ["One call does what 200 calls do"] * (name == "lstmcell")
    assert headings == [heading for heading in HEADINGS if heading not in one_call]
    assert sum(source.startswith("# ") for source in prose(name)) == 1


def test_what_both_notebooks_hold_is_the_same_to_the_letter():
    one, other = ({cell.id: cell.source for cell in read(name).cells} for name in PATHS)
    shared = one.keys() & other.keys()
    assert {i for i in shared if one[i] != other[i]} == OWN_CODE | OWN_PROSE
    assert {"inside", "train-intro", "next"} <= shared


def test_parameters_are_literals_with_the_defaults_of_the_lecture(name):
    cells = code_cells(read(name))
    tagged = [i for i in cells if "parameters" in cells[i].metadata.get("tags", [])]
    assert tagged == ["parameters"]
    found = {}
    for statement in trees(name)["parameters"].body:
        assert isinstance(statement, ast.Assign)
        found[statement.targets[0].id] = ast.literal_eval(statement.value)
    assert found == DEFAULTS | OWN_DEFAULTS[name]


def test_imports_only_what_the_lesson_allows_and_only_in_one_cell(name):
    for cell_id, tree in trees(name).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            assert cell_id == "imports"
            assert {module.split(".")[0] for module in modules} <= ALLOWED


def test_functions_read_no_global_but_the_alphabet(name):
    assigned, read_by = set(), {}
    for statement in [line for tree in trees(name).values() for line in tree.body]:
        nodes = list(ast.walk(statement))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            own = stored | {n.arg for n in nodes if isinstance(n, ast.arg)}
            read_by[statement.name] = {n.id for n in names} - own
            nodes = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            documented = [n for n in nodes if n.name != "__init__"]
            assert all(ast.get_docstring(n) for n in documented), statement.name
        else:
            assigned |= stored
    assert {"character_losses", "RNN"} <= read_by.keys() and "losses" in assigned
    for function, found in read_by.items():
        assert not found & assigned - {"ALPHABET", "LOOK_ALIKES"}, function


def test_no_method_that_changes_a_tensor_in_place_is_called(name):
    for cell in code_cells(read(name)).values():
        assert not re.search(r"\.[a-z]\w*[a-z]_\(", cell.source)


def test_the_budgets_of_code_and_prose(name):
    sources = [cell.source.splitlines() for cell in code_cells(read(name)).values()]
    filled = [sum(bool(line.strip()) for line in lines) for lines in sources]
    assert len(filled) <= 26 and sum(filled) <= 290
    assert sum(count <= 10 for count in filled) >= len(filled) / 2
    assert max(len(lines) for lines in sources) <= 30
    assert max(len(line) for lines in sources for line in lines) <= 88
    assert sum(len(NOT_PROSE.sub(" ", p).split()) for p in prose(name)) <= MAX_WORDS
    lines = [line for source in prose(name) for line in source.splitlines()]
    assert all(len(line) <= 88 for line in lines if not line.lstrip().startswith("|"))
    for block in re.findall(r"^ +```\n(.*?)^ +```", prose(name)[-1], re.M | re.S):
        assert max(map(len, block.splitlines())) <= 3 + 72  # in a list, not wrapped


def test_the_terms_of_the_lesson_are_introduced(name):
    text = " ".join(" ".join(prose(name)).split()).lower()
    assert [term for term in TERMS if term not in text] == []


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "tests"]
        + [path.name for path in PATHS.values()],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
