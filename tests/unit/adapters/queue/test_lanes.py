"""Lanes are named by what is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.adapters.queue import UNKNOWN, depth_of, lane_of, modalities_of
from mmpipe.records import Modality


def test_a_lane_names_each_modality_once_in_their_order() -> None:
    assert lane_of([Modality.IMAGE, Modality.TEXT, Modality.IMAGE]) == "text-image"


def test_a_sample_of_nothing_recognised_has_a_lane_too() -> None:
    assert lane_of([]) == UNKNOWN


@given(st.sets(st.sampled_from(Modality)))
def test_a_lane_says_what_is_in_it(modalities: set[Modality]) -> None:
    assert set(modalities_of(lane_of(modalities))) == modalities


def test_depth_names_every_modality_and_counts_a_sample_for_each_of_its_own() -> None:
    depth = depth_of({"text": 3, "text-image": 2, UNKNOWN: 7})
    assert depth == {"text": 5, "image": 2, "audio": 0, "video": 0, "depth": 0}
