"""placeholder by LEAD until RESILIENCE writes it"""
from __future__ import annotations
import contextvars, time
from collections.abc import Iterator
from contextlib import contextmanager
_D: contextvars.ContextVar[float | None] = contextvars.ContextVar("d", default=None)
class DeadlinePassed(Exception): ...
def remaining() -> float | None:
    at = _D.get()
    return None if at is None else max(at - time.monotonic(), 0.0)
@contextmanager
def within(seconds: float) -> Iterator[None]:
    at, now = _D.get(), time.monotonic() + seconds
    token = _D.set(now if at is None else min(at, now))
    try: yield
    finally: _D.reset(token)
