"""Fusing in a stage server: gates hold, unless a person released the sample."""

from __future__ import annotations

from mmpipe.records import Embedding, Fusion, Item, Modality, Rejected
from mmpipe.runtimes.stage_server.work import Workshop
from mmpipe.spec import PipelineSpec
from mmpipe.testing import MODEL, vector_of

STRICT = PipelineSpec.model_validate({"alignment": {"minConfidence": 0.99}})
UNLIKE = {modality: [Item("a", Embedding(vector_of(modality), MODEL))] for modality in (Modality.TEXT, Modality.IMAGE)}


def test_parts_that_are_too_unlike_are_rejected() -> None:
    (outcome,) = Workshop(STRICT, ()).fused()([UNLIKE])

    assert isinstance(outcome, Rejected)
    assert outcome.gate == "alignment.minConfidence"


def test_parts_of_a_released_sample_are_fused_however_unlike_they_are() -> None:
    (outcome,) = Workshop(STRICT, ()).fused(ignore_gates=True)([UNLIKE])

    assert isinstance(outcome, Fusion)


def test_released_samples_share_no_batch_with_others() -> None:
    workshop = Workshop(STRICT, ())

    assert workshop.fused(ignore_gates=True) != workshop.fused()
    assert workshop.fused() == workshop.fused()
