"""Derived ids: equal for equal samples, whoever sends them and however their bytes travel."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.adapters import wire
from mmpipe.runtimes.gateway import naming
from mmpipe.v1 import media_pb2, sample_pb2


def named(sample: sample_pb2.Sample) -> str:
    return naming.derived_id(naming.content_of(sample, wire.decode_sample(sample)))


def a_sample(**media: object) -> sample_pb2.Sample:
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(**media))  # type: ignore[arg-type]  # one of its fields
    return sample_pb2.Sample(parts=[part])


def test_a_derived_id_is_the_digest_of_what_the_sample_says() -> None:
    digest = hashlib.sha256(b"a red bell").hexdigest()
    said = json.dumps([[["MODALITY_TEXT", digest, None]], {"year": 2024}], sort_keys=True)
    sample = a_sample(text="a red bell")
    sample.attributes["year"] = 2024

    assert named(sample) == "sha256-" + hashlib.sha256(said.encode()).hexdigest()[:32]


def test_bytes_have_one_name_inline_as_text_and_by_reference() -> None:
    digest = hashlib.sha256(b"a red bell").hexdigest()
    reference = media_pb2.Reference(uri=f"object:{digest}", sha256=digest)

    ids = {named(a_sample(**media)) for media in ({"text": "a red bell"}, {"content": b"a red bell"})}

    assert ids == {named(a_sample(reference=reference, format="txt"))}


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(-9, 9), min_size=1, max_size=6), st.randoms())
def test_the_order_of_attributes_does_not_matter(attributes: dict[str, int], random: object) -> None:
    names = list(attributes)
    random.shuffle(names)  # type: ignore[attr-defined]  # a random.Random
    one, other = a_sample(text="x"), a_sample(text="x")
    for name, value in attributes.items():
        one.attributes[name] = value
    for name in names:
        other.attributes[name] = attributes[name]

    assert named(one) == named(other)


@pytest.mark.parametrize("change", ["bytes", "attributes", "segment", "modality", "parts"])
def test_whatever_a_sample_says_is_in_its_id(change: str) -> None:
    sample = a_sample(text="x")
    match change:
        case "bytes":
            sample.parts[0].media.text = "y"
        case "attributes":
            sample.attributes["year"] = 2024
        case "segment":
            sample.parts[0].media.segment.end_s = 1.0
        case "modality":
            sample.parts[0].modality = media_pb2.MODALITY_UNSPECIFIED
        case _:
            sample.parts.add().CopyFrom(sample.parts[0])

    assert named(sample) != named(a_sample(text="x"))


def test_where_a_part_is_from_is_not_in_its_id() -> None:
    sample = a_sample(text="x")
    sample.parts[0].uri = "file:///elsewhere"

    assert named(sample) == named(a_sample(text="x"))


def test_occasions_and_contents_are_told_apart_for_the_queue() -> None:
    ids = {
        naming.submission("a", "content"),
        naming.submission("b", "content"),
        naming.submission("a", "other"),
        naming.submission("a", "content", "redrive 1"),
    }

    assert len(ids) == 4
