"""The id of a sample that came without one, and what tells one submission from another.

Pure, and stable: equal on every machine, in every run and in every language that sends the same. Two samples have one
derived id exactly when they say the same: modalities, bytes, stretches and attributes. URIs and facts are left out, and
bytes count the same whether they came inline or as a reference with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json

from mmpipe.adapters.plain import plain
from mmpipe.records import Sample
from mmpipe.v1 import media_pb2, sample_pb2

_DIGITS = 32
"""128 bits: two of 10^12 samples collide with probability 10^-15 (birthday bound n^2 / 2^129)."""


def content_of(message: sample_pb2.Sample, sample: Sample) -> str:
    """A digest in hexadecimal of what a sample says; ``sample`` is the same, decoded."""
    parts = [[_modality(part), _digest(part.media), _stretch(part.media)] for part in message.parts]
    text = json.dumps([parts, plain(sample.attributes)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def derived_id(content: str) -> str:
    """The id of a sample of this content."""
    return f"sha256-{content[:_DIGITS]}"


def submission(sample_id: str, content: str, occasion: str = "") -> str:
    """What the queue knows duplicates by: the same sample with the same content, on the same ``occasion``.

    Submitting is one occasion; each redrive and each release is one of its own.
    """
    text = f"{occasion}\0{content}\0{sample_id}"
    return hashlib.sha256(text.encode()).hexdigest()


def _modality(part: sample_pb2.Part) -> str:
    """As it was said: what recognition makes of it may change with a release."""
    return media_pb2.Modality.Name(part.modality)


def _digest(media: media_pb2.Media) -> str:
    match media.WhichOneof("source"):
        case "content":
            return hashlib.sha256(media.content).hexdigest()
        case "text":
            return hashlib.sha256(media.text.encode()).hexdigest()
    return media.reference.sha256 or media.reference.uri


def _stretch(media: media_pb2.Media) -> list[float] | None:
    return [media.segment.start_s, media.segment.end_s] if media.HasField("segment") else None
