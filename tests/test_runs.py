"""Both notebooks in a real Jupyter kernel and in the terminal, with small settings."""

import os
import re
import subprocess
import sys

import nbformat
import papermill
import pytest
from jupyter_client.manager import start_new_kernel
from notebooks import PATHS, TEXT_FILE, code_cells, outputs_text, read

BOTH = pytest.mark.parametrize("name", PATHS)
SMALL = {"NUM_ITER": 4, "LOG_EVERY": 2, "TEXT_PORTION_SIZE": 30, "PREDICT_LEN": 20}


def run_notebook(path, cwd, output, **settings):
    """Run a notebook through papermill, as the README tells; return its cells by id."""
    notebook = papermill.execute_notebook(
        path, output, settings, cwd=cwd, kernel_name="python3", progress_bar=False
    )
    return code_cells(notebook)


@BOTH
def test_from_another_folder_with_an_own_text(name, tmp_path):
    own = "The cat sat on the mat “again”.\n" * 20
    (tmp_path / "own.txt").write_text(own, encoding="utf-8")
    layers = {"NUM_LAYERS": 2} if name == "lstm" else {}
    settings = SMALL | layers | {"TEXT_FILE": "own.txt", "HIDDEN_DIM": 16}
    cells = run_notebook(PATHS[name], tmp_path, tmp_path / "out.ipynb", **settings)
    assert "40 replaced, 0 dropped; 640 to learn from" in outputs_text(
        cells["text-look"]
    )
    assert outputs_text(cells["train"]).count("iteration") == 3
    pdf = "loss_lstm.pdf" if name == "lstm" else "loss_lstmcell.pdf"
    assert (tmp_path / pdf).read_bytes().startswith(b"%PDF")
    errors = [o for c in cells.values() for o in c.outputs if o.get("name") == "stderr"]
    assert errors == []


@BOTH
def test_a_missing_text_stops_with_one_sentence(name, tmp_path):
    """From a folder without the text, as when a notebook is opened elsewhere."""
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        run_notebook(PATHS[name], tmp_path, tmp_path / "out.ipynb", **SMALL)
    assert caught.value.ename == "FileNotFoundError"
    assert caught.value.evalue.startswith("No file covid19_faq.txt in ")


@BOTH
def test_interrupt_then_the_next_cells_then_train_on(name, tmp_path):
    """The interrupt comes when the log shows that training is under way."""
    cells = code_cells(read(name))
    before, after = list(cells), list(cells)
    before = before[: before.index("train")]
    after = after[after.index("train") + 1 :]
    settings = f"NUM_ITER, LOG_EVERY, TEXT_FILE = 10**6, 5, {str(TEXT_FILE)!r}"
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    printed = []

    def run(source, interrupt=False):
        printed.clear()
        interrupts = [True] if interrupt else []

        def hook(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
                if interrupts and "".join(printed).count("iteration ") >= 2:
                    interrupts.pop()
                    manager.interrupt_kernel()

        reply = client.execute_interactive(source, output_hook=hook, timeout=120)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed)

    try:
        for cell_id in before:
            run(cells[cell_id].source)
            if cell_id == "parameters":
                run(settings)
        log = run(cells["train"].source, interrupt=True)
        reached = int(re.search(r"Interrupted after iteration (\d+): run", log)[1])
        assert reached >= 5
        for cell_id in after:
            run(cells[cell_id].source)
        run("NUM_ITER = 10")
        log = run(cells["train"].source)
        assert f"iteration {reached + 1:4d} of {reached + 10} |" in log
        assert run("print(len(losses))") == f"{reached + 10}\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@BOTH
def test_in_the_terminal(name, tmp_path):
    """`ipython NOTEBOOK` prints the log and the samples, nothing of the pictures."""
    notebook = read(name)
    parameters = code_cells(notebook)["parameters"]
    parameters.source += "".join(f"\n{k} = {v!r}" for k, v in SMALL.items())
    parameters.source += f"\nTEXT_FILE = {str(TEXT_FILE)!r}"
    nbformat.write(notebook, tmp_path / "small.ipynb")
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "small.ipynb"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"iteration +(\d) of 4", done.stdout) == ["1", "2", "4"]
    assert "first letter of a word" in done.stdout
    assert not re.search(r"PNG|Figure|Handle|Error|Out\[|<.* at 0x", done.stdout)
