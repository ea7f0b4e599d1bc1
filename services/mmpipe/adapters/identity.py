"""What makes a sample the same sample and a row the same row: digests, nothing else.

Row ids are what makes writing twice harmless: a rerun computes the same ids and overwrites its own rows. They are 128
bits of SHA-256, so that two of 10^12 rows collide with probability 10^-15 (birthday bound n^2 / 2^129).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap

from mmpipe.adapters.plain import plain
from mmpipe.records import Media, Sample, Segment

FUSED = "fused"
"""The modality of the one row that stands for the whole sample."""


def sha256_of(content: bytes | mmap) -> str:
    """The SHA-256 of media bytes in hexadecimal: their name in the object store. Releases the GIL."""
    return hashlib.sha256(content).hexdigest()


def row_id(pipeline: str, sample_id: str, modality: str, segment: Segment | None, repeat: int = 0) -> str:
    """32 hexadecimal digits for (pipeline, sample, modality, segment), equal on every machine and in every run.

    ``repeat`` counts the vectors of one sample that share all four (two pictures in one sample), in their order; the
    first has none, so that adding a second doesn't rename it.
    """
    stretch = f"{segment.start_s!r} {segment.end_s!r}" if segment else ""
    # Only the last piece may hold any character, so no two keys are written alike.
    key = "\0".join((pipeline, modality, stretch, str(repeat or ""), sample_id))
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Digests:
    """The SHA-256 of each part of a sample, and one over all that the sample says."""

    parts: tuple[str, ...]
    content: str


def digests_of(sample: Sample) -> Digests:
    """Read all the bytes of a sample. Releases the GIL where they are many."""
    sha256s = tuple(_sha256_of_part(part.media) for part in sample.parts)
    return Digests(sha256s, content_digest(sample, sha256s))


def _sha256_of_part(media: Media) -> str:
    """That of the bytes, wherever they lie; what is referred to must have been read by somebody."""
    if media.reference is None:
        return sha256_of(media.content)
    assert media.reference.sha256, media.reference.uri  # noqa: S101  # the worker reads what nobody has
    return media.reference.sha256


def content_digest(sample: Sample, sha256s: Sequence[str]) -> str:
    """What a sample says, wherever it came from: modalities, bytes, stretches, attributes, what was unreadable.

    ``sha256s`` are those of its parts, in their order. URIs are left out: a moved file is the same sample.
    """
    parts = [
        [part.modality, sha256, _stretch(part.media.segment)]
        for part, sha256 in zip(sample.parts, sha256s, strict=True)
    ]
    unreadable = sorted(f"{verdict.gate} {verdict.reason}" for verdict in sample.unreadable.values())
    text = json.dumps([parts, plain(sample.attributes), unreadable], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(content: str, recipe: str, variant: str = "") -> str:
    """Equal exactly when storing again would store the same: the same content through the same ``recipe``.

    ``recipe`` is a digest of spec, code version and model digests; ``variant`` names what else was done differently
    with this one sample. What has this fingerprint needs no second pass.
    """
    text = f"{content} {recipe} {variant}" if variant else f"{content} {recipe}"
    return hashlib.sha256(text.encode()).hexdigest()


def _stretch(segment: Segment | None) -> list[float] | None:
    return [segment.start_s, segment.end_s] if segment else None
