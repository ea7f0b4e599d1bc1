"""Fusion: one vector for a sample, weights that say how it came about, and nothing invented for what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Embedding, Fusion, Item, Modality, Rejected
from mmpipe.spec.joint import Alignment
from mmpipe.spec.joint import Fusion as Options
from mmpipe.stages.joint.fuse import alignment_confidence, fuse, gate

ASKED = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)
QUALITY = st.floats(0, 1)


def item(*values: float, quality: float = 1.0) -> Item[Embedding]:
    vector = np.array(values, np.float32)
    return Item("x", Embedding(vector / np.linalg.norm(vector), "tiny@0"), quality)


def fused(parts: dict[Modality, list[Item[Embedding]]], **options: object) -> Fusion:
    fusion = fuse(parts, ASKED, Options.model_validate(options), Alignment())
    assert isinstance(fusion, Fusion)
    return fusion


def test_late_fusion_is_the_normalised_weighted_mean() -> None:
    fusion = fused(
        {Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1)]},
        strategy="Late",
        weights={"text": 3.0, "image": 1.0},
    )
    np.testing.assert_allclose(fusion.embedding.vector, np.array([0.75, 0.25]) / np.hypot(0.75, 0.25), rtol=1e-6)
    assert fusion.weights == {Modality.TEXT: 0.75, Modality.IMAGE: 0.25}


def test_late_fusion_takes_no_notice_of_quality() -> None:
    fusion = fused({Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1, quality=0.1)]}, strategy="Late")
    assert fusion.weights == {Modality.TEXT: 0.5, Modality.IMAGE: 0.5}


@given(QUALITY, QUALITY)
def test_an_input_of_lower_quality_never_counts_more(low: float, high: float) -> None:
    low, high = sorted((low, high))
    blurred = fused({Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1, quality=low)]})
    sharp = fused({Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1, quality=high)]})
    assert blurred.weights[Modality.IMAGE] <= sharp.weights[Modality.IMAGE]


@given(st.lists(QUALITY, min_size=3, max_size=3))
def test_weights_sum_to_one_and_the_vector_has_length_one(qualities: list[float]) -> None:
    fusion = fused({m: [item(1, at, quality=q)] for at, (m, q) in enumerate(zip(ASKED, qualities, strict=True))})
    assert sum(fusion.weights.values()) == pytest.approx(1)
    assert np.linalg.norm(fusion.embedding.vector) == pytest.approx(1, abs=1e-6)


def test_a_missing_modality_is_named_and_has_no_weight() -> None:
    fusion = fused({Modality.TEXT: [item(1, 0)]})
    assert fusion.missing == (Modality.IMAGE, Modality.AUDIO)
    assert fusion.weights == {Modality.TEXT: 1.0}
    np.testing.assert_allclose(fusion.embedding.vector, [1, 0])


def test_skip_makes_no_fused_vector_for_a_sample_that_lacks_a_modality() -> None:
    assert fuse({Modality.TEXT: [item(1, 0)]}, ASKED, Options(when_missing="Skip"), Alignment()) is None


def test_the_strategy_none_makes_no_fused_vector() -> None:
    assert fuse({Modality.TEXT: [item(1, 0)]}, ASKED, Options(strategy="None"), Alignment()) is None


def test_a_sample_without_any_vector_has_nothing_to_fuse() -> None:
    assert fuse({}, ASKED, Options(), Alignment()) is None


def test_the_segments_of_a_part_count_as_one_part() -> None:
    film = {Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1)] * 9}
    assert fused(film).weights == {Modality.TEXT: 0.5, Modality.IMAGE: 0.5}


def test_modalities_of_weight_zero_count_alike_where_nothing_else_came() -> None:
    fusion = fused({Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0, 1)]}, weights={"text": 0.0, "image": 0.0})
    assert fusion.weights == {Modality.TEXT: 0.5, Modality.IMAGE: 0.5}


def test_parts_that_disagree_are_rejected_below_the_asked_confidence() -> None:
    parts = {Modality.TEXT: [item(1, 0)], Modality.IMAGE: [item(0.1, 1)]}
    rejected = fuse(parts, ASKED, Options(), Alignment(min_confidence=0.5))
    assert isinstance(rejected, Rejected)
    assert rejected.gate == "alignment.minConfidence"
    assert rejected.score == pytest.approx(0.0995, abs=1e-4)
    assert rejected.threshold == 0.5


def test_alignment_confidence_is_the_mean_pairwise_cosine_cut_at_zero() -> None:
    a, b, c = (item(*v).payload.vector for v in ((1, 0), (1, 1), (0, 1)))
    assert alignment_confidence([a, b, c]) == pytest.approx((2**-0.5 + 0 + 2**-0.5) / 3)
    assert alignment_confidence([a, -a]) == 0
    assert alignment_confidence([a]) == 1


def test_the_gate_is_a_line_that_ends_at_one() -> None:
    assert [gate(0), gate(0.5), gate(1)] == pytest.approx([0.05, 0.525, 1])
