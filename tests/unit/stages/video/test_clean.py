from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Clip, Item, Pixels, Rejected
from mmpipe.spec.video import VideoClean, VideoGates
from mmpipe.stages.video import clean


def cleaned(pictures: list[Pixels], max_black_ratio: float = 0.95) -> Item[Clip] | Rejected:
    clip = Clip(np.stack(pictures), np.arange(len(pictures), dtype=np.float32))
    options = VideoClean(gates=VideoGates(max_black_ratio=max_black_ratio))
    (outcome,) = clean.build(options)([Item("a", clip)])
    return outcome


def noise(low: int, high: int) -> Pixels:
    return np.random.default_rng(0).integers(low, high, (64, 64, 3)).astype(np.uint8)


BLACK = noise(0, 6)
LIT = noise(40, 200)


def test_a_black_film_is_rejected_by_its_gate() -> None:
    verdict = cleaned([BLACK] * 8)
    assert isinstance(verdict, Rejected)
    assert (verdict.gate, verdict.score, verdict.threshold) == ("video.clean.maxBlackRatio", 1.0, 0.95)


def test_limited_range_black_is_black() -> None:
    assert isinstance(cleaned([np.full((64, 64, 3), 16, np.uint8)] * 4), Rejected)


def test_the_gate_is_off_at_one() -> None:
    outcome = cleaned([BLACK] * 8, max_black_ratio=1.0)
    assert isinstance(outcome, Item)
    assert outcome.quality == 0.0


def test_a_night_scene_with_a_light_is_not_black() -> None:
    night = BLACK.copy()
    night[30:38, 30:38] = 255
    assert isinstance(cleaned([night] * 4), Item)


def test_black_pictures_take_quality_away() -> None:
    found = [cleaned([BLACK] * black + [LIT] * (8 - black)) for black in range(5)]
    qualities = [outcome.quality for outcome in found if isinstance(outcome, Item)]
    assert len(qualities) == 5
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[4] == pytest.approx(qualities[0] / 2)


def test_blur_takes_quality_away() -> None:
    blurred = cv2.GaussianBlur(LIT, (0, 0), 3).astype(np.uint8)
    sharp, soft = cleaned([LIT] * 2), cleaned([blurred] * 2)
    assert isinstance(sharp, Item)
    assert isinstance(soft, Item)
    assert soft.quality < sharp.quality


def test_the_facts_tell_what_was_measured() -> None:
    outcome = cleaned([BLACK, LIT])
    assert isinstance(outcome, Item)
    grey = cv2.cvtColor(LIT, cv2.COLOR_RGB2GRAY)
    assert outcome.facts["frames"] == 2
    assert outcome.facts["black"] == 0.5
    assert outcome.facts["sharpness"] == pytest.approx(cv2.Laplacian(grey, cv2.CV_64F).var(), rel=1e-3)


@given(black=st.floats(0, 1), sharp=st.floats(0, 1e5), more=st.floats(0, 1e5))
def test_quality_is_a_share_that_rises_with_sharpness(black: float, sharp: float, more: float) -> None:
    assert 0 <= clean.quality(black, sharp) <= clean.quality(black, sharp + more) <= 1
