"""The text: how files are read and converted, and the baselines counted from it."""

import math
import os
import string
import subprocess
import sys

import numpy as np
import pytest
from notebooks import TEXT_FILE, Notebook

BASELINES = ["uniform", "character frequencies", "previous character"]

# A file with characters to convert and to drop, and what the cell `text` makes of it
LINE = "\ufeffa “word” 好,  a “second”"
ORIGINAL = (LINE + "\n") * 20
CONVERTED = 'a "word" , a "second"\n' * 20
PRINTED = f"""\
 40x '“' became '"'
 40x '”' became '"'
 20x '好' became ''
 20x '\\ufeff' became ''
500 characters read, 440 kept:

{CONVERTED[:300]}
"""

# The environment of a computer whose default encoding is ASCII (on Windows, it is often
# one with 256 characters), and where Python warns if code relies on that default
OTHER_COMPUTER = {
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",  # keep this locale
    "PYTHONUTF8": "0",  # obey this locale
    "PYTHONIOENCODING": "utf-8",  # of what is printed
    "PYTHONWARNDEFAULTENCODING": "1",
}
BEFORE_THE_TEXT_CELL = """\
import re
import string
import unicodedata
import warnings
from pathlib import Path

ALPHABET = string.printable
TEXT_FILE = "own.txt"
TEXT_PORTION_SIZE = 8
warnings.simplefilter("error", EncodingWarning)
"""

# In this text, 59 of 60 b are followed by a, and 29 of 30 c by c.
KNOWN_TEXT = "ab" * 60 + "c" * 30


def run_on_another_computer(code, folder):
    """Run code that stands for the cell `text`, with a TEXT_FILE in folder."""
    (folder / "own.txt").write_text(ORIGINAL, encoding="utf-8")
    (folder / "cell.py").write_text(BEFORE_THE_TEXT_CELL + code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "cell.py"],
        cwd=folder,
        env=os.environ | OTHER_COMPUTER,
        capture_output=True,
        encoding="utf-8",
    )


def run_on_text(notebook, cell_id, text):
    """Run a cell as if text had been read; return the names that it then knows."""
    names = dict(notebook) | {"text": text, "demo_rng": np.random.default_rng(0)}
    exec(notebook.cells[cell_id], names)
    return names


@pytest.fixture
def samples(untrained, capsys):
    """All that each baseline of KNOWN_TEXT writes in 20 runs: {name: [sample, ...]}."""
    names = run_on_text(untrained, "baselines-write", KNOWN_TEXT)
    for _ in range(19):
        exec(untrained.cells["baselines-write"], names)
    samples = {}
    for part in capsys.readouterr().out.split("--- ")[1:]:
        name, sample = part.split("\n", maxsplit=1)
        assert sample.endswith("\n\n"), "a sample should be followed by an empty line"
        samples.setdefault(name, []).append(sample.removesuffix("\n\n"))
    return samples


# The alphabet


def test_each_character_becomes_its_index_in_the_alphabet(untrained):
    tensor = untrained["char_to_tensor"](string.printable)
    assert tensor.tolist() == list(range(100))


def test_indices_are_int64(untrained):
    """As targets, a cross-entropy takes no smaller integers."""
    assert str(untrained["char_to_tensor"]("the").dtype) == "torch.int64"


def test_control_characters_are_shown_as_signs(untrained):
    """All but the newline, which can be seen anyway."""
    shown = string.printable.translate(untrained["SIGNS"])
    assert string.printable[95:] == "\t\n\r\x0b\x0c"
    assert shown == string.printable[:95] + "⇥\n⇤↧⇟"


# The text of the project


def test_the_text_is_about_as_long_as_that_of_the_lecture():
    assert 84_000 <= len(TEXT_FILE.read_text(encoding="utf-8")) <= 88_000


def test_the_text_loses_next_to_nothing_when_it_is_converted(untrained):
    original = TEXT_FILE.read_text(encoding="utf-8")
    num_lost = len(original) - len(untrained["text"])
    assert 0 <= num_lost < 20, f"{num_lost} characters of the text are lost"


def test_the_converted_text_stays_within_the_alphabet(untrained):
    assert set(untrained["text"]) <= set(string.printable)


def test_the_converted_text_has_no_run_of_spaces(untrained):
    assert "  " not in untrained["text"]


# Conversion


@pytest.mark.parametrize(
    "original, converted",
    [
        pytest.param(string.printable, string.printable, id="alphabet"),
        pytest.param("‘a’ ‚b‘ “c” „d“", "'a' 'b' \"c\" \"d\"", id="quotes"),
        pytest.param("a‐b‑c–d—e−f • one", "a-b-c-d-e-f * one", id="dashes"),
        pytest.param("café naïve Ångström", "cafe naive Angstrom", id="accents"),
        pytest.param("cafe\u0301", "cafe", id="combining accent"),
        pytest.param("1½ … x² ﬁn", "11/2 ... x2 fin", id="several for one"),
        pytest.param("a\u00a0b\u202fc  d   e", "a b c d e", id="spaces"),
        pytest.param("a \u00a0b", "a b", id="run of different spaces"),
        pytest.param("\ufeffhi 你好 мир 🙂", "hi ", id="dropped"),
    ],
)
def test_conversion(untrained, original, converted):
    assert untrained["to_printable"](original) == converted


# Files


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_with_any_line_end(name, tmp_path, line_end):
    file = tmp_path / "own.txt"
    file.write_bytes((LINE + line_end).encode("utf-8") * 20)
    notebook = Notebook(name, "text", TEXT_FILE=str(file))
    assert notebook["text"] == CONVERTED


