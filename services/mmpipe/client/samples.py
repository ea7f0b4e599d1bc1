"""What a caller may hand in as a sample, and which of its media are too large to travel inside it.

The same mappings as :func:`mmpipe.runtimes.samples.as_sample` takes, with two differences. Nothing is recognised here:
the pipeline looks at the content, and what it does not know ends up in its quarantine instead of an exception. And a
sample without an id gets none: the gateway derives one from the content, where a number would name another sample in
every program that counts from 0.
"""

from __future__ import annotations

import dataclasses
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from mmpipe.adapters.arrays import encoded
from mmpipe.adapters.inputs import InputError
from mmpipe.records import Media, Modality, Part, Reference, Sample

INLINE_BYTES = 512 * 1024
"""Larger media are uploaded first: five parts of this size fit into a call beside their attributes."""
SAMPLE_BYTES = 5 * INLINE_BYTES
"""Most bytes of media inside one sample: the gateway takes 3 MiB by default, attributes and facts included."""

type PartValue = str | Path | bytes | Reference | NDArray[Any]
type SampleLike = Sample | Mapping[str, Any]


class QueryMedia(TypedDict, total=False):
    """The parts of a query beside its text."""

    image: PartValue | None
    audio: PartValue | None
    video: PartValue | None
    depth: PartValue | None


def sample_of(value: SampleLike) -> Sample:
    """A sample from a mapping such as ``{"id": "a", "text": "a red bell", "image": "bell.jpg"}``, or as it is.

    Keys are the modalities, ``id`` and ``attributes``. Raises InputError naming the key, what was found and what is
    expected, and for a file that cannot be read.
    """
    if isinstance(value, Sample):
        return value
    sample_id = str(value.get("id", ""))
    named = {key: part for key, part in value.items() if key not in {"id", "attributes"}}
    parts = tuple(part_of(_modality(key, sample_id), part) for key, part in named.items())
    return Sample(sample_id, parts, dict(value.get("attributes", {})))


def part_of(modality: Modality, value: PartValue) -> Part:
    """One part from a path, bytes, an array, a reference or (for text) the text itself. Raises InputError."""
    match value:
        case Reference():
            return Part(modality, Media(b"", "", reference=value), value.uri)
        case str() if modality == Modality.TEXT:
            return Part(modality, Media(value.encode(), "txt"), "")
        case str() | Path():
            path = Path(value)
            return Part(modality, Media(content_of(path), ""), path.absolute().as_uri(), {"name": path.name})
        case bytes():
            return Part(modality, Media(value, ""), "")
    return Part(modality, Media(encoded(modality, np.asarray(value), f"the array of {modality}"), ""), "")


def content_of(path: Path) -> bytes | mmap.mmap:
    """A file's bytes: read where they are few, mapped where they will be uploaded. Raises InputError."""
    try:
        with path.open("rb") as stream:
            if path.stat().st_size <= INLINE_BYTES:
                return stream.read()
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(str(path), str(error.strerror), "a readable file", "give the path of one") from error


def to_upload(sample: Sample, inline_bytes: int = INLINE_BYTES) -> list[int]:
    """Positions of the parts that are uploaded first: the larger ones, and more of them where all are too much."""
    sizes = {at: len(part.media.content) for at, part in enumerate(sample.parts)}
    chosen = [at for at, size in sizes.items() if size > inline_bytes]
    inline = sorted((at for at in sizes if at not in chosen), key=sizes.__getitem__)
    while sum(sizes[at] for at in inline) > SAMPLE_BYTES:
        chosen.append(inline.pop())
    return sorted(chosen)


def inline_size(sample: Sample) -> int:
    """Bytes that a sample holds in memory; what is mapped from a file is none of ours."""
    return sum(len(part.media.content) for part in sample.parts if isinstance(part.media.content, bytes))


def with_references(sample: Sample, references: Mapping[int, Reference]) -> Sample:
    """The sample with references in place of the bytes at these positions."""
    parts = tuple(
        dataclasses.replace(part, media=dataclasses.replace(part.media, content=b"", reference=references[at]))
        if at in references
        else part
        for at, part in enumerate(sample.parts)
    )
    return dataclasses.replace(sample, parts=parts)


def _modality(key: str, sample_id: str) -> Modality:
    try:
        return Modality(key)
    except ValueError:
        known = ", ".join(["id", "attributes", *Modality])
        raise InputError(f"sample {sample_id!r}", f"key {key!r}", f"one of {known}", "rename the key") from None
