"""Text and its flavours."""

import pytest

from mmpipe.records import Modality, Rejected
from mmpipe.stages.formats import Recognised, recognise


def format_of(content: bytes, name: str = "") -> str | None:
    outcome = recognise(content, name=name)
    return outcome.format if isinstance(outcome, Recognised) else None


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"A red bell.\n", "", "txt"),
        (b"# A bell\n", "a.md", "md"),
        (b"# A bell\n", "a.txt", "txt"),
        (b"# A bell\n", "a.jpg", "txt"),
        (b"<!DOCTYPE html><p>A bell", "a.txt", "html"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<html xmlns='http://www.w3.org/1999/xhtml'/>", "", "html"),
        (b"\xef\xbb\xbf  <HTML><body>A bell", "", "html"),
        (b"<p>A bell</p>", "", "html"),
        (b"<p align=center>A bell</p>\n# Title", "README.md", "md"),
        (b"A <b>red</b> bell", "a.html", "html"),
        (b"A <b>red</b> bell", "", "txt"),
        (b'{"text": "a bell"}', "", "json"),
        (b'{\n  "text": "a bell"\n}\n', "a.json", "json"),
        (b'{"text": "a"}\n{"text": "b"}\n', "", "jsonl"),
        (b'{"text": "a"}\n{"text": "b"}\n', "a.json", "jsonl"),
        (b'{"text": "a"}\n', "a.jsonl", "jsonl"),
        (b'[{"text": "a"}]', "", "json"),
        (b'{"text": "a', "a.json", "json"),
        (b"[1] A footnote\n", "", "txt"),
        (b"{red} bell", "", "txt"),
        (b'{"text": "' + b"x" * 100_000 + b'"}', "", "json"),
        (b"[" * 70_000, "", "json"),
        (b"[" * 20_000, "", "txt"),
    ],
)
def test_flavours_are_told_by_content_and_by_suffix_where_content_leaves_it_open(
    content: bytes, name: str, expected: str
) -> None:
    assert format_of(content, name) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_recognised_in_any_encoding(encoding: str) -> None:
    assert format_of("Das Glöckchen ist schön rot.\n".encode(encoding)) == "txt"


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "shift_jis"])
def test_chinese_characters_in_legacy_encodings_are_text(encoding: str) -> None:
    assert format_of("紅色、鐘。".encode(encoding)) == "txt"


def test_a_character_cut_at_the_end_of_the_head_does_not_matter() -> None:
    assert format_of(b"x" + "é".encode() * 40_000) == "txt"


def test_utf16_json_is_json() -> None:
    assert format_of('{"text": "a bell"}'.encode("utf-16-le")) == "json"


@pytest.mark.parametrize("content", [b"\0", b"bell\0bell", b"\x01\x02\x03\x04", bytes(range(256)), b"a\0b\x01"])
def test_bytes_with_control_characters_are_not_text(content: bytes) -> None:
    assert isinstance(recognise(content), Rejected)


def test_a_text_named_jpg_is_a_text_and_says_so() -> None:
    outcome = recognise(b"A bell", name="bell.jpg")

    assert isinstance(outcome, Recognised)
    assert outcome.modality is Modality.TEXT
    assert outcome.mismatch == "bell.jpg is named .jpg, but its content is txt"
