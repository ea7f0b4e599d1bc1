"""Acceptances are written in groups, and nobody waits long for a store that does not answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.metadata.acceptances import Acceptance
from mmpipe.runtimes.gateway.recording import GROUP, Recorder

NEVER_S = 60.0


def an_acceptance(name: str) -> Acceptance:
    return Acceptance(name, datetime(2026, 1, 1, tzinfo=UTC), "", "digest", "text")


def test_what_comes_while_a_group_is_on_its_way_is_the_next_group() -> None:
    groups: list[list[str]] = []
    begun, go_on = threading.Event(), threading.Event()

    def write(batch: Sequence[Acceptance]) -> None:
        groups.append([each.sample_id for each in batch])
        begun.set()
        go_on.wait()

    async def record() -> None:
        recorder = Recorder(write, wait_s=NEVER_S)
        first = asyncio.create_task(recorder.record(an_acceptance("first")))
        await asyncio.to_thread(begun.wait)
        rest = [asyncio.create_task(recorder.record(an_acceptance(str(at)))) for at in range(GROUP + 1)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *rest)

    asyncio.run(record())

    assert [len(group) for group in groups] == [1, GROUP, 1]


def test_a_receipt_waits_for_a_store_that_hangs_no_longer_than_it_must() -> None:
    go_on = threading.Event()

    def hang(_: object) -> None:
        go_on.wait()

    async def record() -> None:
        recorder = Recorder(hang, wait_s=0.01)
        await recorder.record(an_acceptance("a"))
        go_on.set()
        await recorder.close()

    asyncio.run(asyncio.wait_for(record(), NEVER_S))


def test_what_a_store_could_not_take_is_written_when_it_is_back() -> None:
    written: list[str] = []
    faults = iter([StoreUnreachable("metadata", "nothing", "an answer", "start it")])

    def write(batch: Sequence[Acceptance]) -> None:
        for fault in faults:
            raise fault
        written.extend(each.sample_id for each in batch)

    async def record() -> None:
        recorder = Recorder(write, wait_s=NEVER_S, retry_s=0.001)
        await asyncio.gather(*(recorder.record(an_acceptance(name)) for name in "abc"))

    asyncio.run(asyncio.wait_for(record(), NEVER_S))

    assert written == ["a", "b", "c"]


def test_what_is_left_when_the_gateway_stops_is_written_then() -> None:
    written: list[str] = []
    faults = iter([StoreUnreachable("metadata", "nothing", "an answer", "start it")])

    def write(batch: Sequence[Acceptance]) -> None:
        for fault in faults:
            raise fault
        written.extend(each.sample_id for each in batch)

    async def record() -> None:
        recorder = Recorder(write, wait_s=0.01, retry_s=NEVER_S)
        await recorder.record(an_acceptance("a"))
        await recorder.close()

    asyncio.run(record())

    assert written == ["a"]
