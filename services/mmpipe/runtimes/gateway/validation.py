"""What a submitted sample may look like: decided here, before it costs anything, with the field that is wrong.

Pure. The shape of each message is ``adapters.wire``'s; here stands what only the door asks: how many parts, which ids,
which places a reference may name. Whether the bytes of an own reference are there, ``acceptance`` asks the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mmpipe.adapters import wire
from mmpipe.adapters.wire.media import OBJECT
from mmpipe.records import Reference, Sample
from mmpipe.runtimes.gateway.faults import Refusal, bad_field
from mmpipe.runtimes.gateway.limits import too_large
from mmpipe.v1 import error_pb2, media_pb2, sample_pb2

MAX_PARTS = 64
MAX_ATTRIBUTES_BYTES = 64 * 1024
"""Milvus takes 65,536 bytes of JSON in one field (its documented limit)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sample that may come in, as it was sent and as a record.

    ``place`` is its path in the request; ``own`` are the pipeline's own objects that it refers to, each with its path.
    """

    message: sample_pb2.Sample
    sample: Sample
    place: str
    own: tuple[tuple[str, Reference], ...]


def checked(message: sample_pb2.Sample, schemes: Sequence[str], field: str = "sample") -> Checked:
    """The sample, where it is one. ``schemes`` are those of URIs that the services fetch.

    Raises Refusal BAD_FIELD, TOO_LARGE or REFERENCE_REFUSED, or WireError, each with the path of the field.
    """
    _check_id(message.id, f"{field}.id")
    _check_counts(message, field)
    sample = wire.decode_sample(message, field)
    return Checked(message, sample, field, tuple(_own(message, schemes, field)))


def checked_id(sample_id: str, field: str = "sample_id") -> str:
    """An id that names a sample. Raises Refusal BAD_FIELD."""
    if not sample_id:
        raise bad_field(field, "nothing", "the id of a sample", "fill it in")
    _check_id(sample_id, field)
    return sample_id


def _check_id(sample_id: str, field: str) -> None:
    if not sample_id.isprintable():
        raise bad_field(field, f"{sample_id[:60]!r}", "printable characters only", "choose another id")


def _check_counts(message: sample_pb2.Sample, field: str) -> None:
    if len(message.parts) > MAX_PARTS:
        expected, remedy = f"at most {MAX_PARTS}", "make several samples of it"
        raise bad_field(f"{field}.parts", f"{len(message.parts)} parts", expected, remedy)
    if (size_bytes := message.attributes.ByteSize()) > MAX_ATTRIBUTES_BYTES:
        expected, remedy = f"at most {MAX_ATTRIBUTES_BYTES:,} bytes", "leave out what nobody filters by"
        raise too_large(f"{field}.attributes", size_bytes, expected, remedy)


def _own(message: sample_pb2.Sample, schemes: Sequence[str], field: str) -> Iterator[tuple[str, Reference]]:
    """The references to the pipeline's own objects; others are held to the schemes."""
    for at, part in enumerate(message.parts):
        if part.media.WhichOneof("source") != "reference":
            continue
        place, reference = f"{field}.parts[{at}].media.reference", part.media.reference
        if not reference.uri.startswith(OBJECT):
            _check_scheme(reference.uri, schemes, f"{place}.uri")
        elif not reference.sha256:
            raise bad_field(f"{place}.sha256", "none", "that of the object", "take the reference that Upload answered")
        else:
            yield place, Reference(reference.uri, reference.sha256, reference.size_bytes)


def _check_scheme(uri: str, schemes: Sequence[str], field: str) -> None:
    scheme = _scheme(uri, field)
    if scheme not in schemes:
        expected = " or ".join((*schemes, "object"))
        remedy = "upload the medium, or allow the scheme in spec.source.references"
        message = f"{field}: found scheme {scheme or 'none'!r}; expected {expected}; {remedy}"
        raise Refusal(error_pb2.REASON_REFERENCE_REFUSED, message, field=field)


def _scheme(uri: str, field: str) -> str:
    try:
        return urlsplit(uri).scheme
    except ValueError as error:
        raise bad_field(field, f"{uri[:60]!r} ({error})", "a URI", "correct it") from error


def light(found: Checked) -> sample_pb2.Sample:
    """The same sample with every inline part said to be what it was recognised as: behind the queue nobody sees it.

    Raises Refusal BAD_FIELD for a part of no readable format: it would go to quarantine, but is too large to travel so.
    """
    for at, part in enumerate(found.message.parts):
        if part.media.WhichOneof("source") != "reference":
            part.modality = _recognised(part, f"{found.place}.parts[{at}]")
    return found.message


def _recognised(part: sample_pb2.Part, field: str) -> media_pb2.Modality.ValueType:
    alone = wire.decode_sample(sample_pb2.Sample(parts=[part]), field)
    if not alone.parts:
        (verdict,) = alone.unreadable.values()
        expected, remedy = "a format that mmpipe reads", "convert it"
        raise bad_field(f"{field}.media", f"that {verdict.reason}", expected, remedy)
    return wire.encode_modality(alone.parts[0].modality)
