"""How much one worker has in flight: bounded by samples and by bytes, shared fairly between the lanes.

A lane may hold its share and no more, so that a backlog of films never holds up texts, and samples that wait for a
service that is down leave room for those that need another one. Only lanes with something to do have a share: a lane
alone has all of it. A sample that is larger than its lane's share goes when the lane holds nothing else.

For one event loop; nothing here is for threads.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager


class Room:
    """``samples`` and ``size_bytes`` are those of the whole worker."""

    def __init__(self, samples: int, size_bytes: int) -> None:
        self._samples, self._bytes = samples, size_bytes
        self._held: Counter[str] = Counter()
        self._held_bytes: Counter[str] = Counter()
        self._busy: frozenset[str] = frozenset()
        self._changed = asyncio.Condition()

    @property
    def held(self) -> int:
        """Samples in flight."""
        return self._held.total()

    async def share_between(self, lanes: Collection[str]) -> None:
        """Only these lanes have anything to do, beside those that hold something."""
        async with self._changed:
            self._busy = frozenset(lanes)
            self._changed.notify_all()

    async def seats(self, lane: str) -> int:
        """Wait until the lane may take more samples, and say how many."""
        await self._until(lambda: self._free(lane) > 0)
        return self._free(lane)

    @asynccontextmanager
    async def seat(self, lane: str) -> AsyncIterator[None]:
        """Hold the place of one sample, from the moment it is pulled."""
        self._held[lane] += 1
        try:
            yield
        finally:
            self._held[lane] -= 1
            await self._tell()

    @asynccontextmanager
    async def space(self, lane: str, size_bytes: int) -> AsyncIterator[None]:
        """Hold its bytes, once there is room for them."""
        await self._until(lambda: self._held_bytes[lane] == 0 or self._fits(lane, size_bytes))
        self._held_bytes[lane] += size_bytes
        try:
            yield
        finally:
            self._held_bytes[lane] -= size_bytes
            await self._tell()

    def _free(self, lane: str) -> int:
        share = max(self._samples // self._lanes(lane), 1)
        return min(share - self._held[lane], self._samples - self._held.total())

    def _fits(self, lane: str, size_bytes: int) -> bool:
        return self._held_bytes[lane] + size_bytes <= self._bytes // self._lanes(lane)

    def _lanes(self, lane: str) -> int:
        return len({lane, *self._busy, *(other for other, held in self._held.items() if held > 0)})

    async def _until(self, free: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(free)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
