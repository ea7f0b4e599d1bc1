"""The claim check: what is large goes to the object store, once, and what is small stays."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.adapters.queue import CLAIM_CHECK_BYTES, Envelope, claim_check
from mmpipe.v1 import media_pb2, sample_pb2

KIB = 1024


class Shelf(dict[str, bytes]):
    """An object store that knows what it was asked to keep."""

    def put(self, content: bytes, sha256: str) -> None:
        assert hashlib.sha256(content).hexdigest() == sha256
        self[sha256] = content


def a_sample(*contents: bytes) -> sample_pb2.Sample:
    sample = sample_pb2.Sample(id="a")
    for content in contents:
        media = media_pb2.Media(content=content, format="png")
        sample.parts.add(modality=media_pb2.MODALITY_IMAGE, media=media)
    return sample


def test_a_small_sample_is_returned_as_it_is() -> None:
    shelf = Shelf()
    sample = a_sample(b"x" * 100 * KIB, b"y" * 100 * KIB)
    assert claim_check(sample, shelf.put) is sample
    assert not shelf


def test_the_largest_media_go_first_and_no_more_than_need_be() -> None:
    shelf = Shelf()
    small, large, medium = (bytes([number]) * size * KIB for number, size in enumerate((80, 500, 150)))
    light = claim_check(a_sample(small, large, medium), shelf.put)
    assert list(shelf.values()) == [large]
    assert [part.media.WhichOneof("source") for part in light.parts] == ["content", "reference", "content"]


def test_what_was_moved_is_named_by_digest_and_size_and_keeps_the_rest() -> None:
    content = b"x" * 300 * KIB
    sample = a_sample(content)
    sample.parts[0].media.segment.end_s = 2.5
    [part] = claim_check(sample, Shelf().put).parts
    digest = hashlib.sha256(content).hexdigest()
    assert part.media.reference == media_pb2.Reference(uri=f"object:{digest}", sha256=digest, size_bytes=len(content))
    assert (part.modality, part.media.format, part.media.segment.end_s) == (sample.parts[0].modality, "png", 2.5)


def test_the_given_sample_is_left_alone() -> None:
    sample = a_sample(b"x" * 300 * KIB)
    claim_check(sample, Shelf().put)
    assert sample.parts[0].media.content


def test_a_long_text_is_kept_as_utf_8() -> None:
    shelf = Shelf()
    text = "über " * 100_000
    claim_check(sample_pb2.Sample(parts=[sample_pb2.Part(media=media_pb2.Media(text=text))]), shelf.put)
    assert list(shelf.values()) == [text.encode()]


def test_a_sample_of_nothing_but_references_stays_even_when_it_is_large() -> None:
    reference = media_pb2.Media(reference=media_pb2.Reference(uri="https://" + "x" * 300 * KIB))
    sample = sample_pb2.Sample(parts=[sample_pb2.Part(media=reference)])
    assert claim_check(sample, Shelf().put) == sample


@given(st.lists(st.integers(0, 400), max_size=6))
def test_no_byte_is_lost_twice_is_as_good_as_once_and_the_rest_is_small(sizes: list[int]) -> None:
    shelf = Shelf()
    contents = [bytes([number]) * size * KIB for number, size in enumerate(sizes)]
    light = claim_check(a_sample(*contents), shelf.put)
    found = [part.media.content or shelf.get(part.media.reference.sha256, b"") for part in light.parts]
    assert found == contents
    assert light.ByteSize() <= CLAIM_CHECK_BYTES
    assert claim_check(light, shelf.put) is light


def test_an_envelope_of_garbage_is_an_error_of_decoding() -> None:
    with pytest.raises(DecodeError):
        Envelope.from_bytes(b"\xff\xff")


def test_an_envelope_keeps_its_time_to_the_microsecond() -> None:
    accepted_at = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    assert Envelope.from_bytes(Envelope(a_sample(), accepted_at).to_bytes()).accepted_at == accepted_at
