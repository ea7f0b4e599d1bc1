"""Another try: when, how long after, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mmpipe.resilience import deadline
from mmpipe.resilience.budget import Budget
from mmpipe.resilience.retry import async_retrying, retrying
from mmpipe.spec.delivery import Retry

OPTIONS = Retry(attempts=4, initial_backoff_seconds=0.1, max_backoff_seconds=1)


class Transient(Exception):  # noqa: N818  # it reads as what it is
    """May be gone at the next attempt; ``asked_s`` is what the server asked for."""

    def __init__(self, asked_s: float | None = None) -> None:
        super().__init__("not now")
        self.asked_s = asked_s


@dataclass(slots=True)
class Flaky:
    """Raises what it is told, one after the other, then answers."""

    faults: list[Exception]
    calls: int = 0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"

    async def awaited(self) -> str:
        return self()


def test_a_transient_error_is_tried_again() -> None:
    flaky = Flaky([Transient(), Transient()])

    assert _try(flaky) == "answer"
    assert flaky.calls == 3


def test_a_permanent_error_is_not() -> None:
    flaky = Flaky([ValueError("never")])

    with pytest.raises(ValueError, match="never"):
        _try(flaky)
    assert flaky.calls == 1


def test_the_last_error_is_raised_as_it_is() -> None:
    last = Transient()
    flaky = Flaky([Transient(), Transient(), Transient(), last])

    with pytest.raises(Transient) as caught:
        _try(flaky)

    assert caught.value is last
    assert flaky.calls == OPTIONS.attempts


def test_pauses_are_drawn_below_a_bound_that_doubles_to_the_longest() -> None:
    options = OPTIONS.model_copy(update={"attempts": 9})
    drawn: list[list[float]] = []
    for _ in range(200):
        flaky = Flaky([Transient()] * 8)
        _try(flaky, options=options)
        drawn.append(flaky.pauses)

    for attempt, pauses in enumerate(zip(*drawn, strict=True)):
        bound = min(OPTIONS.max_backoff_seconds, OPTIONS.initial_backoff_seconds * 2**attempt)
        assert max(pauses) <= bound
        assert max(pauses) > bound / 2
        assert min(pauses) < bound / 4


def test_the_server_decides_on_the_pause_where_it_asks_for_one() -> None:
    flaky = Flaky([Transient(7), Transient()])

    _try(flaky)

    assert flaky.pauses[0] == 7
    assert flaky.pauses[1] <= 0.2


def test_no_attempt_is_waited_for_that_would_begin_after_the_deadline() -> None:
    flaky = Flaky([Transient(7)])

    with deadline.within(5), pytest.raises(Transient):
        _try(flaky)

    assert flaky.calls == 1
    assert flaky.pauses == []


def test_without_a_budget_there_is_no_retry() -> None:
    flaky = Flaky([Transient()])

    with pytest.raises(Transient):
        _try(flaky, budget=Budget(ratio=0, min_per_second=0, clock=lambda: 0))

    assert flaky.calls == 1


def test_calls_that_succeed_pay_for_retries_and_take_none() -> None:
    budget = Budget(ratio=0.5, min_per_second=0, clock=lambda: 0)

    for _ in range(4):
        _try(Flaky([]), budget=budget)

    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_each_retry_is_told() -> None:
    told: list[int] = []
    flaky = Flaky([Transient(), Transient()])

    _try(flaky, on_retry=lambda call: told.append(call.attempt_number))

    assert told == [1, 2]


def test_coroutines_are_tried_again_alike() -> None:
    flaky = Flaky([Transient(7), Transient()])

    async def pause(seconds: float) -> None:
        flaky.pauses.append(seconds)

    async def scenario() -> str:
        policy = async_retrying(OPTIONS, Budget(), _is_transient, _asked)
        policy.sleep = pause
        return str(await policy(flaky.awaited))

    assert asyncio.run(scenario()) == "answer"
    assert flaky.pauses[0] == 7


def test_a_cancelled_coroutine_is_not_tried_again() -> None:
    calls = 0

    async def cancelled() -> None:
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    async def scenario() -> None:
        await async_retrying(OPTIONS, Budget(), lambda _: True)(cancelled)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
    assert calls == 1


def _try(
    flaky: Flaky,
    *,
    options: Retry = OPTIONS,
    budget: Budget | None = None,
    on_retry: Callable[..., None] | None = None,
) -> str:
    policy = retrying(options, budget or Budget(), _is_transient, _asked, on_retry)
    policy.sleep = flaky.pauses.append
    return str(policy(flaky))


def _is_transient(error: Exception) -> bool:
    return isinstance(error, Transient)


def _asked(error: Exception) -> float | None:
    return error.asked_s if isinstance(error, Transient) else None
