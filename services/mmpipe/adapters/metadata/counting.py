"""How many dead letters a pipeline has, asked from outside it: the tables are taken as they are, and not made."""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from sqlalchemy import event, func, inspect, literal, select
from sqlalchemy.pool import ConnectionPoolEntry

from mmpipe.adapters.errors import StoreRefused, public_uri
from mmpipe.adapters.metadata.engine import connect, faults_named, reading
from mmpipe.adapters.metadata.tables import dead_letters

_POSTGRESQL = ("postgresql://", "postgres://")
AT_MOST = 1_000_000
"""Letters that are counted; who has more than these needs no exact number."""


class LetterCount:
    """One PostgreSQL database. Safe for threads. Raises StoreError."""

    def __init__(self, uri: str, password: str = "", connect_timeout_s: float = 5.0) -> None:
        """Nothing is connected yet. Raises StoreRefused for a URI that can't be used."""
        self._name = public_uri(uri)
        if not uri.startswith(_POSTGRESQL):
            where = f"sink.metadata.uri {self._name}".strip()
            raise StoreRefused(where, "no server", "postgresql://user@host/database", "name a PostgreSQL server")
        self._connections: WeakSet[Any] = WeakSet()
        engine = connect(uri, password, math.ceil(connect_timeout_s))
        self._engine = reading(engine)

        @event.listens_for(engine, "connect")
        def remember(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401  # the driver's
            self._connections.add(connection)

    def of(self, pipeline: str) -> int:
        """Letters that nobody has put into the queue again, ``AT_MOST`` at most; 0 where there are no tables yet."""
        held = (dead_letters.c.pipeline == pipeline) & dead_letters.c.redriven_at.is_(None)
        some = select(literal(1)).select_from(dead_letters).where(held).limit(AT_MOST).subquery()
        with faults_named(self._name), self._engine.begin() as connection:
            if not inspect(connection).has_table(dead_letters.name):
                return 0
            return connection.scalar(select(func.count()).select_from(some)) or 0

    def break_off(self) -> None:
        """Have whoever waits for an answer get a fault now: a server that says nothing would be waited for for ever."""
        for connection in list(self._connections):
            if connection.closed:
                continue
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connections."""
        self.break_off()
        self._engine.dispose()
