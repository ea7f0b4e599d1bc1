"""What only the queue in memory has: it can be told to be down, and it forgets ids by its own clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from tests.asynchronous import asynchronous

from mmpipe.adapters.queue import DUPLICATE_WINDOW_S, Envelope, MemoryQueue, QueueUnreachable
from mmpipe.v1 import sample_pb2

ENVELOPE = Envelope(sample_pb2.Sample(id="a"), datetime(2026, 1, 1, tzinfo=UTC))


@asynchronous
async def test_a_queue_that_is_down_answers_nobody() -> None:
    queue = MemoryQueue(reachable=False)
    for question in (queue.publish(ENVELOPE, "text", "a"), queue.pull("text", 1, 60), queue.lanes(), queue.depth()):
        with pytest.raises(QueueUnreachable):
            await question


@asynchronous
async def test_an_id_is_forgotten_when_its_window_is_over() -> None:
    now = [0.0]
    queue = MemoryQueue(clock=lambda: now[0])
    await queue.publish(ENVELOPE, "text", "a")
    now[0] = DUPLICATE_WINDOW_S
    assert not (await queue.publish(ENVELOPE, "text", "a")).duplicate


@asynchronous
async def test_a_waiting_pull_wakes_when_a_lease_runs_out() -> None:
    queue = MemoryQueue(lease_s=0.05)
    await queue.publish(ENVELOPE, "text", "a")
    await queue.pull("text", 1, 0)
    [again] = await asyncio.wait_for(queue.pull("text", 1, 60), 5)
    assert again.attempt == 2


@asynchronous
async def test_a_waiting_pull_wakes_when_a_message_is_given_back() -> None:
    queue = MemoryQueue(lease_s=60)
    await queue.publish(ENVELOPE, "text", "a")
    [delivery] = await queue.pull("text", 1, 0)
    waiting = asyncio.create_task(queue.pull("text", 1, 60))
    await asyncio.sleep(0)
    await delivery.retry(0)
    [again] = await asyncio.wait_for(waiting, 5)
    assert again.attempt == 2
