"""Fakes and builders for tests: of this repository, and of whoever writes a stage, a runtime or a store.

The fakes keep the contracts of the real things: ``tests/contract`` asks both the same questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmpipe.adapters.vectors import VectorHit, VectorRow
from mmpipe.records import (
    Attributes,
    Embedded,
    Embedding,
    Floats,
    Fusion,
    Item,
    Media,
    Modality,
    Part,
    Rejected,
    Result,
    Sample,
)

DIMENSION = 8
MODEL = "test@0"


class Crash(BaseException):  # stands for the end of a process, which no handler sees
    """Raised by :class:`Crashing`; a BaseException, so that nothing between it and the test may catch it."""


class Crashing:
    """Any object, but the process dies in one of its methods: before it acts, or when it has acted."""

    def __init__(self, real: object, method: str, *, acted: bool) -> None:
        self._real, self._method, self._acted = real, method, acted

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._real, name)
        return self._dying if name == self._method else attribute

    def _dying(self, *args: object) -> None:
        if self._acted:
            getattr(self._real, self._method)(*args)
        raise Crash(self._method)


@dataclass(slots=True)
class MemoryVectors:
    """A VectorStore in a dictionary. It knows no filter expressions."""

    rows: dict[str, VectorRow] = field(default_factory=dict)
    embedded: bool = True

    def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do: the rows stay for the next run."""

    def upsert(self, rows: Sequence[VectorRow]) -> None:
        """The last of two rows with one id wins."""
        self.rows |= {row.id: row for row in rows}

    def delete(self, ids: Sequence[str]) -> None:
        """Absent ids do not matter."""
        for id_ in ids:
            self.rows.pop(id_, None)

    def present(self, ids: Sequence[str]) -> set[str]:
        """Which of these are there."""
        return set(ids) & set(self.rows)

    def count(self) -> int:
        """All rows."""
        return len(self.rows)

    def search(self, vector: Floats, top: int, where: str = "", modalities: Sequence[str] = ()) -> list[VectorHit]:
        """The nearest rows by cosine similarity. Raises NotImplementedError for a filter expression."""
        if where:
            raise NotImplementedError("MemoryVectors knows no filter expressions; use Vectors over a folder")
        rows = [row for row in self.rows.values() if not modalities or row.modality in modalities]
        hits = [_hit(row, float(row.vector @ vector)) for row in rows]
        return sorted(hits, key=lambda hit: hit.score, reverse=True)[:top]


def vector_of(text: str, dimension: int = DIMENSION) -> Floats:
    """A vector that depends on ``text`` alone: float32 [dimension], L2-normalised."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def a_sample(sample_id: str, parts: Mapping[Modality, bytes], attributes: Attributes | None = None) -> Sample:
    """A sample with these bytes as its parts."""
    return Sample(
        sample_id,
        tuple(
            Part(modality, Media(content, "test"), f"file:///data/{sample_id}.{modality}")
            for modality, content in parts.items()
        ),
        attributes or {},
    )


def a_result(sample: Sample, rejected: Mapping[Modality, Rejected] | None = None) -> Result:
    """What a pipeline could say about ``sample``: a vector for each part not ``rejected``, and one for the whole.

    Vectors depend on the content of the parts, so that equal samples have equal results.
    """
    embedded = tuple(_embedded(part, (rejected or {}).get(part.modality)) for part in sample.parts)
    items = [part.outcome for part in embedded if isinstance(part.outcome, Item)]
    return Result(sample, embedded, _fusion(sample, items) if items else None, latency_ms=1.0)


def _embedded(part: Part, rejected: Rejected | None) -> Embedded:
    embedding = Embedding(vector_of(f"{part.modality} {bytes(part.media.content).hex()}"), MODEL)
    return Embedded(part.modality, part.uri, None, rejected or Item(part.uri, embedding))


def _fusion(sample: Sample, items: Sequence[Item[Embedding]]) -> Fusion:
    mean = np.mean([item.payload.vector for item in items], axis=0)
    weights = {part.modality: 1 / len(items) for part in sample.parts[: len(items)]}
    return Fusion(Embedding((mean / np.linalg.norm(mean)).astype(np.float32), MODEL), weights, (), 1.0, 1.0)


def _hit(row: VectorRow, score: float) -> VectorHit:
    return VectorHit(
        id=row.id,
        score=score,
        sample_id=row.sample_id,
        modality=row.modality,
        uri=row.uri,
        segment=row.segment,
        model=row.model,
        quality=row.quality,
        attributes=row.attributes,
    )
