"""Samples from the wire: content decides what a part is, and what the sender said only helps where content cannot."""

from __future__ import annotations

import pytest

from mmpipe.adapters import wire
from mmpipe.adapters.wire import WireError
from mmpipe.adapters.wire.samples import MAX_ID_BYTES
from mmpipe.records import Modality, Sample
from mmpipe.v1 import media_pb2, sample_pb2

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
OBJECT = media_pb2.Reference(uri=f"object:{'ab' * 32}")


def decoded(*parts: sample_pb2.Part, **fields: object) -> Sample:
    return wire.decode_sample(sample_pb2.Sample(parts=parts, **fields))  # type: ignore[arg-type]


def a_part(content: bytes, said: str = "", **fields: object) -> sample_pb2.Part:
    return sample_pb2.Part(media=media_pb2.Media(content=content, format=said), **fields)  # type: ignore[arg-type]


def test_a_part_is_recognised_from_its_content() -> None:
    (part,) = decoded(a_part(JPEG)).parts
    assert (part.modality, part.media.format, part.uri, part.facts) == (Modality.IMAGE, "jpeg", "sample:0", {})


def test_a_format_that_the_content_contradicts_is_a_fact() -> None:
    (part,) = decoded(a_part(JPEG, "png", uri="mem:/a")).parts
    assert part.media.format == "jpeg"
    assert part.facts["mismatch"] == "a.png is named .png, but its content is jpeg"


def test_a_format_that_nobody_knows_is_a_fact_too() -> None:
    (part,) = decoded(a_part(JPEG, "jpeg2", uri="mem:/a")).parts
    assert part.facts["mismatch"] == "the content is said to be 'jpeg2', but is jpeg"


def test_the_format_that_was_said_chooses_among_flavours_of_text() -> None:
    (part,) = decoded(a_part(b"# A bell", "md")).parts
    assert part.media.format == "md"


def test_the_name_of_the_file_is_a_hint() -> None:
    (part,) = decoded(a_part(b"# A bell", uri="file:///data/read%20me.md?v=1")).parts
    assert part.media.format == "md"


def test_text_is_plain_text_whatever_it_looks_like() -> None:
    (part,) = decoded(sample_pb2.Part(media=media_pb2.Media(text="<html>no page</html>"))).parts
    assert (part.modality, part.media.format, part.media.content) == (Modality.TEXT, "txt", b"<html>no page</html>")


def test_an_unknown_format_becomes_unreadable_and_fails_no_other_part() -> None:
    sample = decoded(a_part(b"\x00\x01junk", uri="mem:/junk"), a_part(JPEG))
    assert [part.uri for part in sample.parts] == ["sample:1"]
    assert sample.unreadable["mem:/junk"].gate == "input.format"


def test_a_part_that_is_not_what_it_is_declared_as_becomes_unreadable() -> None:
    sample = decoded(a_part(JPEG, modality=media_pb2.MODALITY_AUDIO))
    assert "declared as audio" in sample.unreadable["sample:0"].reason


def test_a_format_of_one_modality_names_it_where_the_bytes_lie_elsewhere() -> None:
    (part,) = decoded(sample_pb2.Part(media=media_pb2.Media(reference=OBJECT, format="jpeg"))).parts
    assert (part.modality, part.uri) == (Modality.IMAGE, OBJECT.uri)
    assert part.media.reference is not None
    assert part.media.reference.sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (sample_pb2.Part(media=media_pb2.Media(reference=OBJECT)), "modality"),
        (
            sample_pb2.Part(media=media_pb2.Media(reference=OBJECT, format="jpeg"), modality=media_pb2.MODALITY_AUDIO),
            "modality",
        ),
        (sample_pb2.Part(media=media_pb2.Media(text="x"), modality=media_pb2.MODALITY_IMAGE), "modality"),
        (sample_pb2.Part(), "media"),
    ],
    ids=["no modality", "a contradiction", "text that is a picture", "nothing"],
)
def test_a_part_that_cannot_be_meant_names_its_field(part: sample_pb2.Part, field: str) -> None:
    with pytest.raises(WireError) as raised:
        wire.decode_sample(sample_pb2.Sample(parts=[a_part(JPEG), part]), "samples[2]")
    assert raised.value.field == f"samples[2].parts[1].{field}"


@pytest.mark.parametrize("sample_id", ["x" * (MAX_ID_BYTES + 1), "é" * MAX_ID_BYTES, "a\0b"], ids=len)
def test_an_id_that_no_store_takes_is_refused(sample_id: str) -> None:
    with pytest.raises(WireError, match="id: found"):
        decoded(a_part(JPEG), id=sample_id)


def test_whole_numbers_of_attributes_are_integers() -> None:
    message = sample_pb2.Sample(parts=[a_part(JPEG)])
    message.attributes.update({"n": 3, "x": 2.5, "deep": {"list": [1, None, True]}})
    attributes = wire.decode_sample(message).attributes
    assert attributes == {"n": 3, "x": 2.5, "deep": {"list": [1, None, True]}}
    assert isinstance(attributes["n"], int)


def test_an_integer_that_no_double_holds_travels_as_text() -> None:
    sample = Sample("", decoded(a_part(JPEG)).parts, {"id": 2**63 - 1})
    assert wire.decode_sample(wire.encode_sample(sample)).attributes == {"id": "9223372036854775807"}
