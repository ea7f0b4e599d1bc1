"""A sample on its way through the queue, and the claim check that keeps it small.

Claim check (Hohpe and Woolf, "Enterprise Integration Patterns", 2003): media that would make a message large go to the
object store first, and the message names them. They lie where the sink would put them anyway, under their digest, so
this costs no second copy. Who reads a reference is ``adapters.fetch``; nothing here does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from mmpipe.v1 import media_pb2, sample_pb2

CLAIM_CHECK_BYTES = 256 * 1024
"""A sample that is larger than this on the wire leaves media behind: a quarter of what a message of NATS may hold."""
_REFERENCE_BYTES = 256
"""What a reference takes at most; smaller media stay, since moving them would gain nothing."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the gateway says about a sample it accepted; the fields are those of ``sample.proto``."""

    sample: sample_pb2.Sample
    accepted_at: datetime
    tenant: str = ""
    traceparent: str = ""
    redrives: int = 0
    ignore_gates: bool = False

    def to_bytes(self) -> bytes:
        """As a message of the queue."""
        message = sample_pb2.Envelope(
            sample=self.sample,
            tenant=self.tenant,
            traceparent=self.traceparent,
            redrives=self.redrives,
            ignore_gates=self.ignore_gates,
        )
        message.accepted_at.FromDatetime(self.accepted_at)
        return message.SerializeToString()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The other way. Raises google.protobuf.message.DecodeError for bytes that are no envelope."""
        message = sample_pb2.Envelope.FromString(content)
        return cls(
            sample=message.sample,
            accepted_at=message.accepted_at.ToDatetime(UTC),
            tenant=message.tenant,
            traceparent=message.traceparent,
            redrives=message.redrives,
            ignore_gates=message.ignore_gates,
        )


def claim_check(sample: sample_pb2.Sample, put: Callable[[bytes, str], object]) -> sample_pb2.Sample:
    """The sample with its largest media moved to the object store until the rest is small, or all are moved.

    ``put(content, sha256)`` keeps them (``Objects.put``). A small sample, and one that went through here before, is
    returned as it is. What is moved keeps its format and segment; the caller says before what it is
    (``Part.modality``), since nobody behind the queue sees the bytes without fetching them.
    """
    if sample.ByteSize() <= CLAIM_CHECK_BYTES:
        return sample
    light = sample_pb2.Sample()
    light.CopyFrom(sample)
    for media in sorted((part.media for part in light.parts), key=_inline_bytes, reverse=True):
        if light.ByteSize() <= CLAIM_CHECK_BYTES or _inline_bytes(media) <= _REFERENCE_BYTES:
            break
        _move(media, put)
    return light


def _inline_bytes(media: media_pb2.Media) -> int:
    return len(media.content) or len(media.text.encode())


def _move(media: media_pb2.Media, put: Callable[[bytes, str], object]) -> None:
    content = media.content or media.text.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    put(content, sha256)
    media.reference.CopyFrom(
        media_pb2.Reference(uri=f"object:{sha256}", sha256=sha256, size_bytes=len(content)),
    )
