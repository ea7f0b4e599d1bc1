"""The queue in front of the computing threads: real threads, no sleeps, time by hand where it matters."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from mmpipe.runtimes.stage_server.batching import LONGEST_PUSHBACK_S, SHORTEST_PUSHBACK_S, Batcher, Call
from mmpipe.runtimes.stage_server.faults import Abandoned, QueueFull, Stopping
from mmpipe.runtimes.stage_server.lanes import Limits, Load

SOON_S = 10.0


@dataclass(eq=False)
class Doubling:
    """Work that doubles numbers; it says what it was given, and waits at its gate where there is one."""

    gate: threading.Event | None = None
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    batches: list[list[Any]] = field(default_factory=list)
    most_items: int = 1_000

    def __call__(self, items: Sequence[Any], /) -> list[Any]:
        self.batches.append(list(items))
        self.begun.release()
        if self.gate is not None:
            assert self.gate.wait(SOON_S)
        return [2 * item for item in items]


@dataclass(eq=False)
class Failing:
    most_items: int = 1_000

    def __call__(self, _items: Sequence[Any], /) -> list[Any]:
        raise RuntimeError("a bug")


def limits(batch_items: int = 8, queued_items: int = 1_000) -> Limits:
    return Limits(batch_items, 10**6, queued_items, 10**9, ageing_s=2.0)


@contextmanager
def batcher(
    bounds: Limits | None = None,
    threads: int = 1,
    max_wait_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Batcher]:
    made = Batcher(bounds or limits(), threads, max_wait_s, clock=clock)
    made.start()
    yield made
    made.close()
    assert made.join(SOON_S)


def call(work: Any, *items: Any, query: bool = False, deadline_s: float = math.inf) -> Call:  # noqa: ANN401
    return Call(work, items, [1] * len(items), query, deadline_s)


def queued(queue: Batcher, made: Call) -> Call:
    with queue.room(Load(len(made.items), len(made.items))):
        queue.enqueue(made)
    return made


@contextmanager
def busy(queue: Batcher, threads: int = 1) -> Iterator[None]:
    """All threads are held in the block."""
    gate = threading.Event()
    holding = Doubling(gate)
    for _ in range(threads):
        queued(queue, call(holding, 0))
        assert holding.begun.acquire(timeout=SOON_S)
    try:
        yield
    finally:
        gate.set()


def test_a_call_gets_its_answers_in_its_order() -> None:
    with batcher(limits(batch_items=2), threads=3) as queue:
        assert queue.wait(queued(queue, call(Doubling(), *range(9)))) == list(range(0, 18, 2))


def test_a_free_thread_takes_a_single_item_at_once_however_long_others_may_be_held() -> None:
    with batcher(max_wait_s=SOON_S * 100) as queue:
        made = queued(queue, call(Doubling(), 1))
        assert made.done.wait(SOON_S)


def test_calls_that_wait_while_every_thread_is_busy_share_a_batch() -> None:
    work = Doubling()
    with batcher() as queue:
        with busy(queue):
            calls = [queued(queue, call(work, number)) for number in range(4)]
        assert [queue.wait(made) for made in calls] == [[0], [2], [4], [6]]
    assert work.batches == [[0, 1, 2, 3]]


def test_a_call_that_came_while_all_were_busy_is_held_for_others_until_it_is_due() -> None:
    now, work = [0.0], Doubling()
    with batcher(limits(batch_items=2), max_wait_s=SOON_S, clock=lambda: now[0]) as queue:
        with busy(queue):
            first = queued(queue, call(work, 1))
        second = queued(queue, call(work, 2))
        assert [queue.wait(first), queue.wait(second)] == [[2], [4]]
    assert work.batches == [[1, 2]]


def test_a_query_overtakes_a_hundred_samples() -> None:
    work = Doubling()
    with batcher() as queue:
        with busy(queue):
            samples = [queued(queue, call(work, number)) for number in range(100)]
            query = queued(queue, call(work, "?", query=True))
        queue.wait(query)
        for sample in samples:
            queue.wait(sample)
    assert work.batches[0] == ["?"]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    with batcher(limits(queued_items=3)) as queue, busy(queue):
        for number in range(3):
            queued(queue, call(Doubling(), number))
        with pytest.raises(QueueFull, match="found 3 items waiting") as refused:
            queued(queue, call(Doubling(), 4))
    assert SHORTEST_PUSHBACK_S <= refused.value.retry_after_s <= LONGEST_PUSHBACK_S


def test_the_time_to_come_again_follows_the_pace_of_the_work() -> None:
    now = [0.0]

    @dataclass(eq=False)
    class Slow(Doubling):
        def __call__(self, items: Sequence[Any], /) -> list[Any]:
            now[0] += 3.0 * len(items)
            return super().__call__(items)

    with batcher(limits(queued_items=2), clock=lambda: now[0]) as queue:
        for _ in range(20):
            queue.wait(queued(queue, call(Slow(), 1)))
        with busy(queue):
            queued(queue, call(Doubling(), 1, 2))
            with pytest.raises(QueueFull) as refused:
                queued(queue, call(Doubling(), 3))
    assert refused.value.retry_after_s == pytest.approx(3.0, rel=0.1)


def test_room_that_is_held_counts_as_taken_and_is_given_back() -> None:
    with batcher(limits(queued_items=3)) as queue:
        with queue.room(Load(3, 0)), pytest.raises(QueueFull), queue.room(Load(1, 0)):
            pass
        with queue.room(Load(3, 0)):
            pass


def test_an_abandoned_call_is_never_computed() -> None:
    work = Doubling()
    with batcher() as queue:
        with busy(queue):
            gone, kept = queued(queue, call(work, 1)), queued(queue, call(work, 2))
            queue.abandon(gone)
            assert queue.waiting() == {True: 0, False: 1}
        assert queue.wait(kept) == [4]
        with pytest.raises(Abandoned):
            queue.wait(gone)
    assert work.batches == [[2]]


def test_a_call_that_is_abandoned_before_it_queues_is_never_computed() -> None:
    work = Doubling()
    with batcher() as queue:
        made = call(work, 1)
        queue.abandon(made)
        queued(queue, made)
        with pytest.raises(Abandoned):
            queue.wait(made)
    assert work.batches == []


def test_a_call_past_its_deadline_is_never_computed() -> None:
    now, work = [0.0], Doubling()
    with batcher(clock=lambda: now[0]) as queue:
        with busy(queue):
            late, early = queued(queue, call(work, 1, deadline_s=5)), queued(queue, call(work, 2, deadline_s=50))
            now[0] = 5.0
        assert queue.wait(early) == [4]
        with pytest.raises(Abandoned):
            queue.wait(late)
    assert work.batches == [[2]]


def test_work_that_raises_fails_its_calls_and_no_others() -> None:
    with batcher() as queue:
        with pytest.raises(RuntimeError, match="a bug"):
            queue.wait(queued(queue, call(Failing(), 1)))
        assert queue.wait(queued(queue, call(Doubling(), 1))) == [2]


def test_a_closed_queue_takes_no_new_calls_and_finishes_those_that_wait() -> None:
    work = Doubling()
    with batcher() as queue:
        with busy(queue):
            waiting = queued(queue, call(work, 1))
            queue.close()
            with pytest.raises(Stopping):
                queued(queue, call(work, 2))
        assert queue.wait(waiting) == [2]
        assert queue.join(SOON_S)


def test_a_closed_queue_waits_for_a_call_that_has_room_already() -> None:
    with batcher() as queue, queue.room(Load(1, 1)):
        queue.close()
        made = call(Doubling(), 1)
        queue.enqueue(made)
        assert queue.wait(made) == [2]


def test_a_call_of_nothing_is_answered_with_nothing() -> None:
    with batcher() as queue:
        assert queue.wait(queued(queue, call(Doubling()))) == []
