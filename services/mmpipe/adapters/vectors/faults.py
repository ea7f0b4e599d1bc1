"""pymilvus' exceptions in our words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmpipe.adapters.errors import FilterRefused, StoreError, StoreRefused, StoreUnreachable

_NOT_NOW_CODES = {2, 4, 8}
"""Milvus' own codes for: unavailable, too many requests, rate limit (its pkg/util/merr/errors.go)."""
_NOT_NOW_NAMES = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"}
"""gRPC status codes that may pass."""

_REFUSALS = {"UNAUTHENTICATED", "PERMISSION_DENIED"}
"""Status codes that pymilvus, when it connects, calls a server that is not there."""


@contextmanager
def faults_named(store: str, where: str = "") -> Iterator[None]:
    """What Milvus and gRPC raise, as a StoreError of ``store``; about the filter expression where one was sent."""
    import grpc  # noqa: PLC0415  # slow to import: see ``store``
    from pymilvus.exceptions import MilvusException  # noqa: PLC0415

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback of what it raises: so do we
    try:
        yield
    except MilvusException as error:
        if isinstance(error.__cause__, grpc.RpcError) and error.__cause__.code().name in _REFUSALS:
            raise _refused(store, error.__cause__.details() or error.message) from error
        raise _fault(store, error.code, error.message, where, retriable=error.retriable) from error
    except grpc.RpcError as error:
        raise _fault(store, error.code(), error.details() or "", where, retriable=False) from error


def may_pass(error: Any) -> bool:  # noqa: ANN401  # a MilvusException: pymilvus ships no types
    """Whether it says "not now" rather than no."""
    return _is_passing(error.code, retriable=error.retriable)


def _is_passing(code: object, *, retriable: bool) -> bool:
    return retriable or code in _NOT_NOW_CODES or getattr(code, "name", "") in _NOT_NOW_NAMES


def _fault(store: str, code: object, message: str, where: str, *, retriable: bool) -> StoreError:
    said = " ".join(message.split())
    if _is_passing(code, retriable=retriable):
        return StoreUnreachable(store, said, "an answer", "see that Milvus runs and that host and port are right")
    if where.strip():
        expected = 'a Milvus filter expression such as attributes["year"] > 2020'
        return FilterRefused(f"where {where!r}", said, expected, "correct the expression")
    return _refused(store, said)


def _refused(store: str, said: str) -> StoreRefused:
    return StoreRefused(store, said, "Milvus to take the request", "check its log, the token and the database")
