"""What people and search results ask of the metadata: the parts of samples, how they were fused, what was rejected.

Reading only. ``store`` writes, and answers what the sink asks while it writes; this module never takes part in a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any, Self

from sqlalchemy import Select, select

from mmpipe.adapters.errors import public_uri
from mmpipe.adapters.metadata.engine import connect, faults_named
from mmpipe.adapters.metadata.schema import bring_up_to_date
from mmpipe.adapters.metadata.tables import parts, quarantine, samples
from mmpipe.adapters.patience import patiently
from mmpipe.adapters.plain import Json
from mmpipe.records import Segment

_IDS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of a stored sample. ``object_uri`` is empty where the original was not kept."""

    sample_id: str
    modality: str
    format: str
    uri: str
    sha256: str
    object_uri: str
    bytes: int
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StoredSample:
    """How a stored sample was fused: the weight of each modality, what was missing, how well they agree."""

    id: str
    attributes: Mapping[str, Json]
    weights: Mapping[str, float]
    missing: tuple[str, ...]
    alignment_confidence: float | None
    quality: float | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One item that a gate rejected, with what a person needs to judge it."""

    sample_id: str
    modality: str | None
    uri: str
    object_uri: str
    segment: Segment | None
    gate: str
    reason: str
    score: float | None
    threshold: float | None


class MetadataReader:
    """Questions about one pipeline's samples. Safe for threads. Raises StoreError."""

    def __init__(self, uri: str, pipeline: str, password: str = "") -> None:
        """Open the database."""
        self._pipeline = pipeline
        self._name = public_uri(uri)
        self._engine = connect(uri, password)
        patiently(lambda: bring_up_to_date(self._engine, self._name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def parts(self, sample_ids: Iterable[str]) -> dict[str, list[StoredPart]]:
        """The parts of each sample, in the order they came in."""
        found: dict[str, list[StoredPart]] = {id_: [] for id_ in sample_ids}
        columns = ("sample_id", "modality", "format", "uri", "sha256", "object_uri", "bytes", "facts")
        wanted = (
            select(*(parts.c[name] for name in columns))
            .where(parts.c.pipeline == self._pipeline)
            .order_by(parts.c.sample_id, parts.c.position)
        )
        for some in batched(found, _IDS_AT_ONCE):
            for row in self._rows(wanted.where(parts.c.sample_id.in_(some))):
                found[row.sample_id].append(StoredPart(*row))
        return found

    def samples(self, sample_ids: Iterable[str]) -> dict[str, StoredSample]:
        """What is known of each sample; those never seen are absent."""
        columns = ("id", "attributes", "weights", "missing", "alignment_confidence", "quality")
        wanted = select(*(samples.c[name] for name in columns)).where(samples.c.pipeline == self._pipeline)
        groups = batched(sample_ids, _IDS_AT_ONCE)
        rows = [row for some in groups for row in self._rows(wanted.where(samples.c.id.in_(some)))]
        return {row.id: _stored_sample(row) for row in rows}

    def quarantined(self, *, gate: str = "", limit: int = 100) -> list[Quarantined]:
        """What gates rejected, by sample; only those whose gate starts with ``gate``."""
        wanted = (
            select(quarantine)
            .where(quarantine.c.pipeline == self._pipeline, quarantine.c.gate.startswith(gate, autoescape=True))
            .order_by(quarantine.c.sample_id, quarantine.c.position)
            .limit(limit)
        )
        return [_quarantined(row) for row in self._rows(wanted)]

    def _rows(self, statement: Select[Any]) -> list[Any]:
        def once() -> list[Any]:
            with faults_named(self._name), self._engine.begin() as connection:
                return list(connection.execute(statement).all())

        return patiently(once)


def _stored_sample(row: Any) -> StoredSample:  # noqa: ANN401  # a row of the table
    return StoredSample(
        id=row.id,
        attributes=row.attributes,
        weights=row.weights,
        missing=tuple(row.missing),
        alignment_confidence=row.alignment_confidence,
        quality=row.quality,
    )


def _quarantined(row: Any) -> Quarantined:  # noqa: ANN401  # a row of the table
    return Quarantined(
        sample_id=row.sample_id,
        modality=row.modality,
        uri=row.item_uri,
        object_uri=row.object_uri,
        segment=None if row.start_s is None else Segment(row.start_s, row.end_s),
        gate=row.gate,
        reason=row.reason,
        score=row.score,
        threshold=row.threshold,
    )
