"""Another try: when, how long after, and when not; for threads and for coroutines alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from tests.unit.resilience.clock import Clock

from mmpipe.resilience import deadline
from mmpipe.resilience.budget import Budget
from mmpipe.resilience.retry import OnRetry, async_retrying, retrying
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

    faults: list[BaseException]
    calls: int = 0
    clock: Clock = field(default_factory=Clock)

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"

    async def awaited(self) -> str:
        return self()

    @property
    def pauses(self) -> list[float]:
        return self.clock.pauses


def _threads(flaky: Flaky, options: Retry = OPTIONS, budget: Budget | None = None, told: OnRetry | None = None) -> str:
    policy = retrying(options, budget or _plenty(), _is_transient, _asked, told)
    policy.sleep = flaky.clock.sleep
    return str(policy(flaky))


def _coroutines(
    flaky: Flaky, options: Retry = OPTIONS, budget: Budget | None = None, told: OnRetry | None = None
) -> str:
    async def scenario() -> str:
        policy = async_retrying(options, budget or _plenty(), _is_transient, _asked, told)
        policy = policy.copy(sleep=flaky.clock.sleep_by_aio)
        return str(await policy(flaky.awaited))

    return asyncio.run(scenario())


type Try = Callable[..., str]

each_way = pytest.mark.parametrize("try_", [_threads, _coroutines])


@each_way
def test_a_transient_error_is_tried_again(try_: Try) -> None:
    flaky = Flaky([Transient(), Transient()])

    assert try_(flaky) == "answer"
    assert flaky.calls == 3


@each_way
def test_a_permanent_error_is_not(try_: Try) -> None:
    flaky = Flaky([ValueError("never")])

    with pytest.raises(ValueError, match="never"):
        try_(flaky)
    assert flaky.calls == 1


@each_way
def test_an_error_that_turns_permanent_ends_it(try_: Try) -> None:
    flaky = Flaky([Transient(), ValueError("never")])

    with pytest.raises(ValueError, match="never"):
        try_(flaky)
    assert flaky.calls == 2


@each_way
def test_the_last_error_is_raised_as_it_is(try_: Try) -> None:
    last = Transient()
    flaky = Flaky([Transient(), Transient(), Transient(), last])

    with pytest.raises(Transient) as caught:
        try_(flaky)

    assert caught.value is last
    assert flaky.calls == OPTIONS.attempts


def test_pauses_are_drawn_below_a_bound_that_doubles_to_the_longest() -> None:
    options = OPTIONS.model_copy(update={"attempts": 9})
    drawn: list[list[float]] = []
    for _ in range(200):
        flaky = Flaky([Transient()] * 8)
        _threads(flaky, options)
        drawn.append(flaky.pauses)

    for attempt, pauses in enumerate(zip(*drawn, strict=True)):
        bound = min(OPTIONS.max_backoff_seconds, OPTIONS.initial_backoff_seconds * 2**attempt)
        assert max(pauses) <= bound
        assert max(pauses) > bound / 2
        assert min(pauses) < bound / 4


@each_way
def test_the_server_decides_on_the_pause_where_it_asks_for_one(try_: Try) -> None:
    flaky = Flaky([Transient(7), Transient()])

    try_(flaky)

    assert flaky.pauses[0] == 7
    assert flaky.pauses[1] <= 0.2


def test_a_server_that_asks_for_no_pause_gets_none() -> None:
    flaky = Flaky([Transient(0.0)] * 3)

    _threads(flaky)

    assert flaky.pauses == [0.0] * 3


@each_way
def test_no_attempt_is_waited_for_that_would_begin_after_the_deadline(try_: Try) -> None:
    flaky = Flaky([Transient(4), Transient(1)])

    with deadline.within(5, flaky.clock), pytest.raises(Transient):
        try_(flaky)

    assert flaky.calls == 2
    assert flaky.pauses == [4]


@each_way
def test_an_attempt_that_begins_before_the_deadline_is_made(try_: Try) -> None:
    flaky = Flaky([Transient(4), Transient(0.9)])

    with deadline.within(5, flaky.clock):
        assert try_(flaky) == "answer"


@each_way
def test_without_a_budget_there_is_no_retry(try_: Try) -> None:
    flaky = Flaky([Transient()])

    with pytest.raises(Transient):
        try_(flaky, budget=_holding(0))

    assert flaky.calls == 1


@each_way
def test_retries_end_where_the_budget_is_spent(try_: Try) -> None:
    flaky = Flaky([Transient()] * 4)

    with pytest.raises(Transient):
        try_(flaky, budget=_holding(2))

    assert flaky.calls == 3


@each_way
def test_calls_that_succeed_pay_for_retries_and_take_none(try_: Try) -> None:
    budget = Budget(ratio=0.5, min_per_second=0, clock=Clock())

    for _ in range(4):
        try_(Flaky([]), budget=budget)

    assert _left(budget) == 2


@each_way
def test_retries_pay_nothing_in(try_: Try) -> None:
    budget = Budget(ratio=1, min_per_second=0, clock=Clock())
    for _ in range(5):
        budget.called()

    try_(Flaky([Transient()] * 3), budget=budget)

    assert _left(budget) == 5 + 1 - 3


@pytest.mark.parametrize(
    ("faults", "taken"), [([ValueError("never")], 0), ([Transient(60)], 0), ([Transient(0)] * 4, 3)]
)
def test_a_retry_that_is_not_made_takes_nothing_from_the_budget(faults: list[BaseException], taken: int) -> None:
    budget, flaky = _holding(5), Flaky(faults)

    with deadline.within(5, flaky.clock), pytest.raises((ValueError, Transient)):
        _threads(flaky, budget=budget)

    assert _left(budget) == 5 - taken


@each_way
def test_each_retry_is_told_with_its_pause(try_: Try) -> None:
    told: list[tuple[int, float]] = []
    flaky = Flaky([Transient(3), Transient(1)])

    try_(flaky, told=lambda call: told.append((call.attempt_number, call.upcoming_sleep)))

    assert told == [(1, 3), (2, 1)]


def test_a_cancelled_coroutine_is_not_tried_again() -> None:
    flaky = Flaky([asyncio.CancelledError()])

    async def scenario() -> None:
        await async_retrying(OPTIONS, _plenty(), lambda _: True)(flaky.awaited)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
    assert flaky.calls == 1


def test_a_key_that_interrupts_is_not_tried_again() -> None:
    flaky = Flaky([KeyboardInterrupt()])

    with pytest.raises(KeyboardInterrupt):
        retrying(OPTIONS, _plenty(), lambda _: True)(flaky)
    assert flaky.calls == 1


def _plenty() -> Budget:
    return _holding(100)


def _holding(tokens: int) -> Budget:
    """A budget of so many retries, to which nothing is added."""
    budget = Budget(ratio=1, min_per_second=0, capacity=tokens, clock=Clock())
    for _ in range(tokens):
        budget.called()
    return budget


def _left(budget: Budget) -> int:
    return sum(budget.spend() for _ in range(200))


def _is_transient(error: Exception) -> bool:
    return isinstance(error, Transient)


def _asked(error: Exception) -> float | None:
    return error.asked_s if isinstance(error, Transient) else None
