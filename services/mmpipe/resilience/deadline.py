"""How much time is left: set once where work comes in, seen by everything below it, and only ever shrinking.

A deadline lives in a context variable, so it follows the code into coroutines, tasks and ``asyncio.to_thread`` (not
into an executor that is handed bare functions). It interrupts nothing: whoever is about to begin something asks
:func:`check`, and whoever calls a server hands it :func:`timeout`, by which the deadline goes on at the other side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from mmpipe.errors import MmpipeError

type Clock = Callable[[], float]


class DeadlinePassed(MmpipeError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """There is no time left; what was asked for is not wanted any more."""

    def __init__(self, overdue_s: float) -> None:
        expected = "an end before it"
        super().__init__(f"deadline: found it {overdue_s:.1f} s ago; expected {expected}; allow more time or send less")


@dataclass(frozen=True, slots=True)
class _Deadline:
    """The moment, and the clock it is read from."""

    ends: float
    clock: Clock

    @property
    def left_s(self) -> float:
        return self.ends - self.clock()


_CURRENT: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float | None, clock: Clock | None = None) -> Iterator[None]:
    """Allow this long at most, or less where less was allowed around it; None adds nothing.

    ``clock`` is for the outermost one, monotonic seconds by default; those inside read the same clock.
    """
    token = _CURRENT.set(_shrunk(_CURRENT.get(), seconds, clock or time.monotonic))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def remaining() -> float | None:
    """Seconds that are left, negative once it has passed; None without a deadline."""
    current = _CURRENT.get()
    return None if current is None else current.left_s


def check() -> None:
    """Raises :class:`DeadlinePassed` where no time is left."""
    left = remaining()
    if left is not None and left <= 0:
        raise DeadlinePassed(-left)


def timeout(at_most: float | None = None) -> float | None:
    """The ``timeout`` of a gRPC call, or of anything that takes seconds: what is left, and ``at_most`` at most.

    None is no limit. Raises :class:`DeadlinePassed` where no time is left, so that no call begins in vain.
    """
    check()
    limits = [limit for limit in (remaining(), at_most) if limit is not None]
    return min(limits, default=None)


def _shrunk(around: _Deadline | None, seconds: float | None, clock: Clock) -> _Deadline | None:
    if seconds is None:
        return around
    if around is None:
        return _Deadline(clock() + seconds, clock)
    return _Deadline(min(around.ends, around.clock() + seconds), around.clock)
