"""The text: how it is read and converted, cut into portions, and what is counted."""

import io
import math
import re
import string

import numpy as np
import pytest
from notebooks import Notebook

# A file with characters to convert and to drop, and what it becomes
ORIGINAL = "\ufeffa “word” 好,  a “second”\n" * 20
CONVERTED = 'a "word" , a "second"\n' * 20
DIGITS = "0123456789"  # in the alphabet, the index of each digit is the digit


def text_of(name, file, **settings):
    """Return the text that a notebook makes of a file."""
    return Notebook(name, "text", TEXT_FILE=str(file), **settings)["text"]


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


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_alike_on_every_computer(name, tmp_path, monkeypatch, line_end):
    """Whatever its line ends, and also where the default encoding is not UTF-8, as on
    Windows; here, it is ASCII."""
    exact = open

    def open_as_ascii(file, mode="r", buffering=-1, encoding=None, *args, **kwargs):
        if "b" not in mode and encoding in (None, "locale"):
            encoding = "ascii"
        return exact(file, mode, buffering, encoding, *args, **kwargs)

    file = tmp_path / "own.txt"
    file.write_bytes(ORIGINAL.replace("\n", line_end).encode("utf-8"))
    notebook = Notebook(name, "alphabet", TEXT_FILE=str(file))
    monkeypatch.setattr(io, "open", open_as_ascii)
    monkeypatch.setattr("builtins.open", open_as_ascii)
    try:
        notebook.run("text")
    except UnicodeDecodeError as error:
        pytest.fail(f"The cell that reads the text should name the encoding: {error}")
    assert notebook["text"] == CONVERTED


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


def test_the_laboratory_wants_a_portion_in_nine_tenths_and_a_context_in_the_last(
    tmp_path,
):
    """A text of 90 characters has 81 for the training and 9 for the tables of up to 8
    characters, and with those, the experiments run. One of 89 is refused."""
    file = tmp_path / "own.txt"
    settings = {"TEXT_FILE": str(file), "TEXT_PORTION_SIZE": 80, "NUM_ITER": 1}
    file.write_text("x" * 90, encoding="utf-8")
    notebook = Notebook("lstm", "setup", **settings)
    for cell_id in ("learn", "table", "unread"):
        notebook.run(cell_id)
    file.write_text("x" * 89, encoding="utf-8")
    with pytest.raises(AssertionError, match="own.txt .*nine tenths"):
        Notebook("lstm", "text", **settings)


# --- Portions


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(untrained, portion_size):
    """And each input has a target, the character that follows it."""
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(500):
        inputs, targets = untrained["draw_example"](DIGITS, portion_size, rng)
        assert len(inputs) == portion_size, "A portion that starts too late is cut off."
        first = inputs[0].item()
        starts.add(first)
        assert inputs.tolist() == list(range(first, first + portion_size))
        after = list(range(first + 1, first + portion_size + 1))
        assert targets.tolist() == after, "A target is the character after its input."
    assert starts == set(range(10 - portion_size)), "A portion can start anywhere."


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


def test_the_baselines_write_what_they_know(lesson):
    """In this text, each letter has one that follows, so whoever knows the previous
    one goes around in circles; whoever knows how frequent they are writes the same
    letters in any order."""
    lesson["text"] = "abcdefg" * 50
    out = lesson.run("baselines-write")
    chain = re.findall("[a-g]{100}", out)[-1]
    start = "abcdefg".index(chain[0])
    assert chain == lesson["text"][start : start + 100], (
        "What `previous character` writes should follow the text, letter by letter."
    )
    in_any_order = [row for row in re.findall("[a-g]{100}", out) if row != chain]
    assert len(in_any_order) == 1, "`character frequencies` draws from the text."
