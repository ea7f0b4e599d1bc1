"""What is known about samples and runs: asked and written in batches, one transaction for each call.

A sample is in one of these states::

                    ┌─────────────── changed, or lost ◀────────────┐
                    ▼                                              │
    (unknown) ──▶ PENDING ── vectors are written ──▶ STORED ───────┤
                    │                            └─▶ QUARANTINED ──┤   every part was rejected
                    └──────────────────────────────▶ FAILED ───────┘   a fault: the next run tries again

PENDING means: the rows it will have are recorded here, and Milvus may hold any of them. The ``sink`` decides when a
state changes; nothing here knows vectors or objects. A run that is alone begins with :meth:`Metadata.intend`; one of
several writers with :meth:`Metadata.claim`, which is refused sample by sample (see ``claims``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Connection, func, select, update

from mmpipe.adapters.metadata import writing
from mmpipe.adapters.metadata.acceptances import Acceptances
from mmpipe.adapters.metadata.checkpoints import Checkpoints
from mmpipe.adapters.metadata.database import IDS_AT_ONCE, Clock, Database, now
from mmpipe.adapters.metadata.dead_letters import DeadLetters
from mmpipe.adapters.metadata.reading import MetadataReader
from mmpipe.adapters.metadata.samples import SETTLED, Claimed, Known, SampleRows, State
from mmpipe.adapters.metadata.tables import runs, samples, segments
from mmpipe.adapters.plain import Json


class Metadata:
    """The samples and runs of one pipeline. Safe for threads. Raises StoreError; transient faults are tried again.

    What else is known of the pipeline is asked through the same connections: ``acceptances``, ``checkpoints``,
    ``dead_letters``, and what people ask through ``reader``.
    """

    def __init__(self, uri: str, pipeline: str, password: str = "", *, clock: Clock = now) -> None:
        """Open the database and bring its tables up to date."""
        self.pipeline = pipeline
        self.database = Database(uri, pipeline, password, clock=clock)
        self.acceptances = Acceptances(self.database)
        self.checkpoints = Checkpoints(self.database)
        self.dead_letters = DeadLetters(self.database)
        self.reader = MetadataReader(self.database)

    def close(self) -> None:
        """Let go of the connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Samples

    def unchanged(self, fingerprints: Mapping[str, str]) -> set[str]:
        """Which of these samples are settled with exactly this fingerprint: stored, or quarantined as a whole.

        A sample that was stored without one of its modalities is not among them: it is to be completed.
        """
        columns = (samples.c.id, samples.c.fingerprint, samples.c.state, samples.c.degraded)
        return {
            id_
            for id_, fingerprint, state, degraded in self.database.about(fingerprints, *columns)
            if state in SETTLED and not degraded and fingerprints[id_] == fingerprint
        }

    def confirm(self, sample_id: str, fingerprint: str, accepted_at: datetime) -> bool:
        """Whether a sample is :meth:`unchanged`; if so, it is what was accepted then, and needs no further attempt."""
        if not self.unchanged({sample_id: fingerprint}):
            return False
        wanted = (sample_id, fingerprint, accepted_at)
        return self.database.transact(lambda connection: writing.confirm(self.database, connection, *wanted))

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """What is known about these samples; those never seen are absent."""
        identity = (samples.c.id, samples.c.source, samples.c.content)
        seen = {id_: (source, content) for id_, source, content in self.database.about(ids, *identity)}
        rows = self.database.read(lambda connection: writing.row_ids_of(self.database, connection, seen))
        return {id_: Known(*identity, rows[id_]) for id_, identity in seen.items()}

    def intend(self, group: Sequence[SampleRows], known: Iterable[str]) -> None:
        """Write all that there is to say about a group, as PENDING; the rows that samples had before stay recorded.

        ``known`` are the ids of the group that may have rows already. Whoever else writes them is not asked.
        """
        before = list(known)
        self.database.transact(lambda connection: writing.intend(self.database, connection, group, before))

    def claim(self, group: Sequence[SampleRows]) -> Claimed:
        """As :meth:`intend`, for those samples of the group that are ours to write; what became of the others."""
        return self.database.transact(lambda connection: writing.claim(self.database, connection, group))

    def settle(self, group: Sequence[SampleRows], stale: Sequence[tuple[str, str]]) -> set[str]:
        """Milvus holds what the group intends: give the samples their state, and forget the ``stale`` rows.

        ``stale`` holds pairs of (sample id, row id). Answers the ids of the samples that were still ours to settle.
        """
        return self.database.transact(lambda connection: writing.settle(self.database, connection, group, stale))

    def doubt(self, ids: Iterable[str]) -> None:
        """These samples are not in Milvus as recorded: PENDING, so that the next run takes them again."""
        doubtful = list(ids)

        def work(connection: Connection) -> None:
            for some in self.database.groups(samples, doubtful):
                connection.execute(update(samples).where(some).values(state=State.PENDING))

        self.database.transact(work)

    # Counting and checking

    def rows_by_state(self) -> dict[State, int]:
        """How many vectors the samples of each state have."""
        statement = (
            select(samples.c.state, func.count())
            .select_from(segments.join(samples))
            .where(samples.c.pipeline == self.pipeline)
            .group_by(samples.c.state)
        )
        return {State(state): count for state, count in self.database.read(lambda c: c.execute(statement).all())}

    def row_ids(self, *, pending: bool) -> Iterator[list[tuple[str, str]]]:
        """Pairs of (sample id, row id) of the samples that are PENDING, or of those that are not, in batches."""
        last = ("", "")
        while batch := self._rows_after(last, pending=pending):
            yield batch
            last = batch[-1]

    # Runs

    def begin_run(self, run_id: str, recipe: str, source: str) -> None:
        """A run is on its way."""
        row = {"id": run_id, "pipeline": self.pipeline, "recipe": recipe, "source": source, "counts": {}}
        times = {"state": "running", "started_at": datetime.now(UTC)}
        self.database.transact(lambda connection: connection.execute(runs.insert(), {**row, **times}))

    def end_run(self, run_id: str, counts: Mapping[str, Json], *, finished: bool) -> None:
        """A run is over: finished, or interrupted by a person or a fault."""
        values = {"state": "finished" if finished else "interrupted", "ended_at": datetime.now(UTC), "counts": counts}
        statement = update(runs).where(runs.c.id == run_id).values(values)
        self.database.transact(lambda connection: connection.execute(statement))

    def unfinished_runs(self) -> list[str]:
        """The ids of runs that began and never said that they ended: killed, or in another process right now."""
        statement = select(runs.c.id).where(runs.c.pipeline == self.pipeline, runs.c.state == "running")
        return list(self.database.read(lambda connection: connection.scalars(statement).all()))

    def _rows_after(self, last: tuple[str, str], *, pending: bool) -> list[tuple[str, str]]:
        key = (segments.c.sample_id, segments.c.row_id)
        state = samples.c.state == State.PENDING if pending else samples.c.state != State.PENDING
        after = (key[0] > last[0]) | ((key[0] == last[0]) & (key[1] > last[1]))
        mine = segments.c.pipeline == self.pipeline
        statement = select(*key).select_from(segments.join(samples)).where(mine, state, after)
        ordered = statement.order_by(*key).limit(IDS_AT_ONCE)
        return [(sample_id, row_id) for sample_id, row_id in self.database.read(lambda c: c.execute(ordered).all())]
