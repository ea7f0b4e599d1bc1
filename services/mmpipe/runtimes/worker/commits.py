"""Group commit: samples that are done wait a few milliseconds for each other and are written together.

Single rows are 58 times slower than groups in Milvus (DESIGN 5), so many couriers hand over their samples here and one
task writes them: 1,000 rows, or what came within 10 ms. A group that a store refuses is written sample by sample, so
that one bad row takes no neighbour with it. A store that does not answer fails the whole group, and each courier waits
and comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.planning import Planned
from mmpipe.adapters.sink import Written

ROWS_PER_GROUP = 1_000
GROUP_WAIT_S = 0.01


class Commit(Protocol):
    """What writes a group: a :class:`mmpipe.adapters.sink.Sink`."""

    def commit(self, planned: Sequence[Planned]) -> Written:
        """See there."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A sample to write, and who waits for it."""

    planned: Planned
    written: asyncio.Future[Written]


class Commits:
    """The one writer of a worker. ``run`` is its task; ``write`` is for any number of couriers."""

    def __init__(self, sink: Commit) -> None:
        self._sink = sink
        self._inbox: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._next: list[_Waiting] = []

    async def write(self, planned: Planned) -> Written:
        """Write one sample with its group; what became of it. Raises StoreError."""
        waiting = _Waiting(planned, asyncio.get_running_loop().create_future())
        await self._inbox.put(waiting)
        return await waiting.written

    async def run(self) -> None:
        """Write group after group, until cancelled."""
        while True:
            await self._write(await self._group())

    async def _group(self) -> list[_Waiting]:
        group = self._next or [await self._inbox.get()]
        self._next = []
        deadline = asyncio.get_running_loop().time() + GROUP_WAIT_S
        while sum(len(one.planned.vectors) for one in group) < ROWS_PER_GROUP:
            one = await self._soon(deadline)
            if one is None:
                break
            if one.planned.rows.id in {other.planned.rows.id for other in group}:
                self._next = [one]  # the sink keeps one result for each id of a group: this one is the next
                break
            group.append(one)
        return group

    async def _soon(self, deadline: float) -> _Waiting | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            written = await asyncio.to_thread(self._sink.commit, [one.planned for one in group])
        except StoreRefused as fault:
            await self._write_apart(group, fault)
        except Exception as fault:  # noqa: BLE001  # handed to those who wait for the write
            _fail(group, fault)
        else:
            _tell(group, written)

    async def _write_apart(self, group: Sequence[_Waiting], fault: StoreRefused) -> None:
        if len(group) == 1:
            _fail(group, fault)
            return
        for one in group:
            await self._write([one])


def _tell(group: Sequence[_Waiting], written: Written) -> None:
    for one in group:
        if not one.written.done():  # its courier may have been cancelled
            one.written.set_result(written)


def _fail(group: Sequence[_Waiting], fault: Exception) -> None:
    for one in group:
        if not one.written.done():
            one.written.set_exception(fault)
