"""What is in flight is bounded, and shared fairly between lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

from mmpipe.runtimes.worker.room import Room


def test_a_lane_alone_may_have_all_the_room() -> None:
    async def seats() -> int:
        return await Room(8, 100).seats("video")

    assert asyncio.run(seats()) == 8


def test_a_backlog_of_films_leaves_room_for_texts() -> None:
    async def scenario() -> tuple[bool, int]:
        room = Room(8, 100)
        await room.share_between({"video", "text"})
        async with AsyncExitStack() as held:
            for _ in range(4):
                await held.enter_async_context(room.seat("video"))
            films_wait = await _waits(room.seats("video"))
            return films_wait, await room.seats("text")

    assert asyncio.run(scenario()) == (True, 4)


def test_samples_that_wait_for_a_dead_service_leave_room_though_their_lane_was_alone_when_they_came() -> None:
    async def scenario() -> int:
        room = Room(8, 100)
        async with AsyncExitStack() as held:
            for _ in range(7):
                await held.enter_async_context(room.seat("video"))
            return await room.seats("text")

    assert asyncio.run(scenario()) == 1


def test_a_seat_given_back_wakes_who_waits() -> None:
    async def scenario() -> int:
        room = Room(1, 100)
        async with room.seat("text"):
            waiting = asyncio.create_task(room.seats("text"))
            await asyncio.sleep(0)
            assert not waiting.done()
        return await waiting

    assert asyncio.run(scenario()) == 1


def test_bytes_wait_for_room_in_their_lane() -> None:
    async def scenario() -> bool:
        room = Room(8, 100)
        async with room.seat("image"), room.space("image", 60):
            return await _waits(_enter(room, "image", 60))

    assert asyncio.run(scenario())


def test_a_sample_larger_than_all_room_goes_alone() -> None:
    async def scenario() -> None:
        room = Room(8, 100)
        async with room.space("video", 1_000):
            assert await _waits(_enter(room, "video", 1))
        await _enter(room, "video", 1)

    asyncio.run(scenario())


async def _enter(room: Room, lane: str, size_bytes: int) -> None:
    async with room.space(lane, size_bytes):
        return


async def _waits(work: Coroutine[Any, Any, object]) -> bool:
    task = asyncio.create_task(work)
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        task.result()
        return False
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return True
