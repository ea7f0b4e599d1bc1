from __future__ import annotations

from collections.abc import Sequence

from mmpipe_operator.sparing.steadiness import Steadiness


def written(readings: Sequence[int], standing: int = 0) -> list[int]:
    """The costs that a pod gets, one after another, and no entry where nothing is written."""
    steadiness, costs = Steadiness(), []
    for reading in readings:
        settled = steadiness.settled("a", reading, standing)
        if settled != standing:
            costs.append(settled)
        standing = settled
    return costs


def test_a_pod_that_has_got_work_is_spared_at_once() -> None:
    assert written([3]) == [3]


def test_a_pod_is_idle_when_it_was_so_three_times_in_a_row() -> None:
    assert written([0, 0], standing=3) == []
    assert written([0, 0, 0], standing=3) == [0]
    assert written([0, 0, 2, 0, 0], standing=3) == []


def test_work_that_comes_and_goes_is_written_once() -> None:
    assert written([1, 0, 0, 1, 0, 1, 0, 0, 1] * 10) == [1]


def test_busy_pods_that_differ_by_one_step_are_left_as_they_are() -> None:
    assert written([4, 5, 5, 4, 5, 3, 3, 3] * 10) == [4]
    assert written([4, 6]) == [4, 6]


def test_an_idle_pod_is_written_never() -> None:
    assert written([0] * 20) == []


def test_pods_do_not_lend_each_other_their_readings() -> None:
    steadiness = Steadiness()
    for _ in range(3):
        steadiness.settled("busy", 5, 5)

    assert [steadiness.settled("idle", 0, 2) for _ in range(3)] == [2, 2, 0]


def test_a_pod_that_is_gone_is_forgotten() -> None:
    steadiness = Steadiness()
    steadiness.settled("a", 5, 5)
    steadiness.settled("a", 0, 5)
    steadiness.keep(["b"])

    assert [steadiness.settled("a", 0, 5) for _ in range(3)] == [5, 5, 0]
