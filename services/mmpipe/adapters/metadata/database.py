"""One pipeline's share of a database: transactions that are tried again, and rows that are written over.

Every table has a module of its own that asks and writes through this; none of them knows SQLite from PostgreSQL.
Several processes may be at work in the same database. What may meet in one row is written in the order of sample ids,
so that two groups wait for each other instead of locking each other out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from mmpipe.adapters.errors import public_uri
from mmpipe.adapters.metadata.engine import connect, faults_named, reading
from mmpipe.adapters.metadata.schema import bring_up_to_date
from mmpipe.adapters.patience import patiently

type Values = dict[str, Any]
"""One row of a table, by column."""
type Insert = SqliteInsert | PostgresInsert
type Clock = Callable[[], datetime]

IDS_AT_ONCE = 1_000


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


class Database:
    """Connections to the database that holds a pipeline's metadata. Safe for threads. Raises StoreError."""

    def __init__(self, uri: str, pipeline: str, password: str = "", *, clock: Clock = now) -> None:
        """Connect and bring the tables up to date."""
        self.pipeline = pipeline
        self.name = public_uri(uri)
        self.clock = clock
        self._engine = connect(uri, password)
        self._reading = reading(self._engine)
        self.system = self._engine.dialect.name
        self._insert = postgresql.insert if self.system == "postgresql" else sqlite.insert
        self._patiently(lambda: bring_up_to_date(self._engine, self.name))

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def transact[T](self, work: Callable[[Connection], T]) -> T:
        """The answer of ``work``, whose writes are all there when this returns; a store that is busy is asked again."""
        return self._within(self._engine, work)

    def read[T](self, work: Callable[[Connection], T]) -> T:
        """The answer of ``work``, which only reads."""
        return self._within(self._reading, work)

    def about(self, ids: Iterable[str], *columns: Column[Any]) -> list[Any]:
        """These columns of one table's rows about these samples."""
        return self.read(lambda connection: self.about_in(connection, ids, *columns))

    def about_in(self, connection: Connection, ids: Iterable[str], *columns: Column[Any]) -> list[Any]:
        """As :meth:`about`, within a transaction."""
        mine = select(*columns)
        return [row for some in self.groups(columns[0].table, ids) for row in connection.execute(mine.where(some))]

    def groups(self, table: Any, ids: Iterable[str]) -> Iterable[ColumnElement[bool]]:  # noqa: ANN401  # as columns say it
        """Conditions that together hold for the rows of ``table`` about these samples of the pipeline."""
        key = table.c.id if "id" in table.c else table.c.sample_id
        return ((table.c.pipeline == self.pipeline) & key.in_(some) for some in batched(ids, IDS_AT_ONCE))

    def insert(self, table: Table) -> Insert:
        """An INSERT that can say what happens where the row is there already."""
        return self._insert(table)

    def upsert(
        self, connection: Connection, table: Table, rows: Sequence[Values], *, keeping: Collection[str] = ()
    ) -> None:
        """Write rows over those with the same key, but for the columns to be kept."""
        if rows:
            statement = self.insert(table)
            changed = overwritten(statement, table, keeping=keeping)
            connection.execute(
                statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed), rows
            )

    def add(self, connection: Connection, table: Table, rows: Sequence[Values]) -> None:
        """Write those rows that are not there yet."""
        if rows:
            connection.execute(self.insert(table).on_conflict_do_nothing(), rows)

    def _within[T](self, engine: Engine, work: Callable[[Connection], T]) -> T:
        def once() -> T:
            with engine.begin() as connection:
                return work(connection)

        return self._patiently(once)

    def _patiently[T](self, work: Callable[[], T]) -> T:
        def once() -> T:
            with faults_named(self.name):
                return work()

        return patiently(once)


def overwritten(statement: Insert, table: Table, *, keeping: Collection[str] = ()) -> dict[str, Any]:
    """What an upsert changes: every column that is no key and not to be kept."""
    keys = set(table.primary_key.columns)
    return {c.name: statement.excluded[c.name] for c in table.columns if c not in keys and c.name not in keeping}
