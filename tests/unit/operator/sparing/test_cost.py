from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe_operator.sparing.cost import Load, cost

LOADS = st.builds(Load, st.integers(0, 10_000).map(float), st.floats(0, 1e6))


def test_an_idle_pod_costs_nothing_however_old_its_last_sample_was() -> None:
    assert cost(Load()) == 0
    assert cost(Load(items=0, oldest_s=1e6)) == 0


@pytest.mark.parametrize(("items", "expected"), [(1, 1), (2, 2), (3, 2), (4, 3), (64, 7), (10_000, 14)])
def test_work_counts_by_doublings(items: float, expected: int) -> None:
    assert cost(Load(items)) == expected


@pytest.mark.parametrize(("oldest_s", "expected"), [(19.9, 1), (20, 101), (39, 101), (40, 201), (3600, 801)])
def test_what_a_pod_would_not_finish_while_it_drains_counts_by_doublings_of_its_age(
    oldest_s: float, expected: int
) -> None:
    assert cost(Load(1, oldest_s)) == expected


@given(LOADS, LOADS)
def test_a_long_sample_is_worth_more_than_any_number_of_short_ones(first: Load, second: Load) -> None:
    if first.items and first.oldest_s >= 20 > second.oldest_s:
        assert cost(first) > cost(second)


@given(LOADS)
def test_a_cost_is_a_number_that_kubernetes_takes_for_one(load: Load) -> None:
    assert 0 <= cost(load) < 2**31
