from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.stages.video import sampling

TIMES = st.lists(st.integers(0, 10_000), min_size=1, max_size=50, unique=True).map(sorted)


def test_uniform_takes_the_pictures_on_screen_at_the_centres_of_the_slots() -> None:
    assert sampling.uniform([0, 10, 20, 30, 95], 0, 100, 4) == [10, 30]
    assert sampling.uniform(list(range(100)), 0, 100, 4) == [12, 37, 62, 87]


def test_a_picture_before_the_stretch_is_taken_where_it_stays_on_screen() -> None:
    assert sampling.uniform([0, 90], 50, 80, 2) == [0]


@given(shown=TIMES, most=st.integers(1, 20))
def test_uniform_takes_different_pictures_and_at_most_so_many(shown: list[int], most: int) -> None:
    taken = sampling.uniform(shown, shown[0], shown[-1] + 1, most)
    assert 1 <= len(taken) <= most
    assert taken == sorted(set(taken) & set(shown))


def test_evenly_keeps_few_and_thins_many() -> None:
    assert sampling.evenly([3, 5], 4) == [3, 5]
    assert sampling.evenly(list(range(10)), 2) == [2, 7]


def test_scenes_give_their_middle_pictures_longest_first() -> None:
    shown = list(range(0, 100, 5))
    assert sampling.scenes(shown, [20, 80], 0, 100, 8) == [10, 50, 90]
    assert sampling.scenes(shown, [30, 90], 0, 100, 2) == [15, 60]
