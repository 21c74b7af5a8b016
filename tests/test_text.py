"""The text: how files are read and converted, and what is said of bad ones."""

import math
import string

import numpy as np
import pytest
from notebooks import TEXT_FILE, Lesson


def read_as_text(path):
    return Lesson("lstm", "text", TEXT_FILE=str(path))


def test_the_text_has_the_length_of_the_lecture_and_only_printable_characters(cells):
    original = TEXT_FILE.read_text(encoding="utf-8")
    assert 84_000 <= len(original) <= 85_500
    assert cells["text"] == cells["to_printable"](original)
    assert set(cells["text"]) <= set(string.printable)
    assert "  " in original and "  " not in cells["text"]
    assert 0 < len(original) - len(cells["text"]) < 20


@pytest.mark.parametrize(
    ("original", "converted"),
    [
        (string.printable, string.printable),
        ("", ""),
        ("‘a’ ‚b‘ “c” „d“", "'a' 'b' \"c\" \"d\""),
        ("a‐b‑c–d—e−f", "a-b-c-d-e-f"),
        ("• one", "* one"),
        ("café naïve Ångström", "cafe naive Angstrom"),
        ("cafe\u0301", "cafe"),
        ("1½ … x² ﬁn", "11/2 ... x2 fin"),
        ("a\u00a0b\u202fc  d   e", "a b c d e"),
        ("\ufeffhi 你好 мир 🙂", "hi "),
    ],
)
def test_conversion(cells, original, converted):
    assert cells["to_printable"](original) == converted


def test_every_unicode_character_becomes_printable_or_nothing(cells):
    every = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    assert set(cells["to_printable"]("".join(every))) == set(string.printable)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(tmp_path, line_end, mark):
    path = tmp_path / "own.txt"
    path.write_bytes(mark + f"one’s own{line_end}second{line_end}".encode())
    assert read_as_text(path)["text"] == "one's own\nsecond\n"


def test_the_cell_says_what_it_changed(tmp_path, capsys):
    path = tmp_path / "own.txt"
    path.write_text("a  “quoted” word 好, a “second”", encoding="utf-8")
    read_as_text(path)
    out = capsys.readouterr().out
    assert "  2x '“' became '\"'\n" in out
    assert "  1x '好' became ''\n" in out
    assert '30 characters read, 28 kept:\n\na "quoted" word , a' in out


def test_the_encoding_is_not_left_to_the_machine(monkeypatch):
    """On Windows, Python's own default may be another one."""
    monkeypatch.setattr("io.text_encoding", lambda name, *_: name or "latin-1")
    assert "university's health" in Lesson("lstm", "text")["text"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        read_as_text(tmp_path / "nowhere.txt")


def test_a_file_that_is_not_utf_8(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Überall café".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError, match="'utf-8' codec can't decode"):
        read_as_text(tmp_path / "latin.txt")


def test_characters_become_their_indices(cells):
    tensor = cells["char_to_tensor"]("abc XYZ\n")
    assert tensor.tolist() == [10, 11, 12, 94, 59, 60, 61, 96]
    assert cells["char_to_tensor"](string.printable).tolist() == list(range(100))
    assert str(tensor.dtype) == str(cells["char_to_tensor"]("").dtype) == "torch.int64"
    with pytest.raises(ValueError, match=r"'é' is not in string\.printable"):
        cells["char_to_tensor"]("n\u00e9 t")  # the one that is unknown, not the last


def test_control_characters_are_shown_as_signs(cells):
    shown = string.printable.translate(cells["SIGNS"])
    assert shown == string.printable[:95] + "⇥\n⇤↧⇟"


def test_baselines_of_a_text_counted_by_hand(cells):
    lesson = dict(cells) | {"text": "abab" * 25}
    exec(cells.cells["baselines"], lesson)
    uniform, single, pair = lesson["baselines"].values()
    assert uniform == pytest.approx(math.log(100))
    assert single == pytest.approx(math.log(2))
    # 50 a, each followed by b; 50 b, of which 49 are followed by a
    assert pair == pytest.approx(49 * math.log(50 / 49) / 100)


def test_the_third_baseline_knows_the_previous_character_not_the_next(cells):
    lesson = dict(cells) | {"text": "aab"}
    exec(cells.cells["baselines"], lesson)
    # of 2 a, one is followed by a, one by b
    assert lesson["baselines"]["previous character"] == pytest.approx(
        2 * math.log(2) / 3
    )


def written_by_the_baselines(cells, text, capsys, runs=1):
    """Return what each baseline has written about text, all runs in one string."""
    lesson = dict(cells) | {"text": text, "demo_rng": np.random.default_rng(0)}
    capsys.readouterr()
    exec(cells.cells["baselines"], lesson)
    for _ in range(runs):
        exec(cells.cells["baselines-write"], lesson)
    parts = capsys.readouterr().out.split("--- ")[1:]
    written = {}
    for name, sample in (part.split("\n", 1) for part in parts):
        assert sample.endswith("\n\n")
        written[name] = written.get(name, "") + sample[:-2]
    assert all(len(sample) == 100 * runs for sample in written.values())
    return written


def test_the_baselines_write_what_they_know(cells, capsys):
    uniform, frequent, chain = written_by_the_baselines(
        cells, "ab" * 60 + "c" * 30, capsys, runs=20
    ).values()
    shown = string.printable.translate(cells["SIGNS"])
    assert set(uniform) <= set(shown) and len(set(uniform)) > 80
    assert set(frequent) == set("abc")
    assert 0.35 < frequent.count("a") / len(frequent) < 0.45  # 60 of 150
    pairs = {chain[i : i + 2] for i in range(len(chain) - 1) if i % 100 < 99}
    assert pairs == {"ab", "ba", "bc", "cc", "ca"}  # the last c, then from the start


def test_the_baselines_write_the_same_with_the_same_generator(cells, capsys):
    first = written_by_the_baselines(cells, cells["text"], capsys)
    assert first == written_by_the_baselines(cells, cells["text"], capsys)


def test_the_baselines_write_on_after_a_last_character_that_is_unique(cells, capsys):
    written_by_the_baselines(cells, "ab" * 5 + "z", capsys, runs=20)


def test_baselines_fall_with_what_is_known_and_are_printed(capsys):
    lesson = Lesson("lstm", "text")
    capsys.readouterr()
    lesson.run("baselines")
    values = list(lesson["baselines"].values())
    assert values == sorted(values, reverse=True)
    first, *lines = capsys.readouterr().out.splitlines()
    num_chars = len(set(lesson["text"]))
    assert first == f"{num_chars} of the 100 characters occur in the text."
    for line, value in zip(lines, values, strict=True):
        assert f"{value:.3f} nats, a choice among" in line
        assert line.endswith(f"{math.exp(value):.1f} equals")
