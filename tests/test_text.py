"""The text: how it is read and converted, cut into portions, and what is counted."""

import math
import os
import string
import subprocess
import sys

import numpy as np
import pytest
from notebooks import FAQ, Notebook

# A file with characters to convert and to drop, and what it becomes
ORIGINAL = "\ufeffa “word” 好,  a “second”\n" * 20
CONVERTED = 'a "word" , a "second"\n' * 20
DIGITS = "0123456789"  # in the alphabet, the index of each digit is the digit


def text_of(name, file, **settings):
    return Notebook(name, "text", TEXT_FILE=str(file), **settings)["text"]


def test_characters_become_their_indices(untrained):
    """As int64: as targets, a cross-entropy takes no smaller integers."""
    indices = untrained["char_to_tensor"](string.printable)
    assert indices.tolist() == list(range(100))
    assert str(indices.dtype) == "torch.int64"


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


def test_the_faq_loses_next_to_nothing(untrained):
    """And it is about as long as the text of the lecture."""
    text = untrained["text"]
    assert 84_000 < len(text) < 92_000
    assert len(FAQ.read_text(encoding="utf-8")) - len(text) < 20
    assert set(text) <= set(string.printable)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_may_have_any_line_end(name, tmp_path, line_end):
    file = tmp_path / "own.txt"
    file.write_bytes(ORIGINAL.replace("\n", line_end).encode("utf-8"))
    assert text_of(name, file) == CONVERTED


def test_a_file_is_read_as_utf_8_on_every_computer(tmp_path):
    """Here, the default is ASCII, as it is another encoding on Windows. The laboratory
    has the same cell."""
    (tmp_path / "own.txt").write_text(ORIGINAL, encoding="utf-8")
    lesson = Notebook("lstmcell", "imports")
    cells = [lesson.cells[cell_id] for cell_id in lesson.until("text")]
    at = list(lesson.until("text")).index("parameters") + 1
    cells.insert(at, "TEXT_FILE = 'own.txt'")
    code = "\n\n".join([*cells, "assert text == " + ascii(CONVERTED)])
    (tmp_path / "cells.py").write_text(code, encoding="utf-8")
    ascii_locale = {
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",  # keep this locale
        "PYTHONUTF8": "0",  # obey this locale
        "PYTHONIOENCODING": "utf-8",  # of what is printed
    }
    done = subprocess.run(
        [sys.executable, "cells.py"],
        cwd=tmp_path,
        env=os.environ | ascii_locale,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"Does the cell name the encoding?\n{done.stderr}"


def test_a_file_that_is_not_utf_8_stops(name, tmp_path):
    """Rather than be misread; the notebooks say what to do after this error."""
    file = tmp_path / "own.txt"
    file.write_bytes("café".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        text_of(name, file)


@pytest.mark.parametrize("content", ["", "т о " * 60, "12345678"])
def test_a_text_without_room_for_a_portion_stops_with_a_sentence(
    name, tmp_path, content
):
    """Cyrillic letters are dropped; with 8 inputs, a portion takes 9 characters."""
    file = tmp_path / "own.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(AssertionError, match="short|[Pp]ortion"):
        text_of(name, file, TEXT_PORTION_SIZE=8)


def test_a_text_of_just_one_portion_is_enough(name, tmp_path):
    file = tmp_path / "own.txt"
    file.write_text("123456789", encoding="utf-8")
    assert text_of(name, file, TEXT_PORTION_SIZE=8) == "123456789"


# --- Portions


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(untrained, portion_size):
    """And each input has a target, the character that follows it."""
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(500):
        inputs, targets = untrained["draw_example"](DIGITS, portion_size, rng)
        first = inputs[0].item()
        starts.add(first)
        assert inputs.tolist() == list(range(first, first + portion_size))
        assert targets.tolist() == list(range(first + 1, first + portion_size + 1))
    assert starts == set(range(10 - portion_size))


@pytest.mark.parametrize("portion_size", [10, 5000])
def test_a_portion_that_does_not_fit_is_refused(untrained, portion_size):
    """It would be cut short, and its last input would have no target."""
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError):
        untrained["random_portion"](DIGITS, portion_size, rng)


# --- Baselines


@pytest.mark.parametrize(
    "text, frequencies, previous",
    [
        # each a is followed by b, each b by a, the last one by the first character
        ("ab" * 50, math.log(2), 0),
        # of 20 a, 10 are followed by a and 10 by b; each b is followed by a
        ("aab" * 10, math.log(3) - 2 / 3 * math.log(2), 2 / 3 * math.log(2)),
        # a is followed by b; b twice by c and once, where the text wraps around, by a
        (
            "abcbcb",
            (math.log(6) + 3 * math.log(2) + 2 * math.log(3)) / 6,
            (2 * math.log(3 / 2) + math.log(3)) / 6,
        ),
    ],
)
def test_baselines_of_a_text_that_can_be_counted_by_hand(
    small, text, frequencies, previous
):
    small["text"] = text
    small.run("baselines")
    expected = [math.log(100), frequencies, previous]
    assert list(small["baselines"].values()) == pytest.approx(expected)
