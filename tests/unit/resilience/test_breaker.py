"""The laws at the head of ``breaker.py``, one after the other; ``test_breaker_machine`` tries them in any order."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable

import pytest
from tests.unit.resilience.clock import Clock

from mmpipe.resilience.breaker import PROBED_S, TRANSITIONS, Breaker, BreakerOpen, Breakers, Event, State
from mmpipe.spec.delivery import Breaker as Options

OPTIONS = Options(
    failure_ratio=0.5,
    slow_call_seconds=1.0,
    slow_call_ratio=0.75,
    window_calls=4,
    open_seconds=10.0,
    half_open_calls=2,
)


# Law 1: closed


def test_a_window_that_is_not_full_opens_nothing() -> None:
    breaker = Breaker(OPTIONS, Clock())
    _fail(breaker, times=3)
    assert _state(breaker) is State.CLOSED
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_failures_below_the_ratio_leave_it_closed() -> None:
    breaker = Breaker(OPTIONS, Clock())
    for _ in range(10):
        _succeed(breaker, times=3)
        _fail(breaker)
    assert _state(breaker) is State.CLOSED


@pytest.mark.parametrize(("calls", "ratio", "failing"), [(10, 0.7, 7), (10, 0.3, 3), (3, 1 / 3, 1), (20, 0.55, 11)])
def test_exactly_the_ratio_opens_it_and_one_call_less_does_not(calls: int, ratio: float, failing: int) -> None:
    options = OPTIONS.model_copy(update={"window_calls": calls, "failure_ratio": ratio})
    below, reached = Breaker(options, Clock()), Breaker(options, Clock())
    _succeed(below, times=calls - failing + 1)
    _fail(below, times=failing - 1)
    assert _state(below) is State.CLOSED
    _succeed(reached, times=calls - failing)
    _fail(reached, times=failing)
    assert _state(reached) is State.OPEN


def test_what_left_the_window_is_forgotten() -> None:
    breaker = Breaker(OPTIONS, Clock())
    _fail(breaker)
    _succeed(breaker, times=4)
    _fail(breaker)
    assert _state(breaker) is State.CLOSED
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_calls_that_succeed_slowly_open_it_too() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    _succeed(breaker)
    _succeed(breaker, times=2, after_s=1.5, clock=clock)
    assert _state(breaker) is State.CLOSED
    _succeed(breaker, after_s=1.5, clock=clock)
    assert _state(breaker) is State.OPEN


def test_a_call_of_exactly_the_time_allowed_is_not_slow() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    _succeed(breaker, times=20, after_s=1.0, clock=clock)
    assert _state(breaker) is State.CLOSED


def test_a_slow_call_that_left_the_window_is_forgotten() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    _succeed(breaker, times=2, after_s=1.5, clock=clock)
    _succeed(breaker, times=3)
    _succeed(breaker, times=2, after_s=1.5, clock=clock)
    assert _state(breaker) is State.CLOSED


# Law 2: open


def test_an_open_breaker_says_whom_it_spares_and_for_how_long() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock, name="stages.image")
    _trip(breaker)
    clock.advance(4.0)
    with pytest.raises(BreakerOpen, match=r"^stages\.image: found .*; expected .*; try again in 6\.0 s$") as refused:
        breaker.enter()
    assert (refused.value.dependency, refused.value.retry_after_s) == ("stages.image", 6.0)


def test_it_opens_no_earlier_than_it_said_and_no_later() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    _trip(breaker)
    clock.advance(9.5)
    left_s = _refusal(breaker).retry_after_s
    assert _state(breaker) is State.OPEN
    clock.advance(left_s)
    breaker.enter()
    assert _state(breaker) is State.HALF_OPEN


def test_time_that_goes_by_while_it_is_asked_makes_no_pause_negative() -> None:
    readings = itertools.count(step=3.0)
    breaker = Breaker(OPTIONS.model_copy(update={"window_calls": 1}), lambda: next(readings))
    _trip(breaker)
    assert [_refusal(breaker).retry_after_s for _ in range(2)] == [4.0, 0.0]


def test_being_asked_does_not_lengthen_the_rest() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    _trip(breaker)
    for _ in range(10):
        _refusal(breaker)
        clock.advance(1.0)
    breaker.enter()


# Law 3: half open


def test_half_open_lets_so_many_probes_through_and_no_other_call() -> None:
    breaker = _rested(Clock())
    breaker.enter()
    breaker.enter()
    assert _refusal(breaker).retry_after_s == PROBED_S


def test_a_probe_that_succeeded_makes_no_room_for_a_third() -> None:
    breaker = _rested(Clock())
    slow, quick = breaker.enter(), breaker.enter()
    quick.succeeded()
    _refusal(breaker)
    slow.succeeded()
    assert _state(breaker) is State.CLOSED


def test_who_is_turned_away_by_probes_comes_again_after_no_more_than_a_rest() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS.model_copy(update={"open_seconds": 0.2, "half_open_calls": 1}), clock)
    _trip(breaker)
    clock.advance(0.2)
    breaker.enter()
    assert _refusal(breaker).retry_after_s == 0.2


def test_all_probes_must_succeed_to_close_it() -> None:
    breaker = _rested(Clock())
    _succeed(breaker)
    assert _state(breaker) is State.HALF_OPEN
    _succeed(breaker)
    assert _state(breaker) is State.CLOSED


def test_one_probe_that_fails_opens_it_at_once_for_a_whole_rest() -> None:
    clock = Clock()
    breaker = _rested(clock)
    breaker.enter()
    clock.advance(3.0)
    _fail(breaker)
    assert _state(breaker) is State.OPEN
    assert _refusal(breaker).retry_after_s == OPTIONS.open_seconds


def test_probes_that_all_succeed_slowly_open_it_again() -> None:
    clock = Clock()
    breaker = _rested(clock)
    _succeed(breaker, times=2, after_s=1.5, clock=clock)
    assert _state(breaker) is State.OPEN


def test_a_slow_probe_below_the_ratio_does_not_keep_it_from_closing() -> None:
    clock = Clock()
    breaker = _rested(clock)
    _succeed(breaker, after_s=1.5, clock=clock)
    _succeed(breaker)
    assert _state(breaker) is State.CLOSED


def test_a_breaker_that_closed_knows_nothing_of_before() -> None:
    breaker = _rested(Clock())
    _succeed(breaker, times=2)
    _fail(breaker, times=3)
    assert _state(breaker) is State.CLOSED


# Law 4: what says nothing about the dependency


def test_ignored_calls_open_nothing_and_fill_no_window() -> None:
    breaker = Breaker(OPTIONS, Clock())
    _fail(breaker, times=3)
    for _ in range(20):
        breaker.enter().ignored()
    assert _state(breaker) is State.CLOSED
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_ignored_calls_push_no_failure_out_of_the_window() -> None:
    breaker = Breaker(OPTIONS, Clock())
    _succeed(breaker, times=3)
    _fail(breaker)
    for _ in range(20):
        breaker.enter().ignored()
    _fail(breaker)
    assert _state(breaker) is State.OPEN


def test_an_ignored_probe_frees_its_place_and_closes_nothing() -> None:
    breaker = _rested(Clock())
    for _ in range(20):
        breaker.enter().ignored()
    assert _state(breaker) is State.HALF_OPEN
    _succeed(breaker, times=2)
    assert _state(breaker) is State.CLOSED


def test_a_call_that_is_ignored_late_is_not_slow() -> None:
    clock = Clock()
    breaker = _rested(clock)
    permit = breaker.enter()
    clock.advance(100.0)
    permit.ignored()
    _succeed(breaker, times=2)
    assert _state(breaker) is State.CLOSED


# Law 5: epochs


def test_a_call_that_began_before_it_opened_does_not_open_it_again() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    late = breaker.enter()
    _trip(breaker)
    clock.advance(OPTIONS.open_seconds)
    probe = breaker.enter()
    late.failed()
    assert _state(breaker) is State.HALF_OPEN
    probe.succeeded()
    _succeed(breaker)
    assert _state(breaker) is State.CLOSED


def test_a_call_that_began_before_it_opened_is_no_probe() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    late = [breaker.enter() for _ in range(3)]
    _trip(breaker)
    clock.advance(OPTIONS.open_seconds)
    breaker.enter()
    for permit in late:
        permit.succeeded()
    assert _state(breaker) is State.HALF_OPEN


def test_a_late_call_frees_no_place_of_a_probe() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    late = breaker.enter()
    _trip(breaker)
    clock.advance(OPTIONS.open_seconds)
    breaker.enter()
    breaker.enter()
    late.ignored()
    _refusal(breaker)


def test_a_call_of_an_earlier_time_of_the_same_state_changes_nothing() -> None:
    clock = Clock()
    breaker = Breaker(OPTIONS, clock)
    late = [breaker.enter() for _ in range(4)]
    _trip(breaker)
    clock.advance(OPTIONS.open_seconds)
    _succeed(breaker, times=2)
    for permit in late:
        permit.failed()
    assert _state(breaker) is State.CLOSED


# Law 6: permits


def test_a_permit_counts_once() -> None:
    breaker = Breaker(OPTIONS, Clock())
    permit = breaker.enter()
    for _ in range(10):
        permit.failed()
    assert _state(breaker) is State.CLOSED


def test_the_first_word_about_a_permit_holds() -> None:
    breaker = _rested(Clock())
    permit = breaker.enter()
    permit.succeeded()
    permit.failed()
    assert _state(breaker) is State.HALF_OPEN


def test_a_permit_that_is_said_twice_frees_one_place() -> None:
    breaker = _rested(Clock())
    twice, _ = breaker.enter(), breaker.enter()
    twice.ignored()
    twice.ignored()
    breaker.enter()
    _refusal(breaker)


def test_a_permit_left_without_a_word_is_ignored() -> None:
    breaker = _rested(Clock())
    for _ in range(10):
        with pytest.raises(asyncio.CancelledError), breaker.enter():
            raise asyncio.CancelledError
    assert _state(breaker) is State.HALF_OPEN
    _succeed(breaker, times=2)
    assert _state(breaker) is State.CLOSED


def test_leaving_a_permit_does_not_take_back_what_was_said() -> None:
    breaker = _rested(Clock())
    with breaker.enter() as permit:
        permit.failed()
    assert _state(breaker) is State.OPEN


# The table, those who listen, threads, and several dependencies


def test_the_table_leads_into_each_state_and_out_of_it() -> None:
    assert set(TRANSITIONS.values()) == {state for state, _ in TRANSITIONS} == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)
    assert all(before is not after for (before, _), after in TRANSITIONS.items())


def test_each_change_is_told_once_in_order_and_by_name() -> None:
    told: list[tuple[str, State]] = []
    clock = Clock()
    breaker = Breaker(OPTIONS, clock, lambda name, state: told.append((name, state)), "milvus")
    _succeed(breaker, times=3)
    _trip(breaker)
    _refusal(breaker)
    clock.advance(OPTIONS.open_seconds)
    _fail(breaker)
    clock.advance(OPTIONS.open_seconds)
    _succeed(breaker, times=2)
    states = [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED]
    assert told == [("milvus", state) for state in states]


def test_who_is_told_of_a_change_may_ask_the_breaker() -> None:
    refused: list[float] = []
    breaker = Breaker(OPTIONS, Clock(), lambda *_: refused.append(_refusal(breaker).retry_after_s))
    _soon(lambda: _trip(breaker))
    assert refused == [OPTIONS.open_seconds]


def test_a_flood_of_threads_gets_no_more_probes_than_allowed() -> None:
    breaker = _rested(Clock())
    passed: list[object] = []
    ready = threading.Barrier(8)

    def flooding() -> None:
        ready.wait()
        for _ in range(200):
            try:
                passed.append(breaker.enter())
            except BreakerOpen:
                continue

    threads = [threading.Thread(target=flooding) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == OPTIONS.half_open_calls


def test_each_dependency_has_one_breaker_of_its_own() -> None:
    breakers = Breakers(OPTIONS, Clock())
    _trip(breakers.of("stages.video"))
    assert breakers.of("milvus").state is State.CLOSED
    assert breakers.of("stages.video") is breakers.of("stages.video")
    assert breakers.states() == {"milvus": State.CLOSED, "stages.video": State.OPEN}


def test_the_breaker_of_a_dependency_bears_its_name_clock_and_listener() -> None:
    told: list[tuple[str, State]] = []
    clock = Clock()
    breaker = Breakers(OPTIONS, clock, lambda *change: told.append(change)).of("milvus")
    _trip(breaker)
    clock.advance(1.0)
    refusal = _refusal(breaker)
    assert (refusal.dependency, refusal.retry_after_s) == ("milvus", 9.0)
    assert told == [("milvus", State.OPEN)]


def _state(breaker: Breaker) -> State:
    """The state now; mypy takes an attribute for what it was when last compared."""
    return breaker.state


def _succeed(breaker: Breaker, *, times: int = 1, after_s: float = 0.0, clock: Clock | None = None) -> None:
    for _ in range(times):
        permit = breaker.enter()
        if clock:
            clock.advance(after_s)
        permit.succeeded()


def _fail(breaker: Breaker, *, times: int = 1) -> None:
    for _ in range(times):
        breaker.enter().failed()


def _trip(breaker: Breaker) -> None:
    while breaker.state is State.CLOSED:
        _fail(breaker)


def _rested(clock: Clock) -> Breaker:
    """One whose next call is the first probe."""
    breaker = Breaker(OPTIONS, clock)
    _trip(breaker)
    clock.advance(OPTIONS.open_seconds)
    return breaker


def _refusal(breaker: Breaker) -> BreakerOpen:
    with pytest.raises(BreakerOpen) as refused:
        breaker.enter()
    return refused.value


def _soon(does: Callable[[], None]) -> None:
    """A deadlock fails the test instead of hanging it."""
    thread = threading.Thread(target=does, daemon=True)
    thread.start()
    thread.join(10.0)
    assert not thread.is_alive()
