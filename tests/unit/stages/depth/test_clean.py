"""Cleaning depth maps."""

import numpy as np

from mmpipe.records import Floats, Item, Rejected
from mmpipe.spec.depth import DepthClean, DepthGates
from mmpipe.stages.depth.clean import build

DEPTH = np.array([[np.nan, 0.1, 1.0, 2.0, 50.0]], np.float32)


def cleaned(depth: Floats, **gates: float) -> Item[Floats] | Rejected:
    (outcome,) = build(DepthClean(gates=DepthGates(**gates)))([Item("a", depth)])
    return outcome


def test_what_is_too_near_or_too_far_becomes_unknown() -> None:
    item = cleaned(DEPTH, min_metres=0.5, max_metres=10)

    assert isinstance(item, Item)
    np.testing.assert_array_equal(item.payload, np.array([[np.nan, np.nan, 1, 2, np.nan]], np.float32))
    assert item.payload.dtype == np.float32
    assert item.facts == {"valid_ratio": 0.4, "nearest_m": 1.0, "farthest_m": 2.0}


def test_the_limits_themselves_are_kept_and_the_input_is_not_changed() -> None:
    before = DEPTH.copy()

    item = cleaned(DEPTH, min_metres=1.0, max_metres=2.0)

    assert isinstance(item, Item)
    assert item.facts["valid_ratio"] == 0.4
    np.testing.assert_array_equal(DEPTH, before)


def test_quality_is_the_share_of_known_pixels() -> None:
    item = cleaned(DEPTH)

    assert isinstance(item, Item)
    assert item.quality == 0.8


def test_a_map_that_knows_too_little_is_rejected() -> None:
    outcome = cleaned(DEPTH, min_valid_ratio=0.9)

    assert isinstance(outcome, Rejected)
    assert (outcome.gate, outcome.score, outcome.threshold) == ("depth.clean.minValidRatio", 0.8, 0.9)


def test_an_unknown_map_passes_only_where_the_gate_is_off() -> None:
    unknown = np.full((2, 2), np.nan, np.float32)

    assert isinstance(cleaned(unknown), Rejected)
    item = cleaned(unknown, min_valid_ratio=0)
    assert isinstance(item, Item)
    assert item.quality == 0
    assert item.facts["nearest_m"] is None
