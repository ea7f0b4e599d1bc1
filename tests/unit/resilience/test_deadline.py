"""Deadlines only shrink, and follow the work."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.resilience.clock import Clock

from mmpipe.resilience import deadline
from mmpipe.resilience.deadline import DeadlinePassed


def test_without_a_deadline_there_is_no_limit() -> None:
    assert deadline.remaining() is None
    assert deadline.timeout() is None
    deadline.check()


def test_time_goes_by() -> None:
    clock = Clock()

    with deadline.within(5, clock):
        clock.advance(2)
        left = deadline.remaining()

    assert left == 3
    assert deadline.remaining() is None


@pytest.mark.parametrize(("inner", "left"), [(2, 2), (60, 5), (None, 5)])
def test_an_inner_deadline_only_shrinks_the_outer_one(inner: float | None, left: float) -> None:
    with deadline.within(5, Clock()), deadline.within(inner):
        assert deadline.remaining() == left


def test_an_inner_deadline_counts_from_its_own_beginning_on_the_outer_clock() -> None:
    clock = Clock()

    with deadline.within(5, clock):
        clock.advance(1)
        with deadline.within(2, Clock(now=0)):
            clock.advance(0.5)
            assert deadline.remaining() == 1.5


def test_no_time_given_is_no_deadline() -> None:
    with deadline.within(None):
        assert deadline.remaining() is None


def test_an_error_within_ends_it_too() -> None:
    with pytest.raises(ValueError, match="broken"), deadline.within(5, Clock()):
        raise ValueError("broken")
    assert deadline.remaining() is None


def test_what_was_shrunk_inside_is_as_before_outside() -> None:
    with deadline.within(5, Clock()):
        with deadline.within(1):
            pass
        assert deadline.remaining() == 5


def test_after_it_nothing_begins() -> None:
    clock = Clock()

    with deadline.within(1, clock):
        clock.advance(1.5)
        with pytest.raises(DeadlinePassed, match=r"0\.5 s ago"):
            deadline.check()
        with pytest.raises(DeadlinePassed):
            deadline.timeout()


def test_at_the_very_moment_it_has_passed() -> None:
    with deadline.within(0, Clock()), pytest.raises(DeadlinePassed):
        deadline.check()


def test_what_is_left_becomes_negative() -> None:
    clock = Clock()

    with deadline.within(1, clock):
        clock.advance(3)
        assert deadline.remaining() == -2


def test_a_call_gets_what_is_left_and_no_more_than_it_may_take() -> None:
    with deadline.within(5, Clock()):
        assert deadline.timeout() == 5
        assert deadline.timeout(at_most=2) == 2
    assert deadline.timeout(at_most=2) == 2


def test_it_follows_into_tasks_and_threads() -> None:
    async def scenario() -> tuple[float | None, float | None]:
        async def left() -> float | None:
            return deadline.remaining()

        with deadline.within(5, Clock()):
            return await asyncio.create_task(left()), await asyncio.to_thread(deadline.remaining)

    assert asyncio.run(scenario()) == (5, 5)


def test_tasks_beside_each_other_have_deadlines_of_their_own() -> None:
    async def left(seconds: float) -> float | None:
        with deadline.within(seconds, Clock()):
            await asyncio.sleep(0)
            return deadline.remaining()

    async def scenario() -> list[float | None]:
        return list(await asyncio.gather(left(1), left(2)))

    assert asyncio.run(scenario()) == [1, 2]


def test_a_task_that_was_begun_before_has_none() -> None:
    async def scenario() -> float | None:
        begun = asyncio.Event()

        async def left() -> float | None:
            await begun.wait()
            return deadline.remaining()

        task = asyncio.create_task(left())
        with deadline.within(5, Clock()):
            begun.set()
            return await task

    assert asyncio.run(scenario()) is None
