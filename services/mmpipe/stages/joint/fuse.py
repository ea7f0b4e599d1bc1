"""Fuse: the vectors of a sample's parts become one vector that says how it came about.

A weighted mean of L2-normalised vectors in one space, normalised again. What differs is the weight of a modality:

``Late``   the weight of the spec, whatever the input was like;
``Gated``  the same times ``gate(quality)``, where quality in [0, 1] was measured on the input by the clean stages
           (sharpness, signal-to-noise ratio, length ...). A blurred picture counts less, and never nothing.

A modality that is missing has no weight, and the others are scaled to sum to 1 (``Renormalize``): a zero vector is
never mixed in. Joining the parts of a sample is the runtime's work; this module only computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from mmpipe.records import Embedding, Floats, Fusion, Item, Modality, Rejected
from mmpipe.spec.joint import Alignment
from mmpipe.spec.joint import Fusion as FusionOptions

GATE_FLOOR = 0.05
"""Weight that an input of quality 0 keeps: it passed its gates, so it is worth something."""


def fuse(
    parts: Mapping[Modality, Sequence[Item[Embedding]]],
    asked: Sequence[Modality],
    options: FusionOptions,
    alignment: Alignment,
) -> Fusion | Rejected | None:
    """One vector for a sample, None where there is nothing to fuse, or Rejected below ``alignment.minConfidence``.

    ``parts`` holds the embeddings of each modality, one for each segment, and no modality without any; ``asked`` are
    the modalities of the pipeline.
    """
    missing = tuple(modality for modality in asked if modality not in parts)
    if not parts or options.strategy == "None" or (missing and options.when_missing == "Skip"):
        return None
    whole = {modality: _whole_part(items) for modality, items in parts.items()}
    confidence = alignment_confidence([item.payload.vector for item in whole.values()])
    if confidence < alignment.min_confidence:
        return _too_unlike(confidence, alignment.min_confidence)
    return _mean(whole, _weights(whole, options), missing, confidence)


def gate(quality: float) -> float:
    """Weight of an input of that quality: a straight line from :data:`GATE_FLOOR` at 0 to 1 at 1, so monotonic."""
    return GATE_FLOOR + (1 - GATE_FLOOR) * quality


def alignment_confidence(vectors: Sequence[Floats]) -> float:
    """How well vectors agree: their mean pairwise cosine, cut at 0. A single vector has nothing to disagree with: 1."""
    cosines = [float(a @ b) for a, b in combinations(vectors, 2)]
    return min(1.0, max(0.0, sum(cosines) / len(cosines))) if cosines else 1.0


def _whole_part(segments: Sequence[Item[Embedding]]) -> Item[Embedding]:
    """A part's one vector: the mean of its segments by quality. Its quality is the mean of theirs."""
    if len(segments) == 1:
        return segments[0]
    vectors = np.stack([item.payload.vector for item in segments])
    weights = np.array([gate(item.quality) for item in segments], np.float32)
    quality = float(np.mean([item.quality for item in segments]))
    return Item(segments[0].id, Embedding(_unit(weights @ vectors), segments[0].payload.model), quality)


def _weights(whole: Mapping[Modality, Item[Embedding]], options: FusionOptions) -> dict[Modality, float]:
    gated = options.strategy == "Gated"
    raw = {m: options.weights.get(m, 1.0) * (gate(item.quality) if gated else 1.0) for m, item in whole.items()}
    total = sum(raw.values())
    # Only modalities of weight 0 came: they are all there is, so they count alike.
    return {m: weight / total for m, weight in raw.items()} if total else dict.fromkeys(raw, 1 / len(raw))


def _mean(
    whole: Mapping[Modality, Item[Embedding]],
    weights: Mapping[Modality, float],
    missing: tuple[Modality, ...],
    confidence: float,
) -> Fusion:
    total = sum((np.float32(weights[m]) * item.payload.vector for m, item in whole.items()), np.float32(0))
    model = next(iter(whole.values())).payload.model
    quality = sum(weights[m] * item.quality for m, item in whole.items())
    return Fusion(Embedding(_unit(np.asarray(total)), model), weights, missing, confidence, quality)


def _unit(vector: Floats) -> Floats:
    """The vector at length 1; opposite vectors that cancel out leave nothing to scale and stay as they are."""
    length = float(np.linalg.norm(vector))
    return (vector / length).astype(np.float32) if length > 0 else vector.astype(np.float32)


def _too_unlike(confidence: float, threshold: float) -> Rejected:
    reason = f"the parts agree with confidence {confidence:.3f}, less than alignment.minConfidence {threshold:.3f}"
    return Rejected("alignment.minConfidence", reason, confidence, threshold)
