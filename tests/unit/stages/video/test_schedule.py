from __future__ import annotations

from mmpipe.stages.video.schedule import schedule
from mmpipe.stages.video.timeline import Coded

KEY, P, B = "I", "P", "b"


def coded(*pictures: tuple[str, int]) -> list[Coded]:
    return [Coded(shown, kind == KEY, dispensable=kind == B, visible=True) for kind, shown in pictures]


GROUPS = coded((KEY, 0), (P, 3), (B, 1), (B, 2), (KEY, 4), (P, 7), (B, 5), (B, 6), (KEY, 8), (P, 9))


def test_a_picture_needs_the_references_from_its_key_frame_on() -> None:
    assert schedule(GROUPS, {6}) == {4: 0, 7: 0, 6: 0}


def test_a_reference_needs_nothing_after_it() -> None:
    assert schedule(GROUPS, {3}) == {0: 0, 3: 0}


def test_groups_between_two_picks_are_jumped_over_in_a_new_run() -> None:
    assert schedule(GROUPS, {1, 9}) == {0: 0, 3: 0, 1: 0, 8: 1, 9: 1}


def test_picks_of_one_group_share_a_run() -> None:
    assert schedule(GROUPS, {5, 6}) == {4: 0, 7: 0, 5: 0, 6: 0}


def test_a_picture_shown_before_its_key_frame_starts_at_the_key_frame_before() -> None:
    open_group = coded((KEY, 0), (P, 2), (KEY, 5), (B, 3), (B, 4))
    assert schedule(open_group, {4}) == {0: 0, 2: 0, 5: 0, 4: 0}


def test_without_a_key_frame_everything_that_is_there_is_decoded() -> None:
    assert schedule(coded((P, 0), (B, 1), (P, 2)), {2}) == {0: 0, 2: 0}


def test_nothing_chosen_needs_nothing() -> None:
    assert schedule(GROUPS, set()) == {}
