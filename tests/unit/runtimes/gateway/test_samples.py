"""The status of a sample, from its acceptance to its end, and its deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.runtimes.gateway.conftest import Ground, a_text

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.planning import Passage
from mmpipe.records import Modality, Rejected, Sample
from mmpipe.runtimes.gateway.acceptance import accept
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.samples import Samples
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.testing import a_result, a_sample
from mmpipe.v1 import error_pb2, sample_pb2


def samples_of(ground: Ground, stopping: asyncio.Event | None = None) -> Samples:
    stores = ground.store("stores", ground.stores())
    return Samples(ground.store("metadata", ground.metadata), stores, stopping or asyncio.Event())


def store(ground: Ground, sample: Sample, rejected: dict[Modality, Rejected] | None = None) -> None:
    with_claims = ground.sink()
    with_claims.keep(sample)
    with_claims.write([a_result(sample, rejected)], Passage(ground.moment))


def bell() -> Sample:
    return a_sample("bell", {Modality.TEXT: b"a red bell", Modality.IMAGE: b"pixels"})


def test_a_stored_sample_tells_what_became_of_its_parts(ground: Ground) -> None:
    store(ground, bell(), {Modality.IMAGE: Rejected("image.decode", "broken", 1.0, 2.0)})

    status = asyncio.run(samples_of(ground).get("bell"))

    assert status.state == sample_pb2.SAMPLE_STATE_STORED
    text, image = status.parts
    assert text.row_id
    assert (image.rejected.gate, image.rejected.score, image.rejected.threshold) == ("image.decode", 1.0, 2.0)
    assert status.weights
    assert status.HasField("written_at")


def test_a_sample_that_nobody_accepted_is_not_found(ground: Ground) -> None:
    with pytest.raises(Refusal) as refused:
        asyncio.run(samples_of(ground).get("bell"))

    assert refused.value.fault.reason == error_pb2.REASON_NOT_FOUND


def test_a_watch_tells_each_change_and_ends_when_the_sample_is_settled(ground: Ground) -> None:
    async def scenario() -> list[int]:
        await accept(ground.door(), a_text("a red bell", "bell"))
        states: list[int] = []
        async for status in samples_of(ground).watch("bell"):
            states.append(status.state)
            if status.state == sample_pb2.SAMPLE_STATE_QUEUED:
                await asyncio.to_thread(store, ground, bell())
        return states

    states = asyncio.run(asyncio.wait_for(scenario(), 30))

    assert states == [sample_pb2.SAMPLE_STATE_QUEUED, sample_pb2.SAMPLE_STATE_STORED]


def test_a_watch_says_nothing_twice(ground: Ground) -> None:
    asked = asyncio.Event()

    class Counting(Store[Metadata]):
        count = 0

        async def ask[T](self, question: Callable[[Metadata], T]) -> T:
            self.count += 1
            if self.count == 3:
                asked.set()
            return await super().ask(question)

    async def scenario() -> list[int]:
        await accept(ground.door(), a_text("a red bell", "bell"))
        counting = Counting(Dependency("metadata"), lambda: ground.metadata)
        watching = replace(samples_of(ground), metadata=counting).watch("bell")
        told = [(await anext(watching)).state]
        second = asyncio.ensure_future(anext(watching))
        await asked.wait()
        await asyncio.to_thread(store, ground, bell())
        return [*told, (await second).state]

    states = asyncio.run(asyncio.wait_for(scenario(), 30))

    assert states == [sample_pb2.SAMPLE_STATE_QUEUED, sample_pb2.SAMPLE_STATE_STORED]


def test_a_watch_ends_when_the_gateway_stops(ground: Ground) -> None:
    async def scenario() -> None:
        stopping = asyncio.Event()
        await accept(ground.door(), a_text("a red bell", "bell"))
        async for _ in samples_of(ground, stopping).watch("bell"):
            stopping.set()

    with pytest.raises(Refusal) as ended:
        asyncio.run(asyncio.wait_for(scenario(), 30))

    assert ended.value.fault.reason == error_pb2.REASON_NOT_SERVING


def test_a_deleted_sample_is_in_no_store(ground: Ground) -> None:
    store(ground, bell())

    forgotten = asyncio.run(samples_of(ground).delete("bell"))

    assert (forgotten.vectors, forgotten.originals) == (3, 2)
    assert not ground.vectors.rows
    with pytest.raises(Refusal):
        asyncio.run(samples_of(ground).get("bell"))


def test_deleting_what_nobody_knows_is_not_found(ground: Ground) -> None:
    with pytest.raises(Refusal) as refused:
        asyncio.run(samples_of(ground).delete("bell"))

    assert refused.value.fault.reason == error_pb2.REASON_NOT_FOUND


def test_a_sample_that_was_deleted_is_queued_again_when_it_is_sent_again(ground: Ground) -> None:
    async def scenario() -> bool:
        door = ground.door()
        await accept(door, a_text("a red bell", "bell"))
        await samples_of(ground).delete("bell")
        receipt = await accept(door, a_text("a red bell", "bell"))
        return receipt.duplicate

    assert asyncio.run(scenario()) is False
    assert len(ground.queue.messages) == 2