def test_every_change_of_a_file_is_told(name, tmp_path):
    file = tmp_path / "own.txt"
    file.write_text(ORIGINAL, encoding="utf-8")
    notebook = Notebook(name, "text", TEXT_FILE=str(file))
    assert notebook.out["text"] == PRINTED


def test_a_file_is_read_as_utf_8_on_every_computer(untrained, tmp_path):
    done = run_on_another_computer(untrained.cells["text"], tmp_path)
    assert done.returncode == 0, (
        "The cell `text` fails where the default encoding isn't UTF-8. "
        f"Does it name the encoding?\n{done.stderr}"
    )
    assert done.stdout == PRINTED


def test_a_file_read_in_the_default_encoding_would_be_noticed(tmp_path):
    """If this fails, the test before this one no longer holds anything."""
    done = run_on_another_computer("Path(TEXT_FILE).read_text()", tmp_path)
    assert done.returncode != 0, "Python read a file without a warning."
    assert "EncodingWarning" in done.stderr


def test_a_file_that_is_not_utf_8_stops(name, tmp_path):
    """The lesson says what to do after a UnicodeDecodeError."""
    file = tmp_path / "own.txt"
    file.write_bytes("café".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        Notebook(name, "text", TEXT_FILE=str(file))


@pytest.mark.parametrize("content", ["", "т о " * 60, "12345678"])
def test_a_file_stops_that_keeps_too_few_characters_for_a_portion(
    name, tmp_path, capsys, content
):
    """Cyrillic letters are dropped; with 8 inputs, a portion takes 9 characters."""
    file = tmp_path / "own.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(AssertionError) as error:
        Notebook(name, "text", TEXT_FILE=str(file), TEXT_PORTION_SIZE=8)
    assert str(error.value) == f"{file} is too short for portions of 8 inputs."


def test_a_file_of_just_one_portion_is_enough(name, tmp_path):
    file = tmp_path / "own.txt"
    file.write_text("123456789", encoding="utf-8")
    notebook = Notebook(name, "text", TEXT_FILE=str(file), TEXT_PORTION_SIZE=8)
    assert notebook["text"] == "123456789"


# Baselines


def test_baselines_where_each_character_decides_the_next(untrained):
    """50 a, each followed by b; 50 b, each followed by a (the last by the first)."""
    names = run_on_text(untrained, "baselines", "ab" * 50)
    expected = [math.log(100), math.log(2), 0.0]
    assert names["baselines"] == pytest.approx(dict(zip(BASELINES, expected)))


def test_baselines_where_a_character_has_two_followers(untrained):
    """Of 20 a, 10 are followed by a and 10 by b, and each b by a."""
    names = run_on_text(untrained, "baselines", "aab" * 10)
    frequencies = (20 * math.log(30 / 20) + 10 * math.log(30 / 10)) / 30
    previous = (20 * math.log(20 / 10) + 10 * math.log(10 / 10)) / 30
    expected = [math.log(100), frequencies, previous]
    assert names["baselines"] == pytest.approx(dict(zip(BASELINES, expected)))


def test_the_baselines_are_printed_in_nats_with_their_perplexity(untrained):
    _, *lines = untrained.out["baselines"].splitlines()
    assert list(untrained["baselines"]) == BASELINES
    for line, (name, nats) in zip(lines, untrained["baselines"].items(), strict=True):
        assert line.startswith(name)
        assert f" {nats:.3f} nats" in line
        assert line.endswith(f"perplexity {math.exp(nats):5.1f}")


def test_the_characters_that_occur_are_counted(untrained):
    first_line = untrained.out["baselines"].splitlines()[0]
    num_chars = len(set(untrained["text"]))
    assert first_line == f"{num_chars} of the 100 characters occur in the text."


# What the baselines write


def test_each_baseline_writes_100_characters(samples):
    assert list(samples) == BASELINES
    for name in BASELINES:
        assert [len(sample) for sample in samples[name]] == [100] * 20, name


def test_the_uniform_baseline_writes_all_characters(samples, untrained):
    """Control characters are shown as signs."""
    written = "".join(samples["uniform"])
    assert set(written) == set(string.printable.translate(untrained["SIGNS"]))


def test_the_frequencies_baseline_writes_characters_as_often_as_the_text(samples):
    written = "".join(samples["character frequencies"])
    assert set(written) == {"a", "b", "c"}
    for char in "abc":
        share = KNOWN_TEXT.count(char) / len(KNOWN_TEXT)
        assert written.count(char) / len(written) == pytest.approx(share, abs=0.05)


def test_the_previous_character_baseline_writes_pairs_of_the_text(samples):
    """After the last character of the text, the first one may follow."""
    pairs = set()
    for sample in samples["previous character"]:
        for first, second in zip(sample, sample[1:]):
            pairs.add(first + second)
    assert pairs == {"ab", "ba", "bc", "cc", "ca"}


def test_the_previous_character_baseline_prefers_frequent_pairs(samples):
    """Of 60 b in the text, a single one is followed by c."""
    written = " ".join(samples["previous character"])
    share = written.count("bc") / (written.count("ba") + written.count("bc"))
    assert share == pytest.approx(1 / 60, abs=0.05)


def test_what_the_baselines_write_depends_only_on_the_generator(untrained, capsys):
    run_on_text(untrained, "baselines-write", KNOWN_TEXT)
    first = capsys.readouterr().out
    run_on_text(untrained, "baselines-write", KNOWN_TEXT)
    second = capsys.readouterr().out
    assert first == second, "the same generator should draw the same samples"
