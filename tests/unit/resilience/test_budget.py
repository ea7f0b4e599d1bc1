"""How many retries are allowed."""

from __future__ import annotations

from mmpipe.resilience.budget import TRICKLE_SAVED_S, Budget


def test_the_very_first_call_may_be_tried_again() -> None:
    assert Budget(clock=lambda: 0).spend()


def test_when_all_calls_fail_retries_end_at_their_share() -> None:
    budget = Budget(ratio=0.2, min_per_second=0, clock=lambda: 0)

    allowed = 0
    for _ in range(1_000):
        budget.called()
        allowed += budget.spend()

    assert 190 <= allowed <= 200


def test_time_pays_in_a_trickle() -> None:
    now = 0.0
    budget = Budget(ratio=0, min_per_second=2, clock=lambda: now)
    while budget.spend():
        pass

    now += 3

    assert [budget.spend() for _ in range(7)] == [True] * 6 + [False]


def test_a_long_quiet_saves_no_more_than_the_capacity() -> None:
    now = 0.0
    budget = Budget(ratio=0, min_per_second=1, capacity=5, clock=lambda: now)
    now += 1e6

    assert sum(budget.spend() for _ in range(100)) == 5


def test_a_new_budget_holds_what_comes_in_over_some_seconds() -> None:
    budget = Budget(ratio=0, min_per_second=1, clock=lambda: 0)

    assert sum(budget.spend() for _ in range(100)) == TRICKLE_SAVED_S
