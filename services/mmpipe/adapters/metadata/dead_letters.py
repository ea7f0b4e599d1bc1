"""Samples that were given up: each as it was in the queue, with what a person needs to decide on another try.

A letter that was put into the queue again (``redriven``) stays, so that it keeps when it was first seen, but is not
listed. If it fails again, ``put`` brings it back; once the sample is settled it goes, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, cast, delete, func, select, update

from mmpipe.adapters.metadata import claims, pages
from mmpipe.adapters.metadata.database import Database, Values
from mmpipe.adapters.metadata.tables import dead_letters
from mmpipe.adapters.plain import plain_text
from mmpipe.records import Modality

_KEY = (dead_letters.c.last_seen, dead_letters.c.sample_id)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A sample that was given up. ``envelope`` is what was in the queue, ``stage`` the dotted place that failed last.

    ``attempts`` counts deliveries since it was last put into the queue, ``redrives`` how often it was put there again.
    """

    sample_id: str
    envelope: bytes
    lane: str
    modalities: tuple[Modality, ...]
    stage: str
    reason: str
    attempts: int
    redrives: int
    trace_id: str
    accepted_at: datetime
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Letters that fit all that is given: seen last at ``since`` or after, and before ``until``."""

    sample_ids: tuple[str, ...] = ()
    stage_prefix: str = ""
    reason_contains: str = ""
    modality: Modality | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some letters, newest first; ``next_token`` is empty on the last page, ``total`` counts all that fit."""

    letters: tuple[DeadLetter, ...]
    next_token: str
    total: int


class DeadLetters:
    """The dead letters of one pipeline. Safe for threads. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, letter: DeadLetter) -> None:
        """Write a letter, over an older one of the same sample, which keeps when it was first seen.

        A sample that was forgotten since it was accepted gets none.
        """
        row = self._row(letter)

        def work(connection: Connection) -> None:
            if not claims.deleted(self._database, connection, {letter.sample_id: letter.accepted_at}):
                self._database.upsert(connection, dead_letters, [row], keeping={"first_seen"})

        self._database.transact(work)

    def page(self, wanted: LetterFilter, size: int, token: str = "") -> LetterPage:
        """``size`` letters after those of the page that gave ``token``. Raises TokenRefused."""
        fits = self._fits(wanted)
        further = fits & pages.after(_KEY, pages.key_of(token, str)) if token else fits
        statement = select(*_COLUMNS).where(further).order_by(*pages.newest_first(_KEY)).limit(size + 1)
        count = select(func.count()).select_from(dead_letters).where(fits)
        rows, total = self._database.read(lambda c: (c.execute(statement).all(), c.scalar(count)))
        letters = tuple(_letter(row) for row in rows[:size])
        last = letters[-1] if len(rows) > size else None
        return LetterPage(letters, pages.token_of((last.last_seen, last.sample_id)) if last else "", total or 0)

    def get(self, sample_id: str) -> DeadLetter | None:
        """The letter of a sample; None where it has none or is in the queue again."""
        return next(iter(self.page(LetterFilter(sample_ids=(sample_id,)), 1).letters), None)

    def redriven(self, ids: Iterable[str]) -> None:
        """These are in the queue again."""
        self._change(ids, update(dead_letters).values(redriven_at=self._database.clock()))

    def remove(self, ids: Iterable[str]) -> None:
        """Forget the letters of these samples."""
        self._change(ids, delete(dead_letters))

    def _change(self, ids: Iterable[str], statement: Any) -> None:  # noqa: ANN401  # an UPDATE or a DELETE
        conditions = list(self._database.groups(dead_letters, ids))

        def work(connection: Connection) -> None:
            for some in conditions:
                connection.execute(statement.where(some))

        self._database.transact(work)

    def _row(self, letter: DeadLetter) -> Values:
        values = {field.name: getattr(letter, field.name) for field in fields(letter)}
        texts = {name: plain_text(values[name]) for name in ("stage", "reason")}
        modalities = [str(modality) for modality in letter.modalities]
        return {"pipeline": self._database.pipeline, **values, **texts, "modalities": modalities, "redriven_at": None}

    def _fits(self, wanted: LetterFilter) -> ColumnElement[bool]:
        conditions = [dead_letters.c.pipeline == self._database.pipeline, dead_letters.c.redriven_at.is_(None)]
        if wanted.sample_ids:
            conditions.append(dead_letters.c.sample_id.in_(wanted.sample_ids))
        if wanted.modality is not None:
            conditions.append(cast(dead_letters.c.modalities, String).contains(f'"{wanted.modality}"'))
        if wanted.since is not None:
            conditions.append(dead_letters.c.last_seen >= wanted.since)
        if wanted.until is not None:
            conditions.append(dead_letters.c.last_seen < wanted.until)
        starts = dead_letters.c.stage.startswith(wanted.stage_prefix, autoescape=True)
        return and_(starts, dead_letters.c.reason.contains(wanted.reason_contains, autoescape=True), *conditions)


_COLUMNS = tuple(dead_letters.c[field.name] for field in fields(DeadLetter))


def _letter(row: Any) -> DeadLetter:  # noqa: ANN401  # a row of the table
    values = row._asdict()
    modalities = tuple(Modality(name) for name in row.modalities)
    return DeadLetter(**values | {"envelope": bytes(row.envelope), "modalities": modalities})
