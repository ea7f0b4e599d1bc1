"""What a queue promises, in memory and on JetStream."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

import pytest
from tests.asynchronous import asynchronous

from mmpipe.adapters.queue import Delivery, Envelope, MemoryQueue, Queue, QueueFull, lane_of
from mmpipe.adapters.queue.jetstream import JetStream
from mmpipe.adapters.queue.stream import Settings
from mmpipe.records import Modality
from mmpipe.v1 import sample_pb2

LEASE_S = 0.5
SOON_S = 5.0
"""What surely is enough for a message that must come."""
_number = itertools.count()


class Kind(Protocol):
    """Queues of one kind over the same messages."""

    def open(self, *, small: bool = False) -> AbstractAsyncContextManager[Queue]: ...

    async def lapse(self, seconds: float) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.now = 0.0
        self.queue = MemoryQueue(LEASE_S, clock=lambda: self.now)

    @asynccontextmanager
    async def open(self, *, small: bool = False) -> AsyncIterator[Queue]:
        self.queue.max_messages = 3 if small else 1_000
        yield self.queue

    async def lapse(self, seconds: float) -> None:
        self.now += seconds


class OnJetStream:
    def __init__(self, url: str) -> None:
        self.url = url
        self.pipeline = f"contract-{next(_number)}"

    @asynccontextmanager
    async def open(self, *, small: bool = False) -> AsyncIterator[Queue]:
        settings = Settings(max_bytes=1_000 if small else 1_000_000)
        queue = await JetStream.open(self.url, "tests", self.pipeline, lease_s=LEASE_S, settings=settings)
        try:
            yield queue
        finally:
            await queue.close()

    async def lapse(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.server)])
def kind(request: pytest.FixtureRequest) -> Kind:
    return InMemory() if request.param == "memory" else OnJetStream(request.getfixturevalue("nats_url"))


def an_envelope(sample_id: str = "a") -> Envelope:
    return Envelope(sample_pb2.Sample(id=sample_id), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


async def publish(queue: Queue, *ids: str, lane: str = "text") -> None:
    for sample_id in ids:
        await queue.publish(an_envelope(sample_id), lane, sample_id)


def ids_of(deliveries: list[Delivery]) -> list[str]:
    return [delivery.envelope.sample.id for delivery in deliveries]


@asynchronous
async def test_what_is_published_comes_back_as_it_was(kind: Kind) -> None:
    sample = sample_pb2.Sample(id="a", parts=[sample_pb2.Part(uri="file:///a.txt")])
    envelope = Envelope(sample, datetime.now(UTC), "tenant", "00-trace", redrives=2, ignore_gates=True)
    async with kind.open() as queue:
        await queue.publish(envelope, "text-image", "id")
        [delivery] = await queue.pull("text-image", 10, SOON_S)
    assert (delivery.envelope, delivery.lane, delivery.attempt) == (envelope, "text-image", 1)


@asynchronous
async def test_an_id_that_is_published_again_is_a_duplicate_even_after_its_ack(kind: Kind) -> None:
    async with kind.open() as queue:
        assert not (await queue.publish(an_envelope(), "text", "id")).duplicate
        assert (await queue.publish(an_envelope(), "text", "id")).duplicate
        [delivery] = await queue.pull("text", 10, SOON_S)
        await delivery.ack()
        assert (await queue.publish(an_envelope(), "text", "id")).duplicate
        assert await queue.lanes() == {}


@asynchronous
async def test_a_lane_is_first_in_first_out(kind: Kind) -> None:
    names = [str(number) for number in range(20)]
    async with kind.open() as queue:
        await publish(queue, *names)
        assert ids_of(await queue.pull("text", 5, SOON_S)) == names[:5]
        assert ids_of(await queue.pull("text", 50, SOON_S)) == names[5:]


@asynchronous
async def test_lanes_do_not_see_each_other(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "film", lane="video")
        await publish(queue, "words", lane="text")
        assert ids_of(await queue.pull("text", 10, SOON_S)) == ["words"]
        assert await queue.pull("text-video", 10, 0) == []


@asynchronous
async def test_a_pull_from_an_empty_lane_ends_when_its_time_is_up(kind: Kind) -> None:
    async with kind.open() as queue:
        await queue.pull("text", 1, 0)
        started = time.monotonic()
        assert await queue.pull("text", 10, 0.3) == []
        assert 0.3 <= time.monotonic() - started < 1.5


@asynchronous
async def test_a_waiting_pull_returns_with_the_first_message_that_comes(kind: Kind) -> None:
    async with kind.open() as queue:
        waiting = asyncio.create_task(queue.pull("text", 10, 60))
        await asyncio.sleep(0.1)
        await publish(queue, "a")
        async with asyncio.timeout(SOON_S):
            assert ids_of(await waiting) == ["a"]


@asynchronous
async def test_an_ack_removes_the_message_for_good(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        assert await delivery.ack()
        assert await queue.lanes() == {}
        await kind.lapse(1.5 * LEASE_S)
        assert await queue.pull("text", 1, 0) == []


@asynchronous
async def test_a_lease_that_runs_out_delivers_again_with_the_next_attempt(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        await queue.pull("text", 1, SOON_S)
        assert await queue.pull("text", 1, 0) == []
        await kind.lapse(1.1 * LEASE_S)
        [again] = await queue.pull("text", 1, SOON_S)
        assert (ids_of([again]), again.attempt) == (["a"], 2)


@asynchronous
async def test_extending_keeps_the_lease(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        for _ in range(4):
            await kind.lapse(0.5 * LEASE_S)
            await delivery.extend()
        assert await queue.pull("text", 1, 0) == []
        await kind.lapse(1.1 * LEASE_S)
        assert len(await queue.pull("text", 1, SOON_S)) == 1


@asynchronous
async def test_a_retry_comes_after_its_delay_and_not_before(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        await delivery.retry(2 * LEASE_S)
        await kind.lapse(1.2 * LEASE_S)
        assert await queue.pull("text", 1, 0) == []
        await kind.lapse(LEASE_S)
        [again] = await queue.pull("text", 1, SOON_S)
        assert again.attempt == 2


@asynchronous
async def test_a_retry_without_a_delay_comes_at_once(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        [delivery] = await queue.pull("text", 1, SOON_S)
        await delivery.retry(0)
        [again] = await queue.pull("text", 1, LEASE_S / 2)
        assert again.attempt == 2


@asynchronous
async def test_an_ack_after_the_lease_was_lost_still_counts(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a")
        [late] = await queue.pull("text", 1, SOON_S)
        await kind.lapse(1.1 * LEASE_S)
        [again] = await queue.pull("text", 1, SOON_S)
        assert await late.ack()
        assert await queue.lanes() == {}
        assert await again.ack()


@asynchronous
async def test_two_consumers_of_a_lane_share_it_without_overlap(kind: Kind) -> None:
    names = [str(number) for number in range(100)]
    async with kind.open() as one, kind.open() as other:
        await publish(one, *names)
        pulls = [queue.pull("text", 10, SOON_S) for _ in range(5) for queue in (one, other)]
        found = [name for deliveries in await asyncio.gather(*pulls) for name in ids_of(deliveries)]
    assert sorted(found, key=int) == names


@asynchronous
async def test_what_a_consumer_held_when_it_ended_comes_again_after_the_lease(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "a", "b")
        async with kind.open() as dying:
            await dying.pull("text", 1, SOON_S)
        assert ids_of(await queue.pull("text", 2, SOON_S)) == ["b"]
        await kind.lapse(1.1 * LEASE_S)
        assert "a" in ids_of(await queue.pull("text", 2, SOON_S))


@asynchronous
async def test_depth_counts_what_waits_and_what_is_in_flight_for_each_modality(kind: Kind) -> None:
    async with kind.open() as queue:
        await publish(queue, "1", "2", lane=lane_of([Modality.TEXT]))
        await publish(queue, "3", lane=lane_of([Modality.IMAGE, Modality.TEXT]))
        await publish(queue, "4", lane="unknown")
        [first, _] = await queue.pull("text", 2, SOON_S)
        assert await queue.lanes() == {"text": 2, "text-image": 1, "unknown": 1}
        assert await queue.depth() == {"text": 3, "image": 1, "audio": 0, "video": 0, "depth": 0}
        await first.ack()
        assert (await queue.depth())[Modality.TEXT] == 2


@asynchronous
async def test_a_full_queue_refuses_until_something_is_done(kind: Kind) -> None:
    async with kind.open(small=True) as queue:
        with pytest.raises(QueueFull, match="room for one more sample"):
            await publish(queue, *map(str, range(1_000)))
        accepted = sum((await queue.lanes()).values())
        deliveries = await queue.pull("text", 100, SOON_S)
        assert len(deliveries) == accepted > 2
        await deliveries[0].ack()
        await publish(queue, "one more")


@asynchronous
async def test_the_oldest_message_says_how_long_it_waits(kind: Kind) -> None:
    async with kind.open() as queue:
        assert await queue.oldest_age_s() is None
        await publish(queue, "a", "b")
        await kind.lapse(0.2)
        assert 0.2 <= (await queue.oldest_age_s() or 0) < 2
