"""A process that is killed at one of its calls: where the sweep of crash points puts its finger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from e2e.cluster.faults.calls import NO_ANSWER, Answer, Call
from e2e.cluster.faults.proxy import Forward


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The how-manieth call, from 1, and whether the API server still gets it."""

    number: int
    forwarded: bool

    def __str__(self) -> str:
        return f"{'after' if self.forwarded else 'before'} call {self.number}"


def counted(call: Call) -> bool:
    """Whether a call has a number: elections come by the clock, and a watch changes nothing by itself."""
    return not call.elects and not call.watches


def points(calls: Sequence[Call]) -> Iterator[Point]:
    """Before every call, and after every one that writes: after a read all is as before the next call."""
    for number, call in enumerate(calls, start=1):
        yield Point(number, forwarded=False)
        if call.writes:
            yield Point(number, forwarded=True)


class Crash:
    """A script (see ``proxy``) that kills once; ``at`` is None until then."""

    def __init__(self, point: Point, kill: Callable[[], None]) -> None:
        self.at: Call | None = None
        self.happened = threading.Event()
        self._point = point
        self._kill = kill
        self._seen = 0

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        if not counted(call):
            return await forward(call)
        self._seen += 1
        if self._seen != self._point.number:
            return await forward(call)
        if self._point.forwarded:
            await asyncio.shield(forward(call))
        self._kill()
        self.at = call
        self.happened.set()
        return NO_ANSWER
