"""Brings a database to the tables of this version: at once when it is there, by Alembic when it is older.

Opening is on the way to the first embedding, so Alembic (most of a second to import) is imported only when there is a
step to take. An empty database gets today's tables directly and the number of the last step; a test checks that the
steps make exactly the same tables.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.metadata import tables

_MIGRATIONS = Path(__file__).parent / "migrations"
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_LOCK_KEY = 0x6D6D70697065
"""The letters ``mmpipe``: PostgreSQL's advisory lock of whoever makes or changes our tables."""


def bring_up_to_date(engine: Engine, store: str) -> None:
    """Make or migrate the tables if need be. Raises StoreMismatch where a newer mmpipe made them."""
    with engine.begin() as connection:
        if _number(connection) == tables.HEAD:
            return
        _wait_for_others(connection)
        number = _number(connection)
        if number is None:
            _make(connection)
        elif number != tables.HEAD:
            _migrate(connection, store, number)


def _number(connection: Connection) -> str | None:
    """Which step the database is at; empty before the first, None where there are no tables."""
    if not inspect(connection).has_table(_version.name):
        return None
    return connection.scalar(select(_version.c.version_num)) or ""


def _wait_for_others(connection: Connection) -> None:
    """SQLite's transaction is its own lock (see ``engine``)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _make(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=tables.HEAD))


def _migrate(connection: Connection, store: str, number: str) -> None:
    from alembic import command  # noqa: PLC0415  # see the head of this module
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        expected = f"at most {tables.HEAD}, which this version knows"
        raise StoreMismatch(store, f"tables of version {number!r}", expected, "upgrade mmpipe") from error
