"""How many dead letters a pipeline has, asked from outside it: the tables are taken as they are, and not made.

By PostgreSQL's driver alone: who holds many pipelines would need SQLAlchemy (15 MB) for this one question. The table is
``metadata.tables.dead_letters``.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mmpipe.adapters.errors import StoreRefused, public_uri
from mmpipe.adapters.metadata_faults import no_driver, server_fault

if TYPE_CHECKING:
    import psycopg

_POSTGRESQL = ("postgresql://", "postgres://")
AT_MOST = 1_000_000
"""Letters that are counted; who has more than these needs no exact number."""
_COUNT = """
SELECT count(*) FROM (
    SELECT 1 FROM dead_letters WHERE pipeline = %s AND redriven_at IS NULL LIMIT %s
) AS held
"""


class LetterCount:
    """One PostgreSQL database. One thread asks at a time; any may break off. Raises StoreError."""

    def __init__(self, uri: str, password: str = "", connect_timeout_s: float = 5.0) -> None:
        """Nothing is connected yet. Raises StoreRefused for a URI that can't be used."""
        self._name = public_uri(uri)
        if not uri.startswith(_POSTGRESQL):
            where = f"sink.metadata.uri {self._name}".strip()
            raise StoreRefused(where, "no server", "postgresql://user@host/database", "name a PostgreSQL server")
        self._uri = uri
        self._options = {"connect_timeout": str(math.ceil(connect_timeout_s))}
        if password:
            self._options["password"] = password
        self._connection: psycopg.Connection | None = None

    def of(self, pipeline: str) -> int:
        """Letters that nobody has put into the queue again, ``AT_MOST`` at most; 0 where there are no tables yet."""
        with self._asked() as connection:
            if _figure(connection, "SELECT count(to_regclass('dead_letters'))") == 0:
                return 0
            return _figure(connection, _COUNT, pipeline, AT_MOST)

    def break_off(self) -> None:
        """Have whoever waits for an answer get a fault now: a server that says nothing would be waited for for ever."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self.break_off()
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def _asked(self) -> Iterator[psycopg.Connection]:
        """A connection that is in no transaction; one that brings a fault is not used again."""
        try:
            import psycopg  # noqa: PLC0415  # optional, and slow to import
        except ModuleNotFoundError as error:
            raise no_driver(self._name) from error
        try:
            yield self._connected()
        except psycopg.ProgrammingError as error:
            if self._connection is not None:
                raise  # a wrong statement is a bug
            expected = "postgresql://user@host/database"
            raise StoreRefused(self._name, _said(error), expected, "change sink.metadata.uri") from error
        except psycopg.OperationalError as error:
            self.close()
            self._connection = None
            raise server_fault(self._name, _said(error)) from error

    def _connected(self) -> psycopg.Connection:
        import psycopg  # noqa: PLC0415  # as above

        if self._connection is not None and _is_alive(self._connection):
            return self._connection
        self._connection = None
        self._connection = psycopg.connect(self._uri, autocommit=True, **self._options)  # type: ignore[arg-type]  # libpq's, by name
        return self._connection


def _is_alive(connection: psycopg.Connection) -> bool:
    """A server may have restarted since the last question."""
    import psycopg  # noqa: PLC0415  # as above

    try:
        connection.execute("")
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


def _figure(connection: psycopg.Connection, question: str, *given: object) -> int:
    row = connection.execute(question.encode(), given).fetchone()
    return int(row[0]) if row else 0


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
