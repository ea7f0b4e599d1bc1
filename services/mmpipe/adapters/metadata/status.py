"""Where a sample is, from what the gateway accepted, what is stored and what was given up.

Up to three rows speak of a sample, and each says which acceptance it is about (``accepted_at``). The newest is right::

    stored, given up and accepted at the same time     its state: what is written is the truth
    given up                                           DEAD
    accepted, and neither of the others is as new      QUEUED

So a sample that was sent again is QUEUED until the newer one is written, whatever became of the older. A sample that
came without the gateway counts as accepted when it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table

from mmpipe.adapters.metadata.database import Database
from mmpipe.adapters.metadata.samples import SETTLED, State
from mmpipe.adapters.metadata.tables import acceptances, dead_letters, outcomes, quarantine, samples, segments
from mmpipe.records import Failed, Rejected, Segment


class Standing(StrEnum):
    """Where a sample is."""

    QUEUED = "queued"
    PENDING = "pending"
    STORED = "stored"
    QUARANTINED = "quarantined"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What became of one part or segment: a vector under ``row_id``, a verdict, or a fault."""

    modality: str | None
    uri: str
    segment: Segment | None
    row_id: str = ""
    rejected: Rejected | None = None
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class SampleStatus:
    """What is known about a sample; about its parts only once it is written. ``reason`` says why it is dead."""

    sample_id: str
    state: Standing
    accepted_at: datetime | None
    written_at: datetime | None = None
    parts: tuple[PartStatus, ...] = ()
    weights: Mapping[str, float] | None = None
    missing: tuple[str, ...] = ()
    alignment_confidence: float | None = None
    degraded: tuple[str, ...] = ()
    reason: str = ""


def statuses(database: Database, connection: Connection, ids: Iterable[str]) -> dict[str, SampleStatus]:
    """Where each sample is; those never accepted nor stored are absent."""
    asked = list(ids)
    accepted = _by_sample(database, connection, asked, acceptances)
    stored = _by_sample(database, connection, asked, samples)
    letters = _by_sample(database, connection, asked, dead_letters)
    parts = _parts(database, connection, stored)
    return {
        id_: _status(id_, accepted.get(id_), stored.get(id_), letters.get(id_), parts.get(id_, ()))
        for id_ in asked
        if id_ in accepted or id_ in stored or id_ in letters
    }


def _status(sample_id: str, accepted: Any, stored: Any, letter: Any, parts: tuple[PartStatus, ...]) -> SampleStatus:  # noqa: ANN401  # rows of tables
    newest = max(at for at in (_moment(accepted), _moment(stored), _moment(letter)) if at is not None)
    accepted_at = accepted.accepted_at if accepted else None
    given_up = letter is not None and letter.redriven_at is None and letter.accepted_at == newest
    if stored is not None and _moment(stored) == newest and not (given_up and stored.state not in SETTLED):
        return _written(sample_id, stored.accepted_at or accepted_at, stored, parts)
    if given_up:
        return SampleStatus(sample_id, Standing.DEAD, letter.accepted_at, reason=letter.reason)
    return SampleStatus(sample_id, Standing.QUEUED, newest)


def _written(sample_id: str, accepted_at: datetime | None, row: Any, parts: tuple[PartStatus, ...]) -> SampleStatus:  # noqa: ANN401  # a row of samples
    failed = row.state == State.FAILED
    return SampleStatus(
        sample_id=sample_id,
        state=Standing.DEAD if failed else Standing(row.state),
        accepted_at=accepted_at,
        written_at=row.written_at,
        parts=parts,
        weights=row.weights,
        missing=tuple(row.missing),
        alignment_confidence=row.alignment_confidence,
        degraded=tuple(row.degraded),
        reason=next((part.failed.reason for part in parts if part.failed), "") if failed else "",
    )


def _moment(row: Any) -> datetime | None:  # noqa: ANN401  # a row of a table, or None
    """Which acceptance a row is about."""
    if row is None:
        return None
    moment: datetime | None = row.accepted_at
    return moment or row.written_at


def _by_sample(database: Database, connection: Connection, ids: Iterable[str], table: Table) -> dict[str, Any]:
    key = "id" if table is samples else "sample_id"
    # What is in an envelope does not matter here, and may be large.
    columns = (column for column in table.c if column.name not in ("pipeline", "envelope"))
    return {row._mapping[key]: row for row in database.about_in(connection, ids, *columns)}  # noqa: SLF001  # public, in spite of its name


def _parts(database: Database, connection: Connection, ids: Iterable[str]) -> dict[str, tuple[PartStatus, ...]]:
    """What became of the parts, in their order. An outcome names no row: it is the one of the same stretch."""
    asked = list(ids)
    columns = (outcomes.c[name] for name in ("sample_id", *_STRETCH, "position", "outcome", "stage", "reason"))
    rows = sorted(database.about_in(connection, asked, *columns), key=lambda row: int(row.position))
    wheres = (segments.c[name] for name in ("sample_id", *_STRETCH, "row_id"))
    row_ids = {tuple(row[:-1]): row.row_id for row in database.about_in(connection, asked, *wheres)}
    verdicts = _verdicts(database, connection, asked)
    found: dict[str, list[PartStatus]] = {}
    for row in rows:
        found.setdefault(row.sample_id, []).append(_part(row, row_ids, verdicts))
    return {id_: tuple(parts) for id_, parts in found.items()}


_STRETCH = ("modality", "uri", "start_s", "end_s")


def _verdicts(database: Database, connection: Connection, ids: Iterable[str]) -> dict[tuple[Any, ...], Rejected]:
    names = ("sample_id", "modality", "item_uri", "start_s", "end_s", "gate", "reason", "score", "threshold")
    rows = database.about_in(connection, ids, *(quarantine.c[name] for name in names))
    return {tuple(row[:5]): Rejected(*row[5:]) for row in rows}


def _part(row: Any, row_ids: Mapping[tuple[Any, ...], str], verdicts: Mapping[tuple[Any, ...], Rejected]) -> PartStatus:  # noqa: ANN401  # a row of outcomes
    where = tuple(row[:5])
    segment = None if row.start_s is None else Segment(row.start_s, row.end_s)
    at = (row.modality, row.uri, segment)
    match row.outcome:
        case "embedded":
            return PartStatus(*at, row_id=row_ids.get(where, ""))
        case "rejected":
            return PartStatus(*at, rejected=verdicts.get(where) or Rejected(row.stage, row.reason))
    return PartStatus(*at, failed=Failed(row.stage, row.reason))
