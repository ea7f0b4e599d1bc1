from __future__ import annotations

import asyncio

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.watching.workqueue import LONGEST_PAUSE_S, WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def is_empty(queue: WorkQueue[str]) -> bool:
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    return not waiting.done()


@asynchronous
async def test_a_key_that_is_added_twice_is_given_out_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add("a")

    assert await queue.get() == "a"
    assert await is_empty(queue)


@asynchronous
async def test_a_key_in_work_is_not_given_out_again_until_it_is_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()

    queue.add("a")
    assert await is_empty(queue)

    queue.done("a")
    assert await queue.get() == "a"


@asynchronous
async def test_the_earliest_time_wins() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a", 60)
    queue.add("a", 10)
    queue.add("a", 30)

    clock.now_s += 9
    assert await is_empty(queue)
    clock.now_s += 1

    assert await queue.get() == "a"


@asynchronous
async def test_patient_keys_come_after_all_others_that_are_due() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)
    for patient in ("a", "b", "c"):
        queue.add(patient, patient=True)
    clock.now_s += 1
    queue.add("edited")
    queue.add("b")
    queue.add("b", patient=True)
    queue.add("later", 60)

    assert [await queue.get() for _ in range(4)] == ["b", "edited", "a", "c"]
    assert await is_empty(queue)


@asynchronous
async def test_a_key_in_work_keeps_how_patient_it_is_until_it_is_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a", patient=True)
    queue.done("a")
    queue.add("edited")

    assert [await queue.get() for _ in range(2)] == ["edited", "a"]


@asynchronous
async def test_a_key_that_becomes_due_wakes_a_waiting_worker() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)

    queue.add("a", 0.01)

    assert await asyncio.wait_for(waiting, 5) == "a"


@asynchronous
async def test_two_waiting_workers_get_two_keys() -> None:
    queue: WorkQueue[str] = WorkQueue()
    workers = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)

    queue.add("a")
    queue.add("b")

    assert sorted(await asyncio.wait_for(asyncio.gather(*workers), 5)) == ["a", "b"]


@asynchronous
async def test_pauses_grow_with_failures_up_to_a_bound_and_success_forgets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda _, most: most)
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)

    async def fail() -> float:
        queue.add("a")
        clock.now_s += LONGEST_PAUSE_S
        return queue.failed(await queue.get())

    pauses = [await fail() for _ in range(12)]
    clock.now_s += LONGEST_PAUSE_S
    queue.done(await queue.get())
    anew = await fail()

    assert pauses == sorted(pauses)
    assert pauses[1] == 2 * pauses[0]
    assert pauses[-1] == LONGEST_PAUSE_S
    assert anew == pauses[0]


@asynchronous
async def test_length_and_age_are_of_what_is_due() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("later", 60)
    queue.add("now")
    clock.now_s += 5

    assert len(queue) == 1
    assert queue.oldest_age_s() == 5


@asynchronous
async def test_a_key_that_is_to_be_left_alone_comes_no_earlier() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    await queue.get()

    assert queue.failed("a", at_least_s=7) >= 7

    clock.now_s += 6.9
    assert await is_empty(queue)
