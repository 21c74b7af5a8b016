"""The two notebooks as tests, benchmark, and refresh see them: cells by their ids."""

import contextlib
import io
import tokenize
import zlib
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import torch
from nbclient import NotebookClient
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
TEXT_FILE = ROOT / "covid19_faq.txt"
LESSON, LABORATORY = "lstmcell", "lstm"
PATHS = {
    LESSON: ROOT / "char_rnn_lstmcell.ipynb",
    LABORATORY: ROOT / "char_rnn_lstm.ipynb",
}
LOG_LINE = (
    r"iteration (\d+) of (\d+) \| (\d+\.\d) min \| "
    r"loss (\d+\.\d{3}), mean of the last tenth: (\d+\.\d{3})"
)
OWN_TEXT = "The cat “sat” on the mat; then it sat on the hat, to be flat.\n" * 20
UNUSUAL = {  # every setting of a number or a string, other than its default
    "RANDOM_SEED": 7,
    "TEXT_PORTION_SIZE": 41,
    "NUM_ITER": 7,
    "LEARNING_RATE": 0.01,
    "EMBEDDING_DIM": 12,
    "HIDDEN_DIM": 16,
    "PRIME_STR": "The ",
    "PREDICT_LEN": 33,
    "TEMPERATURE": 0.5,
    "LOG_EVERY": 3,
}
SKIP = ("baselines-write", "one-call")  # slow cells that nothing else needs


def read(name):
    """Return the notebook LESSON or LABORATORY as nbformat.NotebookNode."""
    return nbformat.read(PATHS[name], as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook by id, in their order."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def printed(cell):
    """Return all that a code cell has printed."""
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


def change_settings(notebook, **settings):
    """Let the cell `parameters` set other values."""
    cell = code_cells(notebook)["parameters"]
    for name, value in settings.items():
        cell.source += f"\n{name} = {value!r}"


def execute(notebook, folder):
    """Run all cells in a fresh kernel in folder; the outputs go into notebook."""
    client = NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    )
    client.execute()


def code_checksum(notebook):
    """Return the CRC of the code without comments and blank lines.

    Those change no output, so changing them asks for no new run.
    """
    kept = []
    for cell in code_cells(notebook).values():
        lines = cell.source.splitlines()
        for token in tokenize.generate_tokens(io.StringIO(cell.source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
        kept += [line.rstrip() for line in lines if line.strip()]
    return zlib.crc32("\n".join(kept).encode())


def output_checksum(notebook):
    """Return the CRC of everything that the code cells have printed and drawn."""
    shown = []
    for cell in code_cells(notebook).values():
        shown.append(printed(cell))
        for output in cell.outputs:
            shown.append("".join(output.get("data", {}).get("image/png", "").split()))
    return zlib.crc32("\n".join(shown).encode())


def text_checksum():
    """Return the CRC of the FAQ, which both notebooks read."""
    return zlib.crc32(TEXT_FILE.read_text(encoding="utf-8").encode())


def tidy(notebook):
    """Remove from notebook, in place, what JupyterLab adds when it saves."""
    stored_run = notebook.metadata.get("stored_run", {})
    language = notebook.metadata.language_info
    language.pop("version", None)  # of the Python that happened to run it
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": language,
            "stored_run": stored_run,
        }
    )
    for cell in notebook.cells:
        kept = {}
        if "tags" in cell.metadata:
            kept["tags"] = cell.metadata.tags
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            kept["jupyter"] = {"source_hidden": True}
        cell.metadata = nbformat.from_dict(kept)


class Notebook(dict):
    """A notebook run in this process; as a dict, the names that its cells define.

    `settings` replace what the cell `parameters` sets. `out` holds what each cell has
    printed, `figures` all figures that were given to `display` or to its update.
    """

    def __init__(self, name, last, skip=SKIP, **settings):
        """Run the notebook's cells up to last, but those in skip."""
        super().__init__()
        self.name = name
        self.cells = {key: cell.source for key, cell in code_cells(read(name)).items()}
        self.settings = {"TEXT_FILE": str(TEXT_FILE), "DEVICE": "cpu"} | settings
        self.out = {}
        self.figures = []
        for cell_id in self.ids("imports", last):
            if cell_id not in skip:
                self.run(cell_id)

    def __repr__(self):
        """Return a short name: pytest shows it when a test fails."""
        return f"<Notebook {self.name}>"

    def ids(self, first, last):
        """Return the ids of the code cells from first to last, both included."""
        ids = list(self.cells)
        return ids[ids.index(first) : ids.index(last) + 1]

    def run(self, cell_id):
        """Run one cell and return what it has printed."""
        code = compile(self.cells[cell_id], f"{self.name}:{cell_id}", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self)
        self.out[cell_id] = out.getvalue()
        if cell_id == "imports":
            self["display"] = self.display
        if cell_id == "parameters":
            self.update(self.settings)
        return self.out[cell_id]

    def display(self, figure, display_id):
        """Stand in for IPython's display: keep the figure and those that replace it."""
        self.figures.append(figure)
        return SimpleNamespace(update=self.figures.append)


class Recorder:
    """A function's stand-in that keeps the arguments of each call in `calls`."""

    def __init__(self, function):
        self.function = function
        self.calls = []

    def __call__(self, *args):
        self.calls.append(args)
        return self.function(*args)


def new_model(notebook):
    """Return a model made as in the cell `setup`, without setting the seed."""
    arguments = [100, notebook["EMBEDDING_DIM"], notebook["HIDDEN_DIM"]]
    if notebook.name == LABORATORY:
        arguments += [notebook["LAYER"], notebook["NUM_LAYERS"]]
    return notebook["RNN"](*arguments).to(notebook["device"])


def read_along(model, indices, size=1):
    """Return logits (L, 100) and the last state, size characters per call."""
    state = None
    rows = []
    for characters in indices.split(size):
        logits, state = model(characters, state)
        rows.append(logits.detach())
    return torch.cat(rows), state


def lecture_losses(notebook, num_iter):
    """Return the losses of the lecture's loop, which calls the model per character."""
    text = notebook["text"]
    portion_size = notebook["TEXT_PORTION_SIZE"]
    char_to_tensor = notebook["char_to_tensor"]

    torch.manual_seed(notebook["RANDOM_SEED"])
    model = new_model(notebook)
    optimizer = torch.optim.Adam(model.parameters(), lr=notebook["LEARNING_RATE"])
    rng = np.random.default_rng(notebook["RANDOM_SEED"])

    losses = []
    for _ in range(num_iter):
        start = rng.integers(len(text) - portion_size)
        state = None
        loss = 0.0
        for i in range(start, start + portion_size):
            logits, state = model(char_to_tensor(text[i]), state)
            loss = loss + F.cross_entropy(logits, char_to_tensor(text[i + 1]))
        loss = loss / portion_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
