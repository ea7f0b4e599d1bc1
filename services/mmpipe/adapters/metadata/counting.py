"""How many dead letters a pipeline has, asked from outside it: the tables are taken as they are, and not made."""

from __future__ import annotations

from sqlalchemy import Engine, func, inspect, select

from mmpipe.adapters.errors import public_uri
from mmpipe.adapters.metadata.engine import connect, faults_named, reading
from mmpipe.adapters.metadata.tables import dead_letters


class LetterCount:
    """One database. Safe for threads. Raises StoreError."""

    def __init__(self, uri: str, password: str = "") -> None:
        """Nothing is connected yet. Raises StoreRefused for a URI that can't be used."""
        self._name = public_uri(uri)
        self._engine: Engine = reading(connect(uri, password))

    def of(self, pipeline: str) -> int:
        """Letters that nobody has put into the queue again; 0 where the pipeline has no tables yet."""
        held = (dead_letters.c.pipeline == pipeline) & dead_letters.c.redriven_at.is_(None)
        with faults_named(self._name), self._engine.begin() as connection:
            if not inspect(connection).has_table(dead_letters.name):
                return 0
            return connection.scalar(select(func.count()).select_from(dead_letters).where(held)) or 0

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()
