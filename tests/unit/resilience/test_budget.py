"""How many retries are allowed."""

from __future__ import annotations

import threading

from tests.unit.resilience.clock import Clock

from mmpipe.resilience.budget import TRICKLE_SAVED_S, Budget


def test_the_very_first_call_may_be_tried_again() -> None:
    assert Budget(clock=Clock()).spend()


def test_when_all_calls_fail_retries_end_at_their_share() -> None:
    budget = Budget(ratio=0.2, min_per_second=0, clock=Clock())

    allowed = 0
    for _ in range(1_000):
        budget.called()
        allowed += budget.spend()

    assert 190 <= allowed <= 200


def test_time_pays_in_a_trickle() -> None:
    clock = Clock()
    budget = Budget(ratio=0, min_per_second=2, clock=clock)
    while budget.spend():
        pass

    clock.advance(3)

    assert [budget.spend() for _ in range(7)] == [True] * 6 + [False]


def test_a_long_quiet_saves_no_more_than_the_capacity() -> None:
    clock = Clock()
    budget = Budget(ratio=0, min_per_second=1, capacity=5, clock=clock)
    clock.advance(1e6)

    assert sum(budget.spend() for _ in range(100)) == 5


def test_a_new_budget_holds_what_comes_in_over_some_seconds() -> None:
    budget = Budget(ratio=0, min_per_second=1, clock=Clock())

    assert sum(budget.spend() for _ in range(100)) == TRICKLE_SAVED_S


def test_many_calls_save_no_more_than_the_capacity() -> None:
    budget = Budget(ratio=1, min_per_second=0, capacity=5, clock=Clock())
    for _ in range(1_000):
        budget.called()

    assert sum(budget.spend() for _ in range(100)) == 5


def test_a_retry_that_is_refused_takes_nothing() -> None:
    budget = Budget(ratio=0.5, min_per_second=0, clock=Clock())
    budget.called()

    assert not budget.spend()
    budget.called()
    assert budget.spend()


def test_asking_often_does_not_lose_the_trickle() -> None:
    clock = Clock()
    budget = Budget(ratio=0, min_per_second=1, capacity=10, clock=clock)
    while budget.spend():
        pass

    allowed = 0
    for _ in range(64):
        clock.advance(0.125)
        allowed += budget.spend()

    assert allowed == 8


def test_threads_together_spend_no_more_than_there_is() -> None:
    budget = Budget(ratio=1, min_per_second=0, capacity=100, clock=Clock())
    for _ in range(100):
        budget.called()
    allowed: list[int] = []
    threads = [
        threading.Thread(target=lambda: allowed.append(sum(budget.spend() for _ in range(50)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(allowed) == 100
