"""What is known about samples and runs: asked and written in batches, one transaction for each call.

A sample is in one of these states::

                    ┌─────────────── changed, or lost ◀────────────┐
                    ▼                                              │
    (unknown) ──▶ PENDING ── vectors are written ──▶ STORED ───────┤
                    │                            └─▶ QUARANTINED ──┤   every part was rejected
                    └──────────────────────────────▶ FAILED ───────┘   a fault: the next run tries again

PENDING means: the rows it will have are recorded here, and Milvus may hold any of them. The ``sink`` decides when a
state changes; nothing here knows vectors or objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import batched
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mmpipe.adapters.errors import public_uri
from mmpipe.adapters.metadata.engine import connect, faults_named, reading
from mmpipe.adapters.metadata.schema import bring_up_to_date
from mmpipe.adapters.metadata.tables import outcomes, parts, quarantine, runs, samples, segments
from mmpipe.adapters.patience import patiently
from mmpipe.adapters.plain import Json

type Values = dict[str, Any]
"""One row of a table, by column."""

_IDS_AT_ONCE = 1_000
_CHILDREN = (parts, segments, outcomes, quarantine)


class State(StrEnum):
    """Where a sample is; see the head of this module."""

    PENDING = "pending"
    STORED = "stored"
    QUARANTINED = "quarantined"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SampleRows:
    """Everything the tables will say about one sample. ``pipeline`` and ``sample_id`` are added on the way."""

    id: str
    state: State
    sample: Values
    parts: Sequence[Values] = ()
    segments: Sequence[Values] = ()
    outcomes: Sequence[Values] = ()
    quarantine: Sequence[Values] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was known about a sample before: where it came from, what it said, and the rows it may have in Milvus."""

    source: str
    content: str
    row_ids: frozenset[str] = field(default_factory=frozenset)


