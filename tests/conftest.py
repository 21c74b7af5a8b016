"""What several test files share: each notebook untrained, trained and in a kernel."""

import contextlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import IPython.display  # noqa: F401  (here, not in two threads at once)
import matplotlib
import nbformat
import pytest
from notebooks import PATHS, TEXT_FILE, Lesson, change_settings, execute, read

matplotlib.use("agg")  # in this process; kernels choose for themselves
OWN_TEXT = "The cat “sat” on the mat; then it sat on the hat, to be flat.\n" * 20
UNUSUAL = {
    "RANDOM_SEED": 7,
    "TEXT_PORTION_SIZE": 41,
    "NUM_ITER": 7,
    "LEARNING_RATE": 0.01,
    "EMBEDDING_DIM": 12,
    "HIDDEN_DIM": 16,
    "NUM_LAYERS": 2,
    "PRIME_STR": "The ",
    "PREDICT_LEN": 33,
    "TEMPERATURE": 0.5,
    "LOG_EVERY": 3,
}
INTERRUPT = """
import signal
generate_whole = generate
def generate(*args):
    if len(losses) == 3:
        globals()["generate"] = generate_whole
        signal.raise_signal(signal.SIGINT)  # what Jupyter's Interrupt sends
    return generate_whole(*args)
"""


@pytest.fixture(scope="session", params=PATHS)
def name(request):
    """Each notebook."""
    return request.param


@pytest.fixture(scope="session")
def lesson(name):
    """Each notebook untrained, up to `plot`. Tests only read it."""
    return Lesson(name, "plot")


@pytest.fixture(scope="session")
def cells():
    """One notebook untrained, for cells that are the same in both."""
    return Lesson("lstm", "plot")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Both notebooks after 60 iterations with the default sizes."""
    pdf = str(tmp_path_factory.mktemp("trained") / "loss.pdf")
    settings = {"NUM_ITER": 60, "LOG_EVERY": 1000, "LOSS_PLOT_FILE": pdf}
    return {n: Lesson(n, "train", **settings) for n in PATHS}


@pytest.fixture(scope="session")
def unusual(name, tmp_path_factory):
    """Each notebook up to `train` with every setting other than its default.

    Also holds `generated`, the arguments of `generate` in `train`, and `log`.
    """
    folder = tmp_path_factory.mktemp(name)
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    files = {"TEXT_FILE": f"{folder}/own.txt", "LOSS_PLOT_FILE": f"{folder}/own.pdf"}
    lesson = Lesson(name, "setup", **UNUSUAL | files)
    generate, lesson.generated = lesson["generate"], []

    def record(*args):
        lesson.generated.append(args)
        return generate(*args)

    lesson["generate"] = record
    with contextlib.redirect_stdout(io.StringIO()) as log:
        lesson.run("train")
    lesson["generate"], lesson.log = generate, log.getvalue()
    return lesson


def run_fresh(name, folder):
    """The default settings but for 60 or 200 iterations, up to the training cell."""
    notebook = read(name)
    pdf = f"{folder}/loss.pdf"
    num_iter = 60 if name == "lstmcell" else 200
    change_settings(notebook, NUM_ITER=num_iter, DEVICE="cpu", LOSS_PLOT_FILE=pdf)
    ids = [cell.id for cell in notebook.cells]
    del notebook.cells[ids.index("train") + 1 :]
    notebook.cells.append(nbformat.v4.new_code_cell("print(losses)"))
    execute(notebook, PATHS[name].parent)
    return notebook


def run_interrupted(name, folder):
    """In another folder, with an own text: interrupted, then all cells, then on."""
    (folder / "own.txt").write_text(OWN_TEXT, encoding="utf-8")
    notebook = read(name)
    change_settings(notebook, **UNUSUAL | {"TEXT_FILE": "own.txt"})
    ids = [cell.id for cell in notebook.cells]
    again = nbformat.v4.new_code_cell(notebook.cells[ids.index("train")].source)
    again.id = "train-again"
    notebook.cells += [again, nbformat.v4.new_code_cell("print(losses)")]
    interrupt = nbformat.v4.new_code_cell(INTERRUPT)
    notebook.cells.insert(ids.index("train"), interrupt)
    execute(notebook, folder)
    return notebook


def run_in_terminal(name, folder):
    """As the README tells, from another folder; return the finished process."""
    notebook = read(name)
    change_settings(notebook, **UNUSUAL | {"TEXT_FILE": str(TEXT_FILE)})
    notebook.cells = [cell for cell in notebook.cells if cell.id != "context"]  # slow
    nbformat.write(notebook, folder / "small.ipynb")
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="session")
def real_runs(tmp_path_factory):
    """Futures by (run, notebook): real processes, two at a time."""
    runs = {}
    with ThreadPoolExecutor(2) as pool:
        for run in (run_fresh, run_interrupted, run_in_terminal):
            for name in PATHS:
                folder = tmp_path_factory.mktemp(run.__name__)
                runs[run.__name__, name] = pool.submit(run, name, folder)
                runs[run.__name__, name].folder = folder
        yield runs


@pytest.fixture(scope="session", autouse=True)
def start_real_runs_first(request):
    """So that they run beside the tests of this process."""
    if any("real_runs" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("real_runs")
