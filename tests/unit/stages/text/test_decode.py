"""Decoding documents: encodings, fields of JSON, caps."""

import json
import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Item, Media, Rejected
from mmpipe.spec.text import TextDecode
from mmpipe.stages.text.decode import build


def outcome_of(content: bytes, format_: str = "txt", **options: object) -> Item[str] | Rejected:
    (outcome,) = build(TextDecode.model_validate(options))([Item("a", Media(content, format_))])
    return outcome


def decoded(content: bytes, format_: str = "txt", **options: object) -> str:
    outcome = outcome_of(content, format_, **options)
    assert isinstance(outcome, Item), outcome
    return outcome.payload


def refused(content: bytes, format_: str = "txt", **options: object) -> Rejected:
    outcome = outcome_of(content, format_, **options)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def test_a_text_becomes_a_string_with_its_facts() -> None:
    outcome = outcome_of("红铃".encode("gb18030"))

    assert outcome == Item("a", "红铃", 1.0, {"format": "txt", "encoding": "gb18030", "characters": 2})


@pytest.mark.parametrize("format_", ["txt", "md", "html"])
def test_prose_stays_as_it_is(format_: str) -> None:
    assert decoded(b"# <b>A</b>\r\n bell ", format_) == "# <b>A</b>\r\n bell "


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert [decoded("bell".encode(encoding)) for encoding in ("utf-8-sig", "utf-16", "utf-32")] == ["bell"] * 3


def test_an_encoding_given_in_the_spec_is_not_questioned() -> None:
    assert decoded("é".encode(), encoding="ISO-8859-1") == "Ã©"


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13"])
def test_an_encoding_that_is_none_is_an_error_of_the_spec(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"decode.encoding: '{encoding}' is no known text encoding; use an IANA name"):
        build(TextDecode(encoding=encoding))


def test_a_few_undecodable_bytes_are_replaced_and_counted() -> None:
    outcome = outcome_of(b"bell " * 100 + b"\xff", encoding="UTF-8")

    assert isinstance(outcome, Item)
    assert outcome.payload.endswith("bell \ufffd")
    assert outcome.facts["undecodable"] == 1


def test_replacement_characters_that_were_there_before_are_not_counted() -> None:
    outcome = outcome_of("\ufffd\ufffd bell".encode())

    assert isinstance(outcome, Item)
    assert "undecodable" not in outcome.facts


def test_a_text_in_another_encoding_than_the_spec_says_is_rejected() -> None:
    outcome = refused("Привет".encode("koi8-r"), encoding="UTF-8")

    assert outcome.gate == "text.decode"
    assert outcome.reason.endswith("characters aren't in the encoding UTF-8: set decode.encoding")
    assert outcome.threshold == 0.01


def test_a_codec_that_cannot_replace_is_rejected_too() -> None:
    assert "set decode.encoding" in refused(b"\xff\xfe\xff", encoding="idna").reason


def test_a_field_of_json_is_taken() -> None:
    assert decoded(b'{"id": 1, "text": "a bell"}', "json") == "a bell"
    assert decoded(b'{"caption": "a bell"}', "json", field="caption") == "a bell"


def test_a_field_of_each_json_line_is_taken_and_empty_lines_are_not() -> None:
    assert decoded(b'{"text": "a"}\n\n{"text": "b"}\r\n', "jsonl") == "a\nb"


def test_json_in_utf16_is_read() -> None:
    assert decoded('{"text": "a bell"}'.encode("utf-16-le"), "json") == "a bell"


@pytest.mark.parametrize(
    ("content", "format_", "reason"),
    [
        (
            b'{"a": 1, "b": 2}',
            "json",
            "the JSON has no field 'text', it has 'a', 'b': set decode.field to the one with the text",
        ),
        (b"{}", "json", "the JSON has no field 'text', it has no fields: set decode.field to the one with the text"),
        (b"[]", "json", "the JSON is of type list: expected an object with the field 'text'"),
        (b'{"text": 1}', "json", "the field 'text' of the JSON is of type int: expected a string"),
        (
            b'{"text": "a"}\n{"txt": "b"}',
            "jsonl",
            "line 2 of the JSON lines has no field 'text', it has 'txt': set decode.field to the one with the text",
        ),
        (b'{"text"', "json", "the JSON can't be parsed: Expecting ':' delimiter: line 1 column 8 (char 7)"),
        (b"[" * 100_000, "json", "the JSON is nested too deep to be parsed: expected a flat record"),
    ],
)
def test_json_without_the_text_is_rejected_with_what_was_found(content: bytes, format_: str, reason: str) -> None:
    assert refused(content, format_) == Rejected("text.decode", reason)


def test_half_a_surrogate_pair_becomes_a_character_that_can_be_stored() -> None:
    assert decoded(rb'{"text": "\ud83d\ude00 \ud83d"}', "json") == "😀 \ufffd"


def test_a_file_above_max_bytes_is_rejected() -> None:
    outcome = refused(b"bell", maxBytes=3)

    assert (outcome.gate, outcome.score, outcome.threshold) == ("text.decode.maxBytes", 4, 3)


def test_a_text_above_max_characters_is_rejected() -> None:
    outcome = refused("铃铃铃".encode(), maxCharacters=2)

    assert (outcome.gate, outcome.score, outcome.threshold) == ("text.decode.maxCharacters", 3, 2)


def test_a_format_that_is_no_text_is_rejected() -> None:
    assert refused(b"x", "jpeg").reason == "jpeg is no text format: expected one of txt, md, html, json, jsonl"


def test_a_mapped_file_decodes_like_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("红铃".encode("gb18030"))
    with (tmp_path / "a.txt").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        (outcome,) = build(TextDecode())([Item("a", Media(mapped, "txt"))])

    assert isinstance(outcome, Item)
    assert outcome.payload == "红铃"


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["txt", "md", "html", "json", "jsonl"]))
def test_any_bytes_have_an_outcome(content: bytes, format_: str) -> None:
    assert isinstance(outcome_of(content, format_), Item | Rejected)


@given(st.text(min_size=1).filter(lambda text: "\0" not in text and "\ufeff" not in text))
def test_utf8_is_never_taken_for_anything_else(text: str) -> None:
    assert decoded(text.encode()) == text


@given(st.text())
def test_what_json_carries_comes_out_as_it_went_in(text: str) -> None:
    assert decoded(json.dumps({"text": text}).encode(), "json") == text
