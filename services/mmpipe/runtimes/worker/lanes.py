"""Pulling: one task for each lane (modality set), into a room that the lanes share fairly.

Lanes are found by asking the queue what it holds; a lane that was seen once keeps its task, which costs one waiting
request while nothing comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from mmpipe import telemetry
from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.queue import Delivery, Lane, Queue
from mmpipe.runtimes.worker.lease import kept
from mmpipe.runtimes.worker.room import Room
from mmpipe.v1 import media_pb2

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""Longest time that the first sample of a new lane waits to be noticed."""
PULL_WAIT_S = 2.0
MOST_AT_ONCE = 64
AWAY_S = 1.0

type Take = Callable[[Delivery], Awaitable[None]]


class Lanes:
    """Everything that a worker pulls. ``run`` until cancelled, then ``finish`` what is in flight."""

    def __init__(self, queue: Queue, room: Room, take: Take) -> None:
        self._queue, self._room, self._take = queue, room, take
        self._pulling: dict[Lane, asyncio.Task[None]] = {}
        self._taken: dict[asyncio.Task[None], float] = {}

    async def run(self) -> None:
        """Look for lanes and pull from each, until cancelled; what was taken goes on."""
        try:
            while True:
                self._pull_from(await self._waiting())
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for task in self._pulling.values():
                task.cancel()
            await asyncio.gather(*self._pulling.values(), return_exceptions=True)

    def oldest_s(self) -> float:
        """How long the oldest sample in flight has been so; 0 without one. For any thread."""
        begun = list(self._taken.values())
        return time.monotonic() - min(begun) if begun else 0.0

    async def finish(self, within_s: float) -> None:
        """Wait for what is in flight; what takes longer is given back."""
        if self._taken:
            _, late = await asyncio.wait(self._taken, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _waiting(self) -> Mapping[Lane, int]:
        try:
            lanes = await self._queue.lanes()
        except StoreUnreachable as error:
            log.warning("the queue is away: %s", error)
            return {}
        await self._room.share_between(lanes.keys())
        return lanes

    def _pull_from(self, lanes: Mapping[Lane, int]) -> None:
        for lane in lanes:
            if lane not in self._pulling:
                self._pulling[lane] = asyncio.create_task(self._pull(lane), name=f"pull {lane}")

    async def _pull(self, lane: Lane) -> None:
        while True:
            seats = await self._room.seats(lane)
            try:
                deliveries = await self._queue.pull(lane, min(seats, MOST_AT_ONCE), PULL_WAIT_S)
            except StoreUnreachable as error:
                log.warning("nothing pulled from %s: %s", lane, error)
                await asyncio.sleep(AWAY_S)
                continue
            for delivery in deliveries:
                self._begin(delivery)
            await asyncio.sleep(0)  # the tasks just made take their seats before the next look

    def _begin(self, delivery: Delivery) -> None:
        redelivered = "true" if delivery.attempt > 1 else "false"
        telemetry.count("mmpipe.deliveries", 1, modalities=delivery.lane, redelivered=redelivered)
        task = asyncio.create_task(self._carry(delivery), name=f"sample {delivery.envelope.sample.id}")
        self._taken[task] = time.monotonic()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._taken.pop(task, None)
        if not task.cancelled() and (fault := task.exception()):
            log.error("%s was not settled and comes again: %s", task.get_name(), fault, exc_info=fault)

    async def _carry(self, delivery: Delivery) -> None:
        size_bytes = sum(_size_bytes(part.media) for part in delivery.envelope.sample.parts)
        room, lane = self._room, delivery.lane
        telemetry.count("mmpipe.worker.in_flight", 1)
        try:
            async with room.seat(lane), kept(delivery, self._queue.lease_s), room.space(lane, size_bytes):
                with telemetry.timed("mmpipe.worker.duration"):
                    await self._take(delivery)
        finally:
            telemetry.count("mmpipe.worker.in_flight", -1)


def _size_bytes(media: media_pb2.Media) -> int:
    """Bytes of the media, wherever they lie."""
    return media.reference.size_bytes or len(media.content) or len(media.text)
