"""Cleaning pictures: the measures against their formulas, the gates, and what quality says."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmpipe.records import Item, Pixels, Rejected
from mmpipe.spec.image import ImageClean, ImageGates
from mmpipe.stages.image.clean import build, quality

NOISE = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)


def cleaned(pixels: Pixels, **gates: float) -> Item[Pixels] | Rejected:
    (outcome,) = build(ImageClean(gates=ImageGates(**gates)))([Item("a", pixels)])
    return outcome


def grey(levels: NDArray[np.uint8]) -> Pixels:
    return np.repeat(levels[:, :, None], 3, axis=2)


def test_the_measures_are_those_of_their_formulas() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    around = np.pad(levels.astype(float), 1, mode="reflect")
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * levels.astype(float)
    shares = np.bincount(levels.ravel(), minlength=256) / levels.size
    entropy = -sum(share * np.log2(share) for share in shares if share)

    item = cleaned(grey(levels), min_entropy_bits=1)

    assert isinstance(item, Item)
    assert item.facts["contrast"] == pytest.approx(levels.std(), abs=0.01)
    assert item.facts["sharpness"] == pytest.approx(laplacian.var(), abs=0.01)
    assert item.facts["entropy_bits"] == pytest.approx(entropy, abs=0.001)


def test_pixels_pass_unchanged_and_entropy_is_only_measured_for_its_gate() -> None:
    item = cleaned(NOISE)

    assert isinstance(item, Item)
    assert item.payload is NOISE
    assert set(item.facts) == {"contrast", "sharpness"}


def test_a_blank_picture_is_rejected_for_its_contrast() -> None:
    outcome = cleaned(np.full((64, 64, 3), 128, np.uint8))

    assert isinstance(outcome, Rejected)
    assert (outcome.gate, outcome.score, outcome.threshold) == ("image.clean.minContrast", 0.0, 3.0)


def test_a_gate_at_zero_is_off() -> None:
    assert isinstance(cleaned(np.full((64, 64, 3), 128, np.uint8), min_contrast=0), Item)


def test_a_blurred_picture_is_rejected_where_sharpness_is_asked_for() -> None:
    blurred = np.asarray(cv2.GaussianBlur(NOISE, (0, 0), 1.5), dtype=np.uint8)

    outcome = cleaned(blurred, min_sharpness=1000)

    assert isinstance(outcome, Rejected)
    assert outcome.gate == "image.clean.minSharpness"


def test_a_picture_of_two_levels_is_rejected_where_entropy_is_asked_for() -> None:
    halves = grey(np.repeat(np.array([[0], [255]], np.uint8), 32, axis=0).repeat(64, axis=1))

    outcome = cleaned(halves, min_entropy_bits=1.5)

    assert isinstance(outcome, Rejected)
    assert outcome.gate == "image.clean.minEntropyBits"
    assert outcome.score == pytest.approx(1.0)


def test_the_more_a_picture_is_blurred_the_less_it_counts() -> None:
    qualities = []
    for sigma in (0.1, 1, 2, 4, 8):
        item = cleaned(np.asarray(cv2.GaussianBlur(NOISE, (0, 0), sigma), dtype=np.uint8), min_contrast=0)
        assert isinstance(item, Item)
        qualities.append(item.quality)

    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > 0.95
    assert qualities[-1] < 0.1


def test_quality_rises_with_sharpness_and_with_contrast_within_zero_and_one() -> None:
    assert 0 == quality(0, 50) < quality(10, 50) < quality(100, 50) < quality(5000, 50) <= 1
    assert 0 == quality(500, 0) < quality(500, 5) < quality(500, 50) <= 1
