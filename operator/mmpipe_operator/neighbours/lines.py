"""Lines to neighbours of one kind: a connection for each address, shared by all pipelines that ask there.

Questions to one neighbour take turns, a few at a time, and who does not answer is left alone for a while, for whichever
pipeline: a thousand pipelines of one dead server cost one wait. How a client connects, answers and ends is ``askers``'.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field

from mmpipe.adapters.errors import StoreError, StoreUnreachable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Questions ``at_once`` to one neighbour, the longest any takes, and how long who is silent is left alone."""

    at_once: int
    limit_s: float
    silence_s: float


@dataclass(frozen=True, slots=True)
class Dealings[K, C]:
    """How a client for an address comes to be, and how it ends; then who waits for an answer gets none."""

    connect: Callable[[K], Awaitable[C]]
    close: Callable[[C], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Line[C]:
    """One neighbour."""

    turns: asyncio.Semaphore
    client: C | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    fault: StoreError | None = None
    silent_until: float = 0.0
    asking: int = 0


class Lines[K, C]:
    """The neighbours of one kind by address. Belongs to one event loop."""

    def __init__(self, dealings: Dealings[K, C], pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._dealings = dealings
        self._pace = pace
        self._clock = clock
        self._lines: dict[K, _Line[C]] = {}

    async def ask[A](self, address: K, question: Callable[[C], Awaitable[A]]) -> A:
        """The answer of who is there. Raises StoreError."""
        line = self._lines.setdefault(address, _Line(asyncio.Semaphore(self._pace.at_once)))
        line.asking += 1
        try:
            async with line.turns:
                if line.fault is not None and self._clock() < line.silent_until:
                    raise line.fault.with_traceback(None)  # or it would hold the frames of all who were told
                return await self._answer(line, address, question)
        finally:
            line.asking -= 1

    async def let_go(self, wanted: Container[object]) -> None:
        """Hang up on all but these, unless somebody is asking there just now."""
        idle = [address for address, line in self._lines.items() if address not in wanted and not line.asking]
        await asyncio.gather(*(self._close(self._lines.pop(address)) for address in idle))

    async def close(self) -> None:
        """Hang up."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(self._close(line) for line in lines))

    async def _answer[A](self, line: _Line[C], address: K, question: Callable[[C], Awaitable[A]]) -> A:
        try:
            async with asyncio.timeout(self._pace.limit_s):
                answer = await question(await self._client(line, address))
        except TimeoutError as error:
            await self._close(line)  # or whoever waits there waits for ever
            raise self._silenced(line, _no_answer(self._pace.limit_s)) from error
        except StoreUnreachable as error:
            raise self._silenced(line, error) from error
        line.fault = None
        return answer

    async def _client(self, line: _Line[C], address: K) -> C:
        async with line.opening:
            if line.client is None:
                line.client = await self._dealings.connect(address)
            return line.client

    def _silenced(self, line: _Line[C], fault: StoreError) -> StoreError:
        line.fault, line.silent_until = fault, self._clock() + self._pace.silence_s
        return fault

    async def _close(self, line: _Line[C]) -> None:
        client, line.client = line.client, None
        if client is not None:
            try:
                await self._dealings.close(client)
            except StoreError as error:
                _log.info("%s, while hanging up", error)


def _no_answer(limit_s: float) -> StoreUnreachable:
    remedy = "see that the server runs and that it can be reached from the operator"
    return StoreUnreachable("the server", f"no answer within {limit_s:g} s", "one", remedy)
