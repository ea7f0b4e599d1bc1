"""What belongs to a sample and to no other: which rows, which originals. For ``deletion``, which takes them away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, union

from mmpipe.adapters.errors import SampleBusy
from mmpipe.adapters.metadata import claims
from mmpipe.adapters.metadata.database import Database, Values
from mmpipe.adapters.metadata.tables import (
    acceptances,
    checkpoints,
    dead_letters,
    deletions,
    originals,
    parts,
    samples,
    segments,
)

_ABOUT = (acceptances, checkpoints, dead_letters, originals)


@dataclass(frozen=True, slots=True)
class Belongings:
    """The rows in Milvus and the originals (by SHA-256) of a sample."""

    row_ids: frozenset[str]
    sha256s: frozenset[str]


class Lineage:
    """Questions about what samples own, and the two ends of forgetting one. Safe for threads. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, sample_id: str) -> Belongings | None:
        """From now on nobody writes this sample, and what was accepted of it before is superseded; what it owns.

        None where nothing is known of it. Raises SampleBusy while another process is writing it.
        """
        found = self._database.transact(lambda connection: self._claim(connection, sample_id))
        if found is _BUSY:
            expected, remedy = "it settled", f"try again within {claims.CLAIM_S:g} s"
            raise SampleBusy(f"sample {sample_id}", "a worker writing it", expected, remedy)
        return found

    def only_of(self, sample_id: str, sha256s: Collection[str]) -> set[str]:
        """Those of these originals that no other sample has, had or is about to have, in any pipeline."""
        others = [
            select(table.c.sha256).where(
                table.c.sha256.in_(sha256s),
                (table.c.pipeline != self._database.pipeline) | (table.c.sample_id != sample_id),
            )
            for table in (parts, originals)
        ]
        return set(sha256s) - set(self._database.read(lambda connection: connection.scalars(union(*others)).all()))

    def forget(self, sample_id: str) -> None:
        """Every row about a sample."""

        def work(connection: Connection) -> None:
            for table in (*_ABOUT, samples):
                for some in self._database.groups(table, [sample_id]):
                    connection.execute(delete(table).where(some))

        self._database.transact(work)

    def _claim(self, connection: Connection, sample_id: str) -> Belongings | None:
        if not self._is_known(connection, sample_id):
            return None
        if not claims.take(self._database, connection, [self._placeholder(sample_id)]):
            return _BUSY
        row = {"pipeline": self._database.pipeline, "sample_hash": claims.sample_hash(sample_id)}
        self._database.upsert(connection, deletions, [row | {"deleted_at": self._database.clock()}])
        rows = self._database.about_in(connection, [sample_id], segments.c.row_id)
        owned = (
            sha256
            for table in (parts, originals)
            for (sha256,) in self._database.about_in(connection, [sample_id], table.c.sha256)
        )
        return Belongings(frozenset(row_id for (row_id,) in rows), frozenset(owned))

    def _is_known(self, connection: Connection, sample_id: str) -> bool:
        keys = (samples.c.id, *(table.c.sample_id for table in _ABOUT))
        return any(self._database.about_in(connection, [sample_id], key) for key in keys)

    def _placeholder(self, sample_id: str) -> Values:
        """A sample of which nothing is said any more. Its run is that of every attempt to forget it."""
        now = self._database.clock()
        return {
            "id": sample_id,
            "source": "",
            "content": "",
            "fingerprint": "",
            "attributes": {},
            "weights": {},
            "missing": [],
            "latency_ms": 0.0,
            "run_id": claims.sample_hash(sample_id)[:32],
            "written_at": now,
            "accepted_at": now,
        }


_BUSY = Belongings(frozenset(), frozenset())
"""Stands for a claim that was refused: not an exception, which would be tried again as if the database were away."""
