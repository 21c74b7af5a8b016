"""Both notebooks in a real Jupyter kernel and in the terminal, from another folder."""

import re

import pytest
from notebooks import code_cells, printed


def test_interrupted_in_a_kernel_then_all_cells_then_on(name, real_runs, unusual):
    run = real_runs["run_interrupted", name]
    notebook = run.result()
    cells = code_cells(notebook)
    log, again = printed(cells["train"]), printed(cells["train-again"])
    assert re.findall(r"iteration (\d+) of (\d+)", log) == [("1", "7"), ("3", "7")]
    assert log.endswith("\nInterrupted after iteration 3; what was learned is kept.\n")
    steps = [("6", "10"), ("9", "10"), ("10", "10")]
    assert re.findall(r"iteration (\d+) of (\d+)", again) == steps
    losses = eval(printed(notebook.cells[-1]))
    assert losses[:7] == pytest.approx(unusual["losses"], abs=1e-5)
    assert len(losses) == 10
    assert "20x '“' became '\"'" in printed(cells["text"])
    assert (run.folder / f"loss_{name}.pdf").read_bytes().startswith(b"%PDF")
    for cell in cells.values():
        for output in cell.outputs:
            assert output.get("name", "stdout") == "stdout", output


def test_in_the_terminal(name, real_runs):
    """`ipython NOTEBOOK` prints the log and the samples, and little of the figures."""
    done = real_runs["run_in_terminal", name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"iteration (\d) of 7", done.stdout) == ["1", "3", "6", "7"]
    assert "--- 'Spaghetti ' (count in the text: 0)" in done.stdout
    assert done.stderr == ""
    figures = re.findall(r"^.*(?: at 0x|Figure).*$", done.stdout, re.M)
    assert figures and all(re.fullmatch(r"<?Figure.{,40}", line) for line in figures)
