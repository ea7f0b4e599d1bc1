"""Segments of long parts that a worker is done with, so that a crash redoes at most one.

A checkpoint belongs to a sample and a fingerprint: other content, options or models find none. What its outcome is only
the worker knows. Settling the sample forgets them in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from mmpipe.adapters.metadata.database import Database, Values
from mmpipe.adapters.metadata.tables import checkpoints
from mmpipe.records import Modality, Segment

_NOWHERE = -1.0
"""Start and end of a whole part: a key holds no NULL."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The outcome of one segment (None: the whole) of the part at ``position``.

    ``modality`` is not always that of the part: the sound track of a film is audio.
    """

    position: int
    modality: Modality
    segment: Segment | None
    outcome: bytes


class Checkpoints:
    """The checkpoints of one pipeline. Safe for threads. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, sample_id: str, fingerprint: str, done: Sequence[Checkpoint]) -> None:
        """Write some, over those of the same segments."""
        owner = {"pipeline": self._database.pipeline, "sample_id": sample_id, "fingerprint": fingerprint}
        rows = [owner | _row(each) for each in done]
        self._database.transact(lambda connection: self._database.upsert(connection, checkpoints, rows))

    def load(self, sample_id: str, fingerprint: str) -> list[Checkpoint]:
        """Those of the sample in this form, by position, modality and time."""
        columns = [checkpoints.c[name] for name in ("position", "modality", "start_s", "end_s", "outcome")]
        mine = (checkpoints.c.pipeline == self._database.pipeline) & (checkpoints.c.sample_id == sample_id)
        statement = select(*columns).where(mine, checkpoints.c.fingerprint == fingerprint).order_by(*columns[:4])
        rows = self._database.read(lambda connection: connection.execute(statement).all())
        return [
            Checkpoint(position, Modality(modality), None if start == _NOWHERE else Segment(start, end), bytes(outcome))
            for position, modality, start, end, outcome in rows
        ]

    def forget(self, sample_id: str) -> None:
        """All of a sample, in whatever form."""

        def work(connection: Connection) -> None:
            for some in self._database.groups(checkpoints, [sample_id]):
                connection.execute(delete(checkpoints).where(some))

        self._database.transact(work)


def _row(each: Checkpoint) -> Values:
    return {
        "position": each.position,
        "modality": each.modality,
        "start_s": each.segment.start_s if each.segment else _NOWHERE,
        "end_s": each.segment.end_s if each.segment else _NOWHERE,
        "outcome": each.outcome,
    }
