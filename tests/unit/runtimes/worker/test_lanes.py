"""What a worker that pulls tells of the samples in its hands."""

from __future__ import annotations

import asyncio

from tests.asynchronous import asynchronous
from tests.unit.runtimes.worker.conftest import an_envelope

from mmpipe.adapters.queue import Delivery, MemoryQueue
from mmpipe.runtimes.worker.lanes import Lanes
from mmpipe.runtimes.worker.room import Room
from mmpipe.telemetry.testing import capture


@asynchronous
async def test_a_samples_time_with_a_worker_is_measured_however_it_ends() -> None:
    taken = asyncio.Event()

    async def take(delivery: Delivery) -> None:
        await delivery.ack()
        taken.set()
        raise ConnectionError("the sink is away")

    queue = MemoryQueue()
    await queue.publish(an_envelope(), "text", "a")
    lanes = Lanes(queue, Room(4, 1000), take)
    with capture() as emitted:
        running = asyncio.create_task(lanes.run())
        await asyncio.wait_for(taken.wait(), 5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await lanes.finish(5)

        assert emitted.total("mmpipe.worker.duration", {}) == 1
        assert emitted.total("mmpipe.worker.in_flight", {}) == 0
