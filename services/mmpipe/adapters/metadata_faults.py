"""What PostgreSQL says when it does not do what it was asked, in our words."""

from __future__ import annotations

from mmpipe.adapters.errors import StoreError, StoreRefused, StoreUnreachable

_NOT_NOW = ("starting up", "shutting down", "too many clients", "remaining connection slots")


def server_fault(store: str, said: str) -> StoreError:
    """PostgreSQL says FATAL when it answered and will not let us in; some of these pass."""
    if "FATAL" in said and not any(passing in said for passing in _NOT_NOW):
        return StoreRefused(store, said, "to be let in", "check user, password and database")
    return StoreUnreachable(store, said, "an answer", "see that the server runs and that host and port are right")


def no_driver(store: str) -> StoreRefused:
    """The optional package is not installed."""
    return StoreRefused(store, "no driver for PostgreSQL", "psycopg", "pip install 'mmpipe[postgres]'")
