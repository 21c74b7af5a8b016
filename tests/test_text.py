"""The text: how files are read and converted, and what is said of bad ones."""

import math
import string
import unicodedata

import pytest
from notebooks import TEXT_FILE


def test_the_text_has_the_length_of_the_lecture(cells):
    text = cells["text"]
    assert 84_000 <= len(TEXT_FILE.read_text(encoding="utf-8")) <= 85_500
    assert len(text) == 84_960
    assert set(text) <= set(string.printable)
    assert "  " not in text


def test_plain_text_is_left_alone(cells):
    assert cells["to_printable"](string.printable) == (string.printable, 0, 0)
    assert cells["to_printable"]("") == ("", 0, 0)


@pytest.mark.parametrize(
    ("original", "converted", "replaced", "dropped"),
    [
        ("“It’s” – ‘so’ — ok", "\"It's\" - 'so' - ok", 7, 0),
        ("café naïve Ångström", "cafe naive Angstrom", 4, 0),
        ("cafe\u0301", "cafe", 0, 1),
        ("½ €5 … x²", "1/2 EUR5 ... x2", 4, 0),
        ("a\u00a0b\u202fc  d", "a b c d", 2, 0),
        ("Straße, ﬁn", "Strasse, fin", 2, 0),
        ("a  b   c", "a b c", 0, 0),
        ("one\u2028two\x85three", "one\ntwo\nthree", 2, 0),
        ("hi 你好 мир", "hi ", 0, 5),
        ("ok 🙂", "ok ", 0, 1),
    ],
)
def test_conversion_and_its_counts(cells, original, converted, replaced, dropped):
    result = cells["to_printable"](original)
    assert result == (converted, replaced, dropped)


def test_every_unicode_character_becomes_printable_or_nothing(cells):
    everything = "".join(
        chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000
    )
    text, replaced, dropped = cells["to_printable"](everything)
    assert set(text) <= set(string.printable)
    assert replaced + dropped == len(everything) - len(string.printable)
    accented = unicodedata.normalize("NFC", "é")
    assert cells["to_printable"](accented) == ("e", 1, 0)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(cells, tmp_path, line_end, mark):
    path = tmp_path / "own.txt"
    lines = "one’s own|second|".replace("|", line_end)
    path.write_bytes(mark + lines.encode("utf-8"))
    assert cells["load_text"](path) == "one's own\nsecond\n"


def test_load_text_says_what_it_changed(cells, tmp_path, capsys):
    path = tmp_path / "own.txt"
    path.write_text("a  “quoted” word 好", encoding="utf-8")
    text = cells["load_text"](path)
    printed = capsys.readouterr().out
    assert text == 'a "quoted" word '
    assert "18 characters" in printed and "16 to learn from" in printed
    assert "2 replaced, 1 dropped" in printed


def test_missing_file(cells, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt.*TEXT_FILE"):
        cells["load_text"](tmp_path / "nowhere.txt")


def test_file_in_another_encoding(cells, tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("Überall café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8.*save it"):
        cells["load_text"](path)


@pytest.mark.parametrize("text", ["", "你好，世界。" * 50, "Привет, как дела? " * 20])
def test_empty_file_and_other_scripts(cells, tmp_path, text):
    path = tmp_path / "other.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.txt is empty or in another script"):
        cells["load_text"](path)


def test_char_to_tensor(cells):
    tensor = cells["char_to_tensor"]("abc XYZ\n")
    assert tensor.tolist() == [10, 11, 12, 94, 59, 60, 61, 96]
    assert cells["char_to_tensor"](string.printable).tolist() == list(range(100))
    assert str(tensor.dtype) == "torch.int64"
    with pytest.raises(ValueError, match="'é' is not in the alphabet"):
        cells["char_to_tensor"]("caf\u00e9")


def test_baselines_of_a_text_counted_by_hand(cells):
    uniform, single, pair = cells["baseline_losses"]("ababac").values()
    assert uniform == pytest.approx(math.log(100))
    # to predict: b a b a c, after: a b a b a
    entropy = -(0.4 * math.log(0.4) * 2 + 0.2 * math.log(0.2))
    assert single == pytest.approx(entropy)
    after_a = -(2 * math.log(2 / 3) + math.log(1 / 3)) / 5
    assert pair == pytest.approx(after_a)


def test_baselines_of_the_text_fall_with_what_is_known(cells):
    values = list(cells["baseline_losses"](cells["text"]).values())
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(4.605, abs=5e-4)


def test_control_characters_are_shown_as_signs(cells):
    shown = cells["visible"](string.printable)
    assert len(shown) == len(set(shown)) == 100
    assert not set(shown) & set("\t\r\x0b\x0c")
    assert "\n" in shown
