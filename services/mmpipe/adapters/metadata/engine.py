"""A connection to SQLite or PostgreSQL, set up for our promises, and their faults in our words.

SQLite: a write-ahead log, so that readers never wait; ``synchronous=FULL``, so that a committed transaction survives a
power failure and not only ``kill -9`` (NORMAL would survive that too). It costs one fsync for each commit, two for each
group of a thousand rows. The exactly-once story needs the order "row ids are recorded, then vectors written": with
NORMAL a power failure could keep the vectors and lose the record of them. A transaction takes the write lock when it
begins, because one that turns from reader to writer half-way gets "database is locked" at once, without waiting; one
that only reads (:func:`reading`) takes none and waits for nobody.

Neighbours: ``schema`` makes the tables, ``store`` asks and writes. Nothing here knows a table.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from mmpipe.adapters.errors import StoreError, StoreRefused, StoreUnreachable, public_uri
from mmpipe.adapters.metadata_faults import no_driver, server_fault

_READS = "mmpipe_reads"
_LOCK_WAIT_MS = 10_000
_CONNECT_TIMEOUT_S = 10
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def connect(uri: str, password: str = "", connect_timeout_s: int = _CONNECT_TIMEOUT_S) -> Engine:
    """An engine for ``sqlite:///file``, the path of a SQLite file, or ``postgresql://user@host/database``.

    ``password`` is that of the database's user. Nothing is connected yet. Raises StoreRefused for another URI, and
    where the driver of PostgreSQL is not installed.
    """
    url = _url(uri, password)
    settings = {"json_serializer": json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode}
    if url.drivername == "sqlite":
        Path(url.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, **settings)
        _prepare_sqlite(engine)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": connect_timeout_s}, **settings)
    except ModuleNotFoundError as error:
        raise no_driver(public_uri(uri)) from error


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read."""
    return engine.execution_options(**{_READS: True})


@contextmanager
def faults_named(store: str) -> Iterator[None]:
    """The database's faults as StoreError; what only a bug can cause (a wrong statement) stays as it is."""
    try:
        yield
    except DBAPIError as error:
        fault = _fault(store, error)
        if fault is None:
            raise
        raise fault from error


def _url(uri: str, password: str) -> URL:
    if "://" not in uri:
        return URL.create("sqlite", database=uri)
    try:
        url = make_url(uri)
        url = url.set(drivername=_DRIVERS[url.get_backend_name()])
    except (ArgumentError, NoSuchModuleError, KeyError) as error:
        expected = "sqlite:///file or postgresql://user@host/database"
        raise StoreRefused(public_uri(uri), "a URI of another kind", expected, "change sink.metadata.uri") from error
    return url.set(password=password) if password else url


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own; see begin
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _fault(store: str, error: DBAPIError) -> StoreError | None:
    said = " ".join(str(error.orig).split())
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_fault(store, error.orig, said)
    if error.connection_invalidated or _operational(error):
        return server_fault(store, said)
    return None


def _operational(error: DBAPIError) -> bool:
    """Whether it lies with the server: away, shutting down, full, or our transaction the victim of a deadlock."""
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__)


def _sqlite_fault(store: str, error: sqlite3.Error, said: str) -> StoreError | None:
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return None
    if "locked" in said or "busy" in said:
        expected = f"the lock within {_LOCK_WAIT_MS // 1000} s"
        return StoreUnreachable(store, said, expected, "stop what else writes to it")
    if "no such" in said or "syntax error" in said:
        return None
    return StoreRefused(store, said, "a SQLite file to write to", "check the file, its permissions and the free space")
