"""seeds.py, which repeats the laboratory's experiments, on a small text."""

import sys

import pytest
import seeds
from notebooks import LABORATORY, OWN_TEXT, SMALL, Notebook


def test_a_seed_prints_and_draws_what_run_all_would(tmp_path):
    """Although it skips the other experiments."""
    text = tmp_path / "own.txt"
    text.write_text(OWN_TEXT, encoding="utf-8")
    files = {"TEXT_FILE": str(text), "LOSS_PLOT_FILE": str(tmp_path / "loss.pdf")}
    settings = SMALL | files | {"TEXT_PORTION_SIZE": 60}
    del settings["RANDOM_SEED"]
    printed = {}
    seeds.run(3, ["unread", "asker"], printed, tmp_path, **settings)
    notebook = Notebook(LABORATORY, "asker", RANDOM_SEED=3, **settings)
    assert printed == {each: notebook.out[each] for each in ("unread", "asker")}
    assert (tmp_path / "unread_3.png").read_bytes().startswith(b"\x89PNG")


def test_results_are_kept_when_a_seed_fails_or_is_interrupted(monkeypatch, capsys):
    def run(seed, cell_ids, printed, *_):
        printed["asking"] = f"asked by {seed}\n"
        if seed == 2:
            raise AssertionError("too few sentences")
        if seed == 4:
            raise KeyboardInterrupt
        printed["asker"] = f"first of {seed}\nsecond of {seed}\n"

    monkeypatch.setattr(seeds, "run", run)
    arguments = "1 2 3 4 5 --cells asking asker"
    monkeypatch.setattr(sys, "argv", ["seeds.py", *arguments.split()])
    seeds.main()
    out = capsys.readouterr().out
    assert "seed 2 failed" in out and "too few sentences" in out
    rows = [line.split(" | ")[1] for line in out.splitlines() if " | " in line]
    assert rows == [f"asked by {seed}" for seed in (1, 2, 3, 4)] + [
        "first of 1",
        "first of 3",
        "second of 1",
        "second of 3",
    ], "Seed should stand beside seed, line by line."


def test_a_cell_that_is_not_there_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["seeds.py", "1", "--cells", "no-such-cell"])
    with pytest.raises(SystemExit):
        seeds.main()
    assert "no-such-cell" in capsys.readouterr().err
