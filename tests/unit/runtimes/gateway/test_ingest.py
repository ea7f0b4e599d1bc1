"""Packs on a stream: a receipt for each sample, faults beside their neighbours, an end that loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from tests.unit.runtimes.gateway.conftest import Ground, a_text

from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.protocol import Lane, Published
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.ingest import MAX_PACK_BYTES, MAX_SAMPLES, PACKS_PER_STREAM, Ingest
from mmpipe.runtimes.gateway.queueing import GuardedQueue
from mmpipe.spec.processes import Limits
from mmpipe.v1 import error_pb2, gateway_pb2, sample_pb2

type Pack = gateway_pb2.IngestRequest


def a_pack(number: int, *samples: sample_pb2.Sample) -> Pack:
    return gateway_pb2.IngestRequest(pack=number, samples=samples)


async def stream(packs: Sequence[Pack]) -> AsyncIterator[Pack]:
    for pack in packs:
        yield pack


async def answers_to(ingest: Ingest, packs: Sequence[Pack]) -> dict[int, list[gateway_pb2.Receipt]]:
    return {answer.pack: list(answer.receipts) async for answer in ingest.answers(stream(packs))}


def ingested(ground: Ground, packs: Sequence[Pack]) -> dict[int, list[gateway_pb2.Receipt]]:
    return asyncio.run(answers_to(Ingest(ground.door(), asyncio.Event()), packs))


def test_each_sample_of_each_pack_has_a_receipt_in_order(ground: Ground) -> None:
    packs = [a_pack(pack, *(a_text(f"{pack} {at}", f"{pack}/{at}") for at in range(5))) for pack in range(20)]

    answers = ingested(ground, packs)

    assert {pack: [receipt.sample_id for receipt in receipts] for pack, receipts in answers.items()} == {
        pack: [f"{pack}/{at}" for at in range(5)] for pack in range(20)
    }
    assert len(ground.queue.messages) == 100


def test_a_fault_of_one_sample_is_in_its_receipt_and_touches_no_other(ground: Ground) -> None:
    bad = sample_pb2.Sample(id="bad", parts=[sample_pb2.Part()])

    ((first, faulty, last),) = ingested(ground, [a_pack(0, a_text("x", "a"), bad, a_text("y", "c"))]).values()

    assert [receipt.HasField("error") for receipt in (first, faulty, last)] == [False, True, False]
    assert (faulty.error.field, faulty.error.reason) == ("samples[1].parts[0].media", error_pb2.REASON_BAD_FIELD)
    assert len(ground.queue.messages) == 2


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (a_pack(7, *[sample_pb2.Sample(id="a")] * (MAX_SAMPLES + 1)), error_pb2.REASON_BAD_FIELD),
        (a_pack(7, a_text("x" * MAX_PACK_BYTES, "a"), a_text("x", "b")), error_pb2.REASON_TOO_LARGE),
    ],
    ids=["samples", "bytes"],
)
def test_a_pack_that_is_too_large_is_refused_in_every_receipt(ground: Ground, pack: Pack, reason: int) -> None:
    (receipts,) = ingested(ground, [pack]).values()

    assert [receipt.error.reason for receipt in receipts] == [reason] * len(pack.samples)
    assert not ground.queue.messages


def test_a_pack_during_an_outage_is_told_in_every_receipt_when_to_try_again(ground: Ground) -> None:
    ground.queue.reachable = False

    (receipts,) = ingested(ground, [a_pack(0, a_text("x", "a"), a_text("y", "b"))]).values()

    assert [receipt.sample_id for receipt in receipts] == ["a", "b"]
    for receipt in receipts:
        assert receipt.error.reason == error_pb2.REASON_DEPENDENCY_DOWN
        assert receipt.error.retry_after.ToMilliseconds() > 0


def test_a_sample_of_a_pack_that_is_too_large_is_named_by_its_place(ground: Ground) -> None:
    ingest = Ingest(ground.door(Limits(max_sample_bytes=100)), asyncio.Event())

    (receipts,) = asyncio.run(answers_to(ingest, [a_pack(0, a_text("x", "a"), a_text("y" * 200, "b"))])).values()

    assert [receipt.error.field for receipt in receipts] == ["", "samples[1]"]


class Gate:
    """A queue that publishes only what it is told to."""

    def __init__(self, ground: Ground) -> None:
        self._queue = ground.queue
        self.waiting: dict[str, asyncio.Event] = {}
        self.arrived = asyncio.Condition()

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        released = self.waiting[envelope.sample.id] = asyncio.Event()
        async with self.arrived:
            self.arrived.notify_all()
        await released.wait()
        return await self._queue.publish(envelope, lane, dedupe_id)

    async def holds(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.waiting) == count)


def gated(ground: Ground, stopping: asyncio.Event | None = None) -> tuple[Ingest, Gate]:
    gate = Gate(ground)
    return Ingest(
        replace(ground.door(), queue=GuardedQueue(gate, Dependency("queue"))), stopping or asyncio.Event()
    ), gate


def test_packs_are_answered_as_they_are_done(ground: Ground) -> None:
    async def scenario() -> list[int]:
        ingest, gate = gated(ground)
        answers = ingest.answers(stream([a_pack(1, a_text("x", "slow")), a_pack(2, a_text("y", "fast"))]))
        first = asyncio.ensure_future(anext(answers))
        await gate.holds(2)
        gate.waiting["fast"].set()
        order = [(await first).pack]
        gate.waiting["slow"].set()
        return order + [answer.pack async for answer in answers]

    assert asyncio.run(scenario()) == [2, 1]


def test_no_more_packs_are_read_than_may_wait_for_their_answers(ground: Ground) -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[Pack]:
        for number in range(1_000):
            read.append(number)
            yield a_pack(number, a_text("x", str(number)))

    async def scenario() -> int:
        ingest, gate = gated(ground)
        answers = ingest.answers(endless())
        first = asyncio.ensure_future(anext(answers))
        await gate.holds(PACKS_PER_STREAM + 1)
        for _ in range(10):
            await asyncio.sleep(0)
        count = len(read)
        first.cancel()
        await asyncio.wait((first,))
        await answers.aclose()  # type: ignore[attr-defined]  # an async generator
        return count

    assert asyncio.run(scenario()) == PACKS_PER_STREAM + 1


def test_a_gateway_that_stops_answers_what_it_has_read_and_then_ends_the_stream(ground: Ground) -> None:
    async def scenario() -> list[int]:
        stopping, never = asyncio.Event(), asyncio.Event()

        async def waits_for_more() -> AsyncIterator[Pack]:
            yield a_pack(1, a_text("x", "a"))
            await never.wait()

        ingest, gate = gated(ground, stopping)
        answers = ingest.answers(waits_for_more())
        first = asyncio.ensure_future(anext(answers))
        await gate.holds(1)
        stopping.set()
        gate.waiting["a"].set()
        answered = [(await first).pack]
        with pytest.raises(Refusal) as ended:
            await anext(answers)
        assert ended.value.fault.reason == error_pb2.REASON_NOT_SERVING
        return answered

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [1]


def test_a_bug_met_by_one_sample_is_its_own_and_says_nothing_of_our_insides(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ground.queue.publish

    async def publish(envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        if envelope.sample.id == "b":
            raise KeyError("the secret")
        return await original(envelope, lane, dedupe_id)

    monkeypatch.setattr(type(ground.queue), "publish", lambda _, *arguments: publish(*arguments))

    ((fine, broken),) = ingested(ground, [a_pack(0, a_text("x", "a"), a_text("y", "b"))]).values()

    assert not fine.HasField("error")
    assert broken.error.reason == error_pb2.REASON_BUG
    assert "secret" not in broken.error.message
