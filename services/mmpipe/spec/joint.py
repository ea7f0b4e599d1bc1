"""What happens between modalities: alignment and fusion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.records import Modality
from mmpipe.spec.model import Later, SpecModel
from mmpipe.spec.scaling import Process


class Alignment(SpecModel):
    """How the parts of a sample are brought to agree."""

    temporal: Annotated[
        Literal["None", "Timestamps", "Dtw"],
        Later("temporal alignment comes with the alignment release; set temporal to None"),
    ] = "None"
    """How parts are matched in time: not at all, by their timestamps, or by dynamic time warping."""
    semantic: Annotated[
        Literal["None", "Projection", "OptimalTransport"],
        Later("semantic alignment comes with the alignment release; set semantic to None"),
    ] = "None"
    """How parts are matched by meaning."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Least alignment confidence of a fused vector. Below it the fused vector is quarantined and the parts' own vectors
    are kept. 0 switches the gate off."""


class Fusion(Process):
    """How the vectors of a sample's parts become one, and the process that does it."""

    strategy: Annotated[
        Literal["None", "Late", "Gated", "Early", "Hybrid"],
        Later(
            "Early and Hybrid fusion come with the fusion release; set strategy to Gated, Late or None",
            acting=("Late", "None"),
        ),
    ] = "Gated"
    """`Late` is a weighted mean, `Gated` also weighs by the measured quality of each input, `None` makes no fused
    vector."""
    weights: Annotated[dict[Modality, Annotated[float, Field(ge=0)]], Field(max_length=len(Modality))] = {}
    """Weight of each modality; one that is not named weighs 1."""
    when_missing: Literal["Renormalize", "Skip"] = "Renormalize"
    """What a sample without one of the modalities gets: the weights of the others scaled to 1, or no fused vector."""
