"""The laws of ``lanes``: who goes next, with what, and who may wait at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.runtimes.stage_server.lanes import Lanes, Limits, Load, Waiting

LIMITS = Limits(batch_items=4, batch_bytes=100, queued_items=10, queued_bytes=1000, ageing_s=2.0)
MANY = 1_000


def waiting(
    call: str,
    arrived_s: float = 0.0,
    *,
    query: bool = False,
    work: str = "embed",
    size_bytes: int = 1,
    due_s: float = 0,
) -> Waiting[str]:
    return Waiting(call, 0, work, size_bytes, query, arrived_s, due_s, MANY)


def lanes_with(*items: Waiting[str], limits: Limits = LIMITS) -> Lanes[str]:
    lanes: Lanes[str] = Lanes(limits)
    lanes.push(items)
    return lanes


def calls(batch: Sequence[Waiting[str]]) -> str:
    return " ".join(item.call for item in batch)


def all_batches(lanes: Lanes[str], now_s: float = 100.0) -> list[str]:
    batches = []
    while batch := lanes.take(now_s):
        batches.append(calls(batch))
    return batches


def test_items_of_several_calls_form_one_batch_in_their_order() -> None:
    assert all_batches(lanes_with(waiting("a", 0), waiting("b", 1), waiting("c", 2))) == ["a b c"]


def test_a_batch_holds_at_most_its_items() -> None:
    assert all_batches(lanes_with(*(waiting(str(n), n) for n in range(6)))) == ["0 1 2 3", "4 5"]


def test_a_batch_holds_at_most_its_bytes() -> None:
    assert all_batches(lanes_with(*(waiting(str(n), n, size_bytes=40) for n in range(5)))) == ["0 1", "2 3", "4"]


def test_an_item_larger_than_a_batch_goes_alone() -> None:
    items = [waiting("small"), waiting("huge", 1, size_bytes=999), waiting("next", 2)]
    assert all_batches(lanes_with(*items)) == ["small", "huge", "next"]


def test_work_may_ask_for_smaller_batches() -> None:
    films = [Waiting(str(n), 0, "video", 1, False, n, 0, 2) for n in range(3)]  # noqa: FBT003  # no query
    assert all_batches(lanes_with(*films)) == ["0 1", "2"]


def test_different_work_never_shares_a_batch() -> None:
    items = [waiting("a", 0), waiting("b", 1, work="decode"), waiting("c", 2)]
    assert all_batches(lanes_with(*items)) == ["a c", "b"]


def test_a_query_goes_before_the_samples_and_shares_no_batch_with_them() -> None:
    assert all_batches(lanes_with(waiting("sample", 0), waiting("query", 1, query=True))) == ["query", "sample"]


def test_a_sample_that_has_waited_long_enough_goes_before_a_query() -> None:
    items = [waiting("old", 0), waiting("query", 2, query=True)]
    assert all_batches(lanes_with(*items)) == ["old", "query"]


def test_old_samples_never_keep_a_query_waiting_for_more_than_one_batch() -> None:
    backlog = [waiting(str(n), n / 100) for n in range(12)]
    batches = all_batches(lanes_with(*backlog, waiting("query", 50, query=True)))
    assert batches[:2] == ["0 1 2 3", "query"]


def test_queries_never_keep_an_old_sample_waiting_for_ever() -> None:
    lanes = lanes_with(waiting("sample", 0))
    order = []
    for now in range(5):
        lanes.push([waiting(f"query-{now}", now, query=True)])
        order.append(calls(lanes.take(now)))
    assert order == ["query-0", "query-1", "sample", "query-2 query-3", "query-4"]


def test_a_batch_that_is_not_full_is_held_until_its_first_item_is_due() -> None:
    lanes = lanes_with(waiting("a", due_s=5))
    assert (lanes.take(4.9), lanes.due_s()) == ([], 5)
    assert calls(lanes.take(5)) == "a"
    assert lanes.due_s() is None


def test_a_full_batch_is_never_held() -> None:
    lanes = lanes_with(*(waiting(str(n), due_s=5) for n in range(4)))
    assert calls(lanes.take(0)) == "0 1 2 3"


def test_what_a_dropped_call_had_waiting_is_forgotten() -> None:
    lanes = lanes_with(waiting("a"), waiting("gone", size_bytes=7), waiting("gone", query=True), waiting("b"))
    lanes.drop("gone")
    assert lanes.loads == {True: Load(), False: Load(2, 2)}
    assert all_batches(lanes) == ["a b"]


@pytest.mark.parametrize(
    ("wanted", "reserved", "fits"),
    [
        (Load(9, 1), Load(), True),
        (Load(10, 1), Load(), False),
        (Load(1, 999), Load(), True),
        (Load(1, 1000), Load(), False),
        (Load(5, 1), Load(5, 0), False),
    ],
)
def test_what_waits_is_bounded_by_items_and_bytes(wanted: Load, reserved: Load, fits: bool) -> None:  # noqa: FBT001
    assert lanes_with(waiting("a")).has_room(wanted, reserved, query=False) is fits


def test_a_backlog_of_samples_turns_no_query_away() -> None:
    lanes = lanes_with(*(waiting(str(n)) for n in range(10)))
    assert not lanes.has_room(Load(1, 1), Load(), query=False)
    assert lanes.has_room(Load(10, 1), Load(), query=True)


def test_a_call_larger_than_the_queue_is_let_into_an_empty_one() -> None:
    lanes = lanes_with()
    assert lanes.has_room(Load(1024, 10**9), Load(), query=False)
    assert not lanes.has_room(Load(1024, 10**9), Load(1, 0), query=False)


ARRIVALS = st.lists(
    st.tuples(st.floats(0, 10), st.booleans(), st.sampled_from(["decode", "embed"]), st.integers(0, 120)), max_size=30
)


@given(ARRIVALS)
def test_every_item_goes_exactly_once_and_no_batch_breaks_a_law(
    arrivals: list[tuple[float, bool, str, int]],
) -> None:
    arrivals = sorted(arrivals)
    items = [
        waiting(str(at), arrived, query=query, work=work, size_bytes=size)
        for at, (arrived, query, work, size) in enumerate(arrivals)
    ]
    lanes = lanes_with(*items)
    seen: list[str] = []
    while batch := lanes.take(100):
        assert len({(item.work, item.query) for item in batch}) == 1
        assert len(batch) <= LIMITS.batch_items
        assert len(batch) == 1 or sum(item.size_bytes for item in batch) <= LIMITS.batch_bytes
        seen += [item.call for item in batch]
    assert sorted(seen) == sorted(item.call for item in items)
    assert lanes.loads == {True: Load(), False: Load()}