class Metadata:
    """The samples and runs of one pipeline. Safe for threads. Raises StoreError; transient faults are tried again."""

    def __init__(self, uri: str, pipeline: str, password: str = "") -> None:
        """Open the database and bring its tables up to date."""
        self.pipeline = pipeline
        self._name = public_uri(uri)
        self._engine = connect(uri, password)
        self._reading = reading(self._engine)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        self._patiently(lambda: bring_up_to_date(self._engine, self._name))

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Samples

    def unchanged(self, fingerprints: Mapping[str, str]) -> set[str]:
        """Which of these samples are settled with exactly this fingerprint: stored, or quarantined as a whole."""
        settled = (State.STORED, State.QUARANTINED)
        rows = self._about(fingerprints, samples.c.id, samples.c.fingerprint, samples.c.state)
        return {id_ for id_, fingerprint, state in rows if state in settled and fingerprints[id_] == fingerprint}

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """What is known about these samples; those never seen are absent."""
        seen = {id_: (source, content) for id_, source, content in self._about(ids, *_IDENTITY)}
        rows: dict[str, set[str]] = {id_: set() for id_ in seen}
        for id_, row_id in self._about(seen, segments.c.sample_id, segments.c.row_id):
            rows[id_].add(row_id)
        return {id_: Known(*identity, frozenset(rows[id_])) for id_, identity in seen.items()}

    def intend(self, group: Sequence[SampleRows], known: Iterable[str]) -> None:
        """Write all that there is to say about a group, as PENDING; the rows that samples had before stay recorded.

        ``known`` are the ids of the group that may have rows already.
        """
        self._transact(lambda connection: self._write(connection, group, list(known)))

    def settle(self, group: Sequence[SampleRows], stale: Sequence[tuple[str, str]]) -> None:
        """Milvus holds what the group intends: give the samples their state, and forget the ``stale`` rows.

        ``stale`` holds pairs of (sample id, row id).
        """
        self._transact(lambda connection: self._settle(connection, group, stale))

    def doubt(self, ids: Iterable[str]) -> None:
        """These samples are not in Milvus as recorded: PENDING, so that the next run takes them again."""
        self._transact(lambda connection: self._set_state(connection, ids, State.PENDING))

    # Counting and checking

    def rows_by_state(self) -> dict[State, int]:
        """How many vectors the samples of each state have."""
        statement = (
            select(samples.c.state, func.count())
            .select_from(segments.join(samples))
            .where(samples.c.pipeline == self.pipeline)
            .group_by(samples.c.state)
        )
        return {State(state): count for state, count in self._read(lambda c: c.execute(statement).all())}

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
        self._transact(lambda connection: connection.execute(runs.insert(), {**row, **times}))

    def end_run(self, run_id: str, counts: Mapping[str, Json], *, finished: bool) -> None:
        """A run is over: finished, or interrupted by a person or a fault."""
        values = {"state": "finished" if finished else "interrupted", "ended_at": datetime.now(UTC), "counts": counts}
        statement = update(runs).where(runs.c.id == run_id).values(values)
        self._transact(lambda connection: connection.execute(statement))

    def unfinished_runs(self) -> list[str]:
        """The ids of runs that began and never said that they ended: killed, or in another process right now."""
        statement = select(runs.c.id).where(runs.c.pipeline == self.pipeline, runs.c.state == "running")
        return list(self._read(lambda connection: connection.scalars(statement).all()))

    # Inside

    def _write(self, connection: Connection, group: Sequence[SampleRows], known: Sequence[str]) -> None:
        owner = {"pipeline": self.pipeline}
        self._upsert(connection, samples, [owner | {"id": s.id, "state": State.PENDING} | s.sample for s in group])
        for table in (parts, outcomes, quarantine):
            for ids in batched(known, _IDS_AT_ONCE):
                connection.execute(delete(table).where(table.c.pipeline == self.pipeline, table.c.sample_id.in_(ids)))
        for table in _CHILDREN:
            rows = [owner | {"sample_id": s.id} | row for s in group for row in getattr(s, table.name)]
            self._upsert(connection, table, rows)

    def _upsert(self, connection: Connection, table: Table, rows: Sequence[Values]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        keys = list(table.primary_key.columns)
        others = {c.name: statement.excluded[c.name] for c in table.columns if c not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)

    def _settle(self, connection: Connection, group: Sequence[SampleRows], stale: Sequence[tuple[str, str]]) -> None:
        for pairs in batched(stale, _IDS_AT_ONCE):
            of_samples = segments.c.sample_id.in_({sample_id for sample_id, _ in pairs})
            rows = segments.c.row_id.in_([row_id for _, row_id in pairs])
            connection.execute(delete(segments).where(segments.c.pipeline == self.pipeline, of_samples, rows))
        for state in State:
            self._set_state(connection, (s.id for s in group if s.state is state), state)

    def _set_state(self, connection: Connection, ids: Iterable[str], state: State) -> None:
        for some in batched(ids, _IDS_AT_ONCE):
            mine = (samples.c.pipeline == self.pipeline) & samples.c.id.in_(some)
            connection.execute(update(samples).where(mine).values(state=state))

    def _about(self, ids: Iterable[str], *columns: Any) -> list[Any]:  # noqa: ANN401  # columns of either table
        table = columns[0].table
        key = table.c.id if table is samples else table.c.sample_id

        def ask(connection: Connection) -> list[Any]:
            mine = select(*columns).where(table.c.pipeline == self.pipeline)
            return [row for some in batched(ids, _IDS_AT_ONCE) for row in connection.execute(mine.where(key.in_(some)))]

        return self._read(ask)

    def _rows_after(self, last: tuple[str, str], *, pending: bool) -> list[tuple[str, str]]:
        key = (segments.c.sample_id, segments.c.row_id)
        state = samples.c.state == State.PENDING if pending else samples.c.state != State.PENDING
        after = (key[0] > last[0]) | ((key[0] == last[0]) & (key[1] > last[1]))
        mine = segments.c.pipeline == self.pipeline
        statement = select(*key).select_from(segments.join(samples)).where(mine, state, after)
        ordered = statement.order_by(*key).limit(_IDS_AT_ONCE)
        return [(sample_id, row_id) for sample_id, row_id in self._read(lambda c: c.execute(ordered).all())]

    def _transact[T](self, work: Callable[[Connection], T]) -> T:
        return self._within(self._engine, work)

    def _read[T](self, work: Callable[[Connection], T]) -> T:
        return self._within(self._reading, work)

    def _within[T](self, engine: Engine, work: Callable[[Connection], T]) -> T:
        def once() -> T:
            with engine.begin() as connection:
                return work(connection)

        return self._patiently(once)

    def _patiently[T](self, work: Callable[[], T]) -> T:
        def once() -> T:
            with faults_named(self._name):
                return work()

        return patiently(once)


_IDENTITY = (samples.c.id, samples.c.source, samples.c.content)
