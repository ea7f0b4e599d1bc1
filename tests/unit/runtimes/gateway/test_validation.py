"""What is wrong with a submitted sample is said with its field, before anything is done."""

from __future__ import annotations

import pytest

from mmpipe.errors import MmpipeError
from mmpipe.runtimes.gateway.faults import fault_of
from mmpipe.runtimes.gateway.validation import MAX_ATTRIBUTES_BYTES, MAX_PARTS, checked, checked_id, light
from mmpipe.v1 import error_pb2, media_pb2, sample_pb2

DIGEST = "ab" * 32


def a_sample(*media: media_pb2.Media, sample_id: str = "a") -> sample_pb2.Sample:
    modality = media_pb2.MODALITY_TEXT
    return sample_pb2.Sample(id=sample_id, parts=[sample_pb2.Part(modality=modality, media=each) for each in media])


def text(value: str = "a red bell") -> media_pb2.Media:
    return media_pb2.Media(text=value)


def referring(uri: str, sha256: str = "") -> media_pb2.Media:
    return media_pb2.Media(reference=media_pb2.Reference(uri=uri, sha256=sha256))


WRONG = {
    "no part": (a_sample(), "sample.parts", error_pb2.REASON_BAD_FIELD),
    "too many parts": (a_sample(*[text()] * (MAX_PARTS + 1)), "sample.parts", error_pb2.REASON_BAD_FIELD),
    "an id of control characters": (a_sample(text(), sample_id="a\nb"), "sample.id", error_pb2.REASON_BAD_FIELD),
    "an id with NUL": (a_sample(text(), sample_id="a\0"), "sample.id", error_pb2.REASON_BAD_FIELD),
    "an id that is too long": (a_sample(text(), sample_id="é" * 513), "sample.id", error_pb2.REASON_BAD_FIELD),
    "media without a source": (
        a_sample(text(), media_pb2.Media(format="jpeg")),
        "sample.parts[1].media",
        error_pb2.REASON_BAD_FIELD,
    ),
    "an own object without a digest": (
        a_sample(referring(f"object:{DIGEST}")),
        "sample.parts[0].media.reference.sha256",
        error_pb2.REASON_BAD_FIELD,
    ),
    "a scheme that is not fetched": (
        a_sample(text(), referring("ftp://host/a.txt")),
        "sample.parts[1].media.reference.uri",
        error_pb2.REASON_REFERENCE_REFUSED,
    ),
    "a path of this machine": (
        a_sample(referring("/etc/passwd")),
        "sample.parts[0].media.reference.uri",
        error_pb2.REASON_REFERENCE_REFUSED,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_meant_is_refused_with_its_field(case: str) -> None:
    sample, field, reason = WRONG[case]

    with pytest.raises(MmpipeError, match=r"found .*; expected ") as refused:
        checked(sample, ["https"])

    fault = fault_of(refused.value)
    assert (fault.field, fault.reason) == (field, reason)


def test_attributes_that_milvus_would_not_take_are_refused() -> None:
    sample = a_sample(text())
    sample.attributes["note"] = "x" * MAX_ATTRIBUTES_BYTES

    with pytest.raises(MmpipeError) as refused:
        checked(sample, ["https"])

    assert fault_of(refused.value).reason == error_pb2.REASON_TOO_LARGE


def test_fields_are_named_from_where_the_sample_stands() -> None:
    with pytest.raises(MmpipeError, match=r"^samples\[3\]\.parts\[0\]\.media"):
        checked(a_sample(media_pb2.Media()), ["https"], "samples[3]")


def test_a_proper_sample_passes_and_names_its_own_objects() -> None:
    found = checked(a_sample(text(), referring(f"object:{DIGEST}", DIGEST), referring("https://host/a")), ["https"])

    assert [(place, own.sha256) for place, own in found.own] == [("sample.parts[1].media.reference", DIGEST)]
    assert len(found.sample.parts) == 3


def test_bytes_of_no_known_format_may_come_in_and_are_the_workers_to_quarantine() -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(media=media_pb2.Media(content=b"\x00\x01\x02\xff" * 8))])

    found = checked(sample, ["https"])

    assert found.sample.parts == ()
    assert len(found.sample.unreadable) == 1


def test_a_sample_whose_media_move_says_what_they_are(picture: bytes) -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(media=media_pb2.Media(content=picture))])

    moved = light(checked(sample, ["https"]))

    assert moved.parts[0].modality == media_pb2.MODALITY_IMAGE


def test_a_sample_whose_media_would_move_and_are_nothing_known_is_refused() -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(media=media_pb2.Media(content=b"\x00\x01\x02\xff" * 8))])

    with pytest.raises(MmpipeError, match=r"^sample\.parts\[0\]\.media: found .* begins with the bytes"):
        light(checked(sample, ["https"]))


def test_an_id_that_is_asked_for_must_be_one() -> None:
    assert checked_id("a/b c") == "a/b c"
    for wrong in ("", "a\tb"):
        with pytest.raises(MmpipeError):
            checked_id(wrong)


def test_a_reference_that_is_no_uri_is_refused_by_its_field() -> None:
    with pytest.raises(MmpipeError, match=r"^sample\.parts\[0\]\.media\.reference\.uri: found 'https://\[::1'"):
        checked(a_sample(referring("https://[::1")), ["https"])
