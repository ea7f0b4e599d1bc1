from __future__ import annotations

import asyncio

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.metrics_adapter.freshness import Fresh


class Source:
    """Answers with how often it was asked, once it is let."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked = 0
        self.fault: Exception | None = None
        self.let = asyncio.Event()
        self.let.set()
        self.fresh: Fresh[str, int] = Fresh(1.0, lambda: self.now_s)

    async def ask(self) -> int:
        self.asked += 1
        await self.let.wait()
        if self.fault:
            raise self.fault
        return self.asked

    async def get(self, key: str = "one") -> int:
        return await self.fresh.of(key, self.ask)


@asynchronous
async def test_an_answer_is_good_for_a_while_from_when_it_was_asked_for() -> None:
    source = Source()
    assert await source.get() == 1
    source.now_s = 0.9
    assert await source.get() == 1
    source.now_s = 1.0
    assert await source.get() == 2


@asynchronous
async def test_who_asks_while_an_answer_is_on_its_way_waits_for_that_one() -> None:
    source = Source()
    source.let.clear()
    waiting = [asyncio.create_task(source.get()) for _ in range(5)]
    await asyncio.sleep(0)
    source.now_s = 10
    late = asyncio.create_task(source.get())
    await asyncio.sleep(0)
    source.let.set()
    assert await asyncio.gather(*waiting, late) == [1] * 6


@asynchronous
async def test_keys_do_not_share() -> None:
    source = Source()
    assert [await source.get("one"), await source.get("other")] == [1, 2]


@asynchronous
async def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    source = Source()
    source.fault = ValueError("no")
    source.let.clear()
    waiting = [asyncio.create_task(source.get()) for _ in range(2)]
    await asyncio.sleep(0)
    source.let.set()
    assert [type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)] == [ValueError] * 2
    source.fault = None
    assert await source.get() == 2


@asynchronous
async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    source = Source()
    source.let.clear()
    impatient, patient = asyncio.create_task(source.get()), asyncio.create_task(source.get())
    await asyncio.sleep(0)
    impatient.cancel()
    source.let.set()
    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


@asynchronous
async def test_old_answers_are_let_go_of_and_those_on_their_way_are_not() -> None:
    source = Source()
    for number in range(10):
        await source.get(str(number))
    source.let.clear()
    underway = asyncio.create_task(source.get("underway"))
    await asyncio.sleep(0)
    source.now_s = 10
    source.let.set()
    await source.get("last")
    assert set(source.fresh._held) == {"underway", "last"}  # noqa: SLF001  # what it holds is the point
    await underway


@asynchronous
async def test_after_its_end_nothing_is_on_its_way() -> None:
    source = Source()
    source.let.clear()
    waiting = asyncio.create_task(source.get())
    await asyncio.sleep(0)
    await source.fresh.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
