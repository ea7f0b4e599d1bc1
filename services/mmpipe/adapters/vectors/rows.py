"""What goes into a collection and what comes out, and the limits that one row has to keep.

Milvus refuses a whole batch for one row that doesn't fit, so a row is looked at before it joins (:func:`unfit_row`).
Sizes are in bytes of UTF-8, as Milvus counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mmpipe.adapters.plain import Json
from mmpipe.records import Floats, Segment

MAX_SAMPLE_ID_BYTES = 1_024
MAX_URI_BYTES = 8_192
MAX_MODEL_BYTES = 512
MAX_ATTRIBUTES_BYTES = 65_536
"""Milvus' limit of a JSON field."""

_NOWHERE = -1.0
"""``segment_start_s`` and ``segment_end_s`` of a row for a whole part: Milvus 2.3 has no null."""

_ROWS_PER_CALL = 1_000
_FLOATS_PER_CALL = 4 * 1024 * 1024
"""A thousand rows of 4,096 dimensions, 16 MiB: a quarter of the 64 MiB that a server takes in one message."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorRow:
    """One vector and what it is of. ``vector`` is float32 [dimension], L2-normalised; ``modality`` may be ``fused``."""

    id: str
    sample_id: str
    modality: str
    vector: Floats
    segment: Segment | None
    uri: str
    model: str
    quality: float
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A stored row near the query. ``score`` is the cosine similarity, 1 for the same direction."""

    id: str
    score: float
    sample_id: str
    modality: str
    uri: str
    segment: Segment | None
    model: str
    quality: float
    attributes: Mapping[str, Json]


class VectorStore(Protocol):
    """What the sink needs of vectors; ``mmpipe.testing.MemoryVectors`` is another."""

    @property
    def embedded(self) -> bool:
        """Whether the store lives in this process, so that nobody else can be writing to it."""
        ...

    def open(self) -> None:
        """Be ready, now rather than at the first question."""
        ...

    def upsert(self, rows: Sequence[VectorRow]) -> None:
        """Write rows, over those with the same id; of two in one batch the last wins."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Forget rows; those that aren't there don't matter."""
        ...

    def present(self, ids: Sequence[str]) -> set[str]:
        """Which of these are there."""
        ...

    def count(self) -> int:
        """How many rows there are."""
        ...

    def close(self) -> None:
        """Put everything on disk and let go."""
        ...


def unfit_sample(sample_id: str, attributes: Mapping[str, Json]) -> str | None:
    """Why Milvus would refuse every row of a sample, as a sentence; None when its id and attributes fit."""
    attributes_bytes = len(json.dumps(attributes, ensure_ascii=False).encode()) if attributes else 2
    return _excess("the sample's id", _bytes(sample_id), MAX_SAMPLE_ID_BYTES) or _excess(
        "the attributes as JSON", attributes_bytes, MAX_ATTRIBUTES_BYTES
    )


def unfit_row(row: VectorRow) -> str | None:
    """Why Milvus would refuse this row of a sample that fits, as a sentence; None when it fits."""
    if not math.isfinite(row.vector @ row.vector):
        return "the vector holds NaN or infinity"
    return _excess("the URI", _bytes(row.uri), MAX_URI_BYTES) or _excess(
        "the model's name", _bytes(row.model), MAX_MODEL_BYTES
    )


def calls(rows: Iterable[VectorRow]) -> Iterator[list[dict[str, Any]]]:
    """The rows as pymilvus takes them, each id once (the last wins), in groups that fit one message."""
    unique = list({row.id: row for row in rows}.values())
    if not unique:
        return
    size = max(1, min(_ROWS_PER_CALL, _FLOATS_PER_CALL // len(unique[0].vector)))
    for start in range(0, len(unique), size):
        yield [_entity(row) for row in unique[start : start + size]]


def hit(found: Mapping[str, Any]) -> VectorHit:
    """One of pymilvus' hits in our words."""
    entity = found["entity"]
    start, end = entity["segment_start_s"], entity["segment_end_s"]
    return VectorHit(
        id=str(found["id"]),
        score=float(found["distance"]),
        sample_id=entity["sample_id"],
        modality=entity["modality"],
        uri=entity["uri"],
        segment=None if start == _NOWHERE else Segment(start, end),
        model=entity["model"],
        quality=entity["quality"],
        attributes=entity["attributes"],
    )


def _entity(row: VectorRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "sample_id": row.sample_id,
        "modality": row.modality,
        "vector": row.vector,
        "segment_start_s": row.segment.start_s if row.segment else _NOWHERE,
        "segment_end_s": row.segment.end_s if row.segment else _NOWHERE,
        "uri": row.uri,
        "model": row.model,
        "quality": row.quality,
        "attributes": dict(row.attributes),
    }


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _excess(what: str, size: int, limit: int) -> str | None:
    return f"{what} takes {size} bytes, more than {limit}" if size > limit else None
