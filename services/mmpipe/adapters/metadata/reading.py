"""What people and search results ask of the metadata: the parts of samples, how they were fused, what was rejected.

Reading only. ``store`` writes, and answers what the sink asks while it writes; this module never takes part in a run.
Where a sample is, on its way or settled, is ``status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, and_, select

from mmpipe.adapters.metadata import pages, status
from mmpipe.adapters.metadata.database import Database
from mmpipe.adapters.metadata.tables import parts, quarantine, samples
from mmpipe.adapters.plain import Json
from mmpipe.records import Modality, Segment

_QUARANTINE_KEY = (quarantine.c.rejected_at, quarantine.c.sample_id, quarantine.c.position)


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
    segment: Segment | None = None


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
class StoredEnvelope:
    """A sample as it came in, its parts by where their originals lie: enough to send it once more."""

    sample_id: str
    attributes: Mapping[str, Json]
    parts: tuple[StoredPart, ...]


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
    facts: Mapping[str, Json]
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Items that fit all that is given."""

    sample_id: str = ""
    gate_prefix: str = ""
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Some items, newest first; ``next_token`` is empty on the last page."""

    items: tuple[Quarantined, ...]
    next_token: str


class MetadataReader:
    """Questions about one pipeline's samples. Safe for threads. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def parts(self, sample_ids: Iterable[str]) -> dict[str, list[StoredPart]]:
        """The parts of each sample, in the order they came in."""
        ids = list(sample_ids)
        return self._database.read(lambda connection: self._parts(connection, ids))

    def samples(self, sample_ids: Iterable[str]) -> dict[str, StoredSample]:
        """What is known of each sample; those never seen are absent."""
        names = ("id", "attributes", "weights", "missing", "alignment_confidence", "quality")
        rows = self._database.about(sample_ids, *(samples.c[name] for name in names))
        return {row.id: _stored_sample(row) for row in rows}

    def statuses(self, sample_ids: Iterable[str]) -> dict[str, status.SampleStatus]:
        """Where each sample is; those never accepted nor stored are absent."""
        ids = list(sample_ids)
        return self._database.read(lambda connection: status.statuses(self._database, connection, ids))

    def status(self, sample_id: str) -> status.SampleStatus | None:
        """Where a sample is; None where it was never accepted nor stored."""
        return self.statuses([sample_id]).get(sample_id)

    def envelope_of(self, sample_id: str) -> StoredEnvelope | None:
        """A stored or quarantined sample as it came in; None where it was never seen.

        Parts that were not recognised as anything are not among its parts, and their bytes are not kept.
        """

        def ask(connection: Connection) -> StoredEnvelope | None:
            columns = (samples.c.id, samples.c.attributes)
            (found,) = self._database.about_in(connection, [sample_id], *columns) or [None]
            of_it = self._parts(connection, [sample_id])[sample_id]
            return found and StoredEnvelope(sample_id, found.attributes, tuple(of_it))

        return self._database.read(ask)

    def quarantined(self, *, gate: str = "", limit: int = 100) -> list[Quarantined]:
        """What gates rejected, by sample; only those whose gate starts with ``gate``."""
        fits = self._fits(QuarantineFilter(gate_prefix=gate))
        ordered = select(quarantine).where(fits).order_by(quarantine.c.sample_id, quarantine.c.position).limit(limit)
        return [_quarantined(row) for row in self._database.read(lambda c: c.execute(ordered).all())]

    def quarantine_page(self, wanted: QuarantineFilter, size: int, token: str = "") -> QuarantinePage:
        """``size`` items after those of the page that gave ``token``. Raises TokenRefused."""
        further = self._fits(wanted)
        if token:
            further &= pages.after(_QUARANTINE_KEY, pages.key_of(token, str, int))
        statement = select(quarantine).where(further).order_by(*pages.newest_first(_QUARANTINE_KEY)).limit(size + 1)
        rows = self._database.read(lambda connection: connection.execute(statement).all())
        key = tuple(rows[size - 1]._mapping[column] for column in _QUARANTINE_KEY) if len(rows) > size else None  # noqa: SLF001  # public, in spite of its name
        return QuarantinePage(tuple(_quarantined(row) for row in rows[:size]), pages.token_of(key) if key else "")

    def _parts(self, connection: Connection, ids: Iterable[str]) -> dict[str, list[StoredPart]]:
        found: dict[str, list[StoredPart]] = {id_: [] for id_ in ids}
        rows = self._database.about_in(connection, found, *_PART_COLUMNS)
        for row in sorted(rows, key=lambda row: int(row.position)):
            found[row.sample_id].append(_stored_part(row))
        return found

    def _fits(self, wanted: QuarantineFilter) -> ColumnElement[bool]:
        conditions = [quarantine.c.gate.startswith(wanted.gate_prefix, autoescape=True)]
        if wanted.sample_id:
            conditions.append(quarantine.c.sample_id == wanted.sample_id)
        if wanted.modality is not None:
            conditions.append(quarantine.c.modality == wanted.modality)
        return and_(quarantine.c.pipeline == self._database.pipeline, *conditions)


_PART_COLUMNS = tuple(column for column in parts.c if column.name != "pipeline")


def _stored_part(row: Any) -> StoredPart:  # noqa: ANN401  # a row of the table
    return StoredPart(
        sample_id=row.sample_id,
        modality=row.modality,
        format=row.format,
        uri=row.uri,
        sha256=row.sha256,
        object_uri=row.object_uri,
        bytes=row.bytes,
        facts=row.facts,
        segment=_segment(row),
    )


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
        segment=_segment(row),
        gate=row.gate,
        reason=row.reason,
        score=row.score,
        threshold=row.threshold,
        facts=row.facts,
        rejected_at=row.rejected_at,
    )


def _segment(row: Any) -> Segment | None:  # noqa: ANN401  # a row of a table
    return None if row.start_s is None else Segment(row.start_s, row.end_s)
