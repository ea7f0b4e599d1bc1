"""Modality, segment, and undecoded bytes: inline, as text, or as a reference to where they lie.

``Media.format`` passes as it was said: whether it is right is for who looks at the content (``samples``, the stage
server). Plain text travels as ``text``, which nobody then takes for HTML or JSON because it looks like it.
"""

from __future__ import annotations

import math
import re

from mmpipe.adapters.wire.errors import WireError, checked_text, shown, within
from mmpipe.records import Media, Modality, Reference, Segment
from mmpipe.stages.formats import CATALOGUE
from mmpipe.v1 import media_pb2

OBJECT = "object:"
"""How the URI of bytes in the pipeline's own object store begins; their SHA-256 follows."""

PLAIN_TEXT = "txt"

_MODALITIES = {
    Modality.TEXT: media_pb2.MODALITY_TEXT,
    Modality.IMAGE: media_pb2.MODALITY_IMAGE,
    Modality.AUDIO: media_pb2.MODALITY_AUDIO,
    Modality.VIDEO: media_pb2.MODALITY_VIDEO,
    Modality.DEPTH: media_pb2.MODALITY_DEPTH,
}
_BY_NUMBER = {int(number): modality for modality, number in _MODALITIES.items()}
_SHA256 = re.compile(r"[0-9a-f]{64}")


def encode_modality(modality: Modality | None) -> media_pb2.Modality.ValueType:
    """A modality; None (not recognised) is unspecified."""
    return media_pb2.MODALITY_UNSPECIFIED if modality is None else _MODALITIES[modality]


def decode_modality(number: int, field: str) -> Modality:
    """A modality that must be said."""
    modality = _BY_NUMBER.get(number)
    if modality is None:
        raise WireError(field, str(number), "MODALITY_TEXT to MODALITY_DEPTH", "name the modality")
    return modality


def encode_segment(segment: Segment) -> media_pb2.Segment:
    """A stretch in seconds."""
    return media_pb2.Segment(start_s=segment.start_s, end_s=segment.end_s)


def decode_segment(message: media_pb2.Segment, field: str = "segment") -> Segment:
    """A stretch of some length that does not begin before the beginning."""
    if not 0 <= message.start_s < message.end_s < math.inf:
        found = f"{message.start_s} to {message.end_s} s"
        raise WireError(field, found, "0 <= start_s < end_s", "take segments from Segment, or leave it out")
    return Segment(message.start_s, message.end_s)


def encode_media(media: Media) -> media_pb2.Media:
    """Media by reference where they have one, else with all their bytes."""
    segment = encode_segment(media.segment) if media.segment else None
    if media.reference:
        return media_pb2.Media(reference=_encode_reference(media.reference), format=media.format, segment=segment)
    content = bytes(media.content)
    text = _as_text(content) if media.format == PLAIN_TEXT else None
    if text is not None:
        return media_pb2.Media(text=text, format=media.format, segment=segment)
    return media_pb2.Media(content=content, format=media.format, segment=segment)


def decode_media(message: media_pb2.Media, field: str) -> Media:
    """Media as they were sent; a text becomes its UTF-8 bytes and is plain text unless ``format`` says more."""
    segment = decode_segment(message.segment, within(field, "segment")) if message.HasField("segment") else None
    match message.WhichOneof("source"):
        case "content":
            return Media(message.content, message.format, segment)
        case "text":
            return Media(message.text.encode(), _text_format(message.format, within(field, "format")), segment)
        case "reference":
            reference = _decode_reference(message.reference, within(field, "reference"))
            return Media(b"", message.format, segment, reference)
    raise WireError(field, "neither content, text nor reference", "one of them", "say where the bytes are")


def _as_text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None  # plain text in another encoding travels as bytes


def _text_format(said: str, field: str) -> str:
    row = CATALOGUE.get(said or PLAIN_TEXT)
    if row is None or Modality.TEXT not in row.media_types:
        expected = ", ".join(name for name, row in CATALOGUE.items() if Modality.TEXT in row.media_types)
        raise WireError(field, shown(said), f"one of {expected}", "send other media as content")
    return row.name


def _encode_reference(reference: Reference) -> media_pb2.Reference:
    return media_pb2.Reference(uri=reference.uri, sha256=reference.sha256, size_bytes=reference.size_bytes)


def _decode_reference(message: media_pb2.Reference, field: str) -> Reference:
    """A reference; that of the pipeline's own store names the digest twice, and may leave out the second."""
    uri = checked_text(message.uri, within(field, "uri"))
    own = uri.removeprefix(OBJECT) if uri.startswith(OBJECT) else ""
    sha256 = message.sha256 or own
    if (uri.startswith(OBJECT) or sha256) and not _SHA256.fullmatch(sha256):
        raise WireError(within(field, "sha256"), shown(sha256), "64 lower-case hexadecimal digits", "send the digest")
    if own and own != sha256:
        raise WireError(within(field, "sha256"), sha256, f"that of the URI, {shown(own)}", "send the same digest twice")
    return Reference(uri, sha256, message.size_bytes)
