"""What became of a sample as a whole: one vector, a verdict, a fault, or nothing to fuse."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mmpipe.adapters.wire.errors import WireError, checked_share, within
from mmpipe.adapters.wire.items import decode_failed, decode_rejected, encode_failed, encode_rejected
from mmpipe.adapters.wire.media import decode_modality, encode_modality
from mmpipe.adapters.wire.tensors import decode_embedding, encode_embedding
from mmpipe.records import Failed, Fusion, Modality, Rejected
from mmpipe.v1 import fuse_pb2

_TOLERANCE = 1e-6


def encode_fusion(fusion: Fusion | Rejected | Failed | None) -> fuse_pb2.FuseOutcome:
    """What became of a sample; None (nothing to fuse) is an empty message."""
    match fusion:
        case Fusion():
            return fuse_pb2.FuseOutcome(fusion=_encode_fused(fusion))
        case Rejected():
            return fuse_pb2.FuseOutcome(rejected=encode_rejected(fusion))
        case Failed():
            return fuse_pb2.FuseOutcome(failed=encode_failed(fusion))
        case None:
            return fuse_pb2.FuseOutcome()


def decode_fusion(message: fuse_pb2.FuseOutcome, field: str = "outcome") -> Fusion | Rejected | Failed | None:
    """What became of a sample."""
    match message.WhichOneof("kind"):
        case "fusion":
            return _decode_fused(message.fusion, within(field, "fusion"))
        case "rejected":
            return decode_rejected(message.rejected, within(field, "rejected"))
        case "failed":
            return decode_failed(message.failed, within(field, "failed"))
    return None


def _encode_fused(fusion: Fusion) -> fuse_pb2.Fusion:
    return fuse_pb2.Fusion(
        embedding=encode_embedding(fusion.embedding),
        weights=[fuse_pb2.Weight(modality=encode_modality(m), weight=weight) for m, weight in fusion.weights.items()],
        missing=[encode_modality(modality) for modality in fusion.missing],
        alignment_confidence=fusion.alignment_confidence,
        quality=fusion.quality,
    )


def _decode_fused(message: fuse_pb2.Fusion, field: str) -> Fusion:
    missing = enumerate(message.missing)
    return Fusion(
        decode_embedding(message.embedding, within(field, "embedding")),
        _weights(message.weights, within(field, "weights")),
        tuple(decode_modality(number, f"{within(field, 'missing')}[{at}]") for at, number in missing),
        checked_share(message.alignment_confidence, within(field, "alignment_confidence")),
        checked_share(message.quality, within(field, "quality")),
    )


def _weights(messages: Iterable[fuse_pb2.Weight], field: str) -> dict[Modality, float]:
    """The weight of each modality that took part. They sum to 1, and a modality named twice breaks that."""
    weights = {
        decode_modality(entry.modality, f"{field}[{at}].modality"): checked_share(entry.weight, f"{field}[{at}].weight")
        for at, entry in enumerate(messages)
    }
    if not math.isclose(sum(weights.values()), 1, abs_tol=_TOLERANCE):
        raise WireError(field, f"a sum of {sum(weights.values())}", "weights that sum to 1", "send what fuse answered")
    return weights
