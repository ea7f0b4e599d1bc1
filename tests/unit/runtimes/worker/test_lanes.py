"""Pulling: what a worker has in its hands, and for how long."""

from __future__ import annotations

import asyncio

from tests.asynchronous import asynchronous
from tests.unit.runtimes.worker.conftest import an_envelope

from mmpipe.adapters.queue import Delivery, MemoryQueue
from mmpipe.runtimes.worker.lanes import Lanes
from mmpipe.runtimes.worker.room import Room


@asynchronous
async def test_the_age_of_the_oldest_sample_counts_from_its_pull_until_it_is_settled() -> None:
    taken, done = asyncio.Event(), asyncio.Event()

    async def take(delivery: Delivery) -> None:
        taken.set()
        await done.wait()
        await delivery.ack()

    queue = MemoryQueue()
    lanes = Lanes(queue, Room(4, 1_000_000), take)
    before = lanes.oldest_s()
    await queue.publish(an_envelope(), "text", "a")
    pulling = asyncio.create_task(lanes.run())
    await taken.wait()
    first, second = lanes.oldest_s(), lanes.oldest_s()
    done.set()
    await lanes.finish(5)
    after = lanes.oldest_s()
    pulling.cancel()
    await asyncio.gather(pulling, return_exceptions=True)

    assert (before, after) == (0, 0)
    assert 0 < first < second
