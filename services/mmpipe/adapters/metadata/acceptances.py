"""What the gateway accepted: one row for each sample id, the newest acceptance of it.

Written in groups, after the queue has the samples and before the client is told. It says that a sample is on its way
before any worker has seen it; ``status`` compares it with what became of the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mmpipe.adapters.metadata import claims
from mmpipe.adapters.metadata.database import Database, Values, overwritten
from mmpipe.adapters.metadata.tables import acceptances


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A sample that is durable in the queue, ``accepted_at`` as its envelope says.

    ``digest`` is the gateway's own over the content. ``originals`` names the bytes in the object store that the
    envelope refers to, by SHA-256: deleting another sample leaves them alone. ``duplicate``: the queue had it already,
    so it is recorded only where no acceptance is.
    """

    sample_id: str
    accepted_at: datetime
    tenant: str
    digest: str
    lane: str
    originals: tuple[str, ...] = ()
    duplicate: bool = False


class Acceptances:
    """The acceptances of one pipeline. Safe for threads. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, batch: Sequence[Acceptance]) -> None:
        """Write a batch; of several acceptances of a sample the newest stays."""
        newest = sorted(batch, key=lambda each: each.accepted_at)
        first = {each.sample_id: each for each in reversed(newest) if each.duplicate}
        fresh = {each.sample_id: each for each in newest if not each.duplicate}

        def work(connection: Connection) -> None:
            self._write(connection, fresh.values())
            self._database.add(connection, acceptances, [self._row(first[id_]) for id_ in sorted(first)])
            brought = ((each.sample_id, sha256) for each in batch for sha256 in each.originals)
            claims.remember_originals(self._database, connection, brought)

        self._database.transact(work)

    def of(self, ids: Iterable[str]) -> dict[str, Acceptance]:
        """The acceptance of each sample, without its originals; those never accepted are absent."""
        columns = (acceptances.c[name] for name in ("sample_id", "accepted_at", "tenant", "digest", "lane"))
        return {row.sample_id: Acceptance(*row) for row in self._database.about(ids, *columns)}

    def _write(self, connection: Connection, batch: Iterable[Acceptance]) -> None:
        rows = [self._row(each) for each in sorted(batch, key=lambda each: each.sample_id)]
        statement = self._database.insert(acceptances)
        upsert = statement.on_conflict_do_update(
            index_elements=list(acceptances.primary_key.columns),
            set_=overwritten(statement, acceptances),
            where=acceptances.c.accepted_at < statement.excluded.accepted_at,
        )
        if rows:
            connection.execute(upsert, rows)

    def _row(self, each: Acceptance) -> Values:
        return {
            "pipeline": self._database.pipeline,
            "sample_id": each.sample_id,
            "accepted_at": each.accepted_at,
            "tenant": each.tenant,
            "digest": each.digest,
            "lane": each.lane,
        }
