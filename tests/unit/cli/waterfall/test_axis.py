from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.cli.waterfall import Recorded, rows
from mmpipe.cli.waterfall.axis import LONGEST_IDLE, axis
from mmpipe.cli.waterfall.durations import said
from mmpipe.cli.waterfall.rows import Row

type Make = Callable[..., Recorded]
MS = 1_000_000
HOUR_MS = 3_600_000


def test_a_trace_without_idle_time_has_a_plain_axis(span: Make) -> None:
    outer = span("outer", 0, 100)
    time = axis(rows([outer, span("inner", 25, 50, outer)]))

    assert time.place(outer.begun_ns) == 0
    assert time.place(outer.begun_ns + 25 * MS) == 0.25
    assert time.place(outer.ended_ns) == 1
    assert [since // MS for _, since in time.ticks()] == [0, 20, 40, 60, 80, 100]


def test_an_hour_in_the_queue_leaves_room_for_the_work(span: Make) -> None:
    accepted = span("accept", 0, 10, kind="producer")
    taken = span("sample", HOUR_MS, HOUR_MS + 90, accepted, kind="consumer")
    time = axis(rows([accepted, taken]))

    (cut,) = [stretch for stretch in time.stretches if stretch.cut]
    assert cut.right - cut.left == pytest.approx(LONGEST_IDLE / (1 + LONGEST_IDLE))
    assert 1 - time.place(taken.begun_ns) == pytest.approx(0.9 / (1 + LONGEST_IDLE))


def test_after_a_cut_ticks_count_anew(span: Make) -> None:
    accepted = span("accept", 0, 10, kind="producer")
    taken = span("sample", HOUR_MS, HOUR_MS + 90, accepted, kind="consumer")

    ticks = list(axis(rows([accepted, taken])).ticks())

    assert [since // MS for _, since in ticks] == [0, 0, 20, 40, 60, 80]
    assert ticks[1][0] == taken.begun_ns


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), min_size=1, max_size=20))
def test_later_is_never_further_left_and_all_is_on_the_axis(periods: list[tuple[int, int]]) -> None:
    shown = [Row("a", "", "service", 0, begun, begun + length) for begun, length in periods]
    time = axis(shown)
    moments = sorted({moment for row in shown for moment in (row.begun_ns, row.ended_ns)})

    places = [time.place(moment) for moment in moments]

    assert places == sorted(places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    assert len(list(time.ticks())) <= 9 + len(time.stretches)


@pytest.mark.parametrize(
    ("duration_ns", "words"),
    [
        (0, "0"),
        (850, "0.85 µs"),
        (580_000, "580 µs"),
        (1_234_000, "1.23 ms"),
        (24 * MS, "24 ms"),
        (90_000 * MS, "1.5 min"),
    ],
)
def test_a_duration_has_three_digits_and_a_unit(duration_ns: int, words: str) -> None:
    assert said(duration_ns) == words
