"""The text: how files are read and converted, and the baselines counted from it."""

import math
import string

import numpy as np
import pytest
from notebooks import TEXT_FILE, Lesson


@pytest.fixture(scope="module")
def lab():
    return Lesson("lstm", "baselines")


def test_the_text_has_the_length_of_the_lecture_and_the_alphabet(lab):
    original, text = TEXT_FILE.read_text(encoding="utf-8"), lab["text"]
    assert 84_000 <= len(original) <= 85_500 and 0 < len(original) - len(text) < 20
    assert set(text) <= set(string.printable)
    assert "  " in original and "  " not in text
    tensor = lab["char_to_tensor"](string.printable)
    assert tensor.tolist() == list(range(100)) and str(tensor.dtype) == "torch.int64"
    shown = string.printable.translate(lab["SIGNS"])
    assert shown == string.printable[:95] + "⇥\n⇤↧⇟"


def test_conversion(lab):
    for original, converted in (
        (string.printable, string.printable),
        ("‘a’ ‚b‘ “c” „d“", "'a' 'b' \"c\" \"d\""),
        ("a‐b‑c–d—e−f • one", "a-b-c-d-e-f * one"),
        ("café naïve Ångström cafe\u0301", "cafe naive Angstrom cafe"),
        ("1½ … x² ﬁn", "11/2 ... x2 fin"),
        ("a\u00a0b\u202fc  d   e", "a b c d e"),
        ("\ufeffhi 你好 мир 🙂", "hi "),
    ):
        assert lab["to_printable"](original) == converted


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_and_its_changes_are_told(tmp_path, monkeypatch, line_end):
    """On Windows, Python's own default may be another encoding."""
    monkeypatch.setattr("io.text_encoding", lambda name, *_: name or "latin-1")
    content = f"\ufeffa “word” 好,  a “second”{line_end}" * 20
    (tmp_path / "own.txt").write_bytes(content.encode())
    settings = {"TEXT_FILE": tmp_path / "own.txt", "TEXT_PORTION_SIZE": 20}
    lab = Lesson("lstm", "text", **settings)
    assert lab["text"] == 'a "word" , a "second"\n' * 20
    out = lab.out["text"]
    assert " 40x '“' became '\"'\n" in out and " 20x '好' became ''\n" in out
    assert '500 characters read, 440 kept:\n\na "word" , a' in out
    (tmp_path / "own.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UnicodeDecodeError):
        Lesson("lstm", "text", **settings)


def test_baselines_of_texts_counted_by_hand(lab):
    cells = dict(lab) | {"text": "abab" * 25}
    exec(lab.cells["baselines"], cells)
    # 50 a, each followed by b; 50 b, each followed by a (the last by the first)
    expected = [math.log(100), math.log(2), 0]
    assert list(cells["baselines"].values()) == pytest.approx(expected)
    cells["text"] = "aab"  # of 2 a, one is followed by a, one by b
    exec(lab.cells["baselines"], cells)
    pair = cells["baselines"]["previous character"]
    assert pair == pytest.approx(2 * math.log(2) / 3)
    first, *lines = lab.out["baselines"].splitlines()
    assert first == f"{len(set(lab['text']))} of the 100 characters occur in the text."
    for line, (name, nats) in zip(lines, lab["baselines"].items(), strict=True):
        assert line.startswith(name) and f"{nats:.3f} nats" in line
        assert line.endswith(f"{math.exp(nats):.1f}")


def test_the_baselines_write_what_they_know(lab, capsys):
    known = "ab" * 60 + "c" * 30
    cells = dict(lab) | {"text": known, "demo_rng": np.random.default_rng(0)}
    for _ in range(20):
        exec(lab.cells["baselines-write"], cells)
    out = capsys.readouterr().out
    parts = [part.split("\n", 1) for part in out.split("--- ")[1:]]
    assert all(len(sample) == 102 for _, sample in parts)  # and an empty line
    assert [name for name, _ in parts] == list(lab["baselines"]) * 20
    written = ["".join(sample[:100] for _, sample in parts[k::3]) for k in range(3)]
    uniform, frequent, chain = written
    shown = string.printable.translate(lab["SIGNS"])
    assert set(uniform) <= set(shown) and len(set(uniform)) > 80
    assert set(frequent) == set("abc")
    assert 0.15 < frequent.count("c") / len(frequent) < 0.25  # 30 of 150
    pairs = {chain[i : i + 2] for i in range(len(chain) - 1) if i % 100 < 99}
    assert pairs == {"ab", "ba", "bc", "cc", "ca"}  # the last c, then from the start
    cells["demo_rng"] = np.random.default_rng(0)
    exec(lab.cells["baselines-write"], cells)
    assert out.startswith(capsys.readouterr().out)  # the generator decides
