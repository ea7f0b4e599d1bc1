"""How many pods, and what is in their template: what only means something under Kubernetes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmpipe.spec.model import ClusterOnly, SpecModel, broken_rule
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.template import PodTemplate

type Replicas = Annotated[int, Field(ge=0, le=1000)]
type Calm = Annotated[int, Field(ge=0, le=3600)]
"""Kubernetes takes no longer window."""


class Fallback(SpecModel):
    """What KEDA does while the depth can't be read; it never takes pods away then."""

    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """Failed readings in a row before it acts."""
    replicas: Annotated[int, Field(ge=1, le=1000)]
    """Fewest pods that there are then: at least 1, since KEDA takes 0 for no fallback, and scales to zero at once."""


class Keda(SpecModel):
    """The pace of KEDA."""

    polling_interval_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """How often the depth is read."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """How long nothing must wait before it scales to zero."""
    fallback: Fallback | None = None
    """What happens while the depth can't be read; absent, nothing."""


class Scaling(SpecModel):
    """Replicas by queue depth."""

    mode: Literal["HPA", "KEDA", "None"] = "HPA"
    """Who scales: our HorizontalPodAutoscaler, a KEDA ScaledObject, or nobody."""
    min_replicas: Replicas = 1
    """Fewest pods; 0 scales to zero all but the gateway. With HPA that needs Kubernetes 1.37, or the feature gate
    HPAScaleToZero of older ones."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 4
    """Most pods."""
    target_queue_depth: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    """Waiting and running samples that one pod should have."""
    scale_down_stabilization_seconds: Calm = 300
    """How long fewer pods must have been enough before the first goes: what has just been started, and has just loaded
    its weights, stays over a pause in what comes in. Not for scaling to zero with KEDA: `keda.cooldownSeconds`."""
    keda: Keda | None = None
    """Only with mode KEDA."""

    @model_validator(mode="after")
    def _keda_with_its_mode(self) -> Self:
        if self.keda is not None and self.mode != "KEDA":
            raise broken_rule("keda", f"it with mode {self.mode}", "it only with mode KEDA", "remove keda")
        return self


class ScalingOverride(SpecModel):
    """What one modality or process has of its own; an absent field is taken from `spec.scaling`."""

    min_replicas: Replicas | None = None
    """Fewest pods."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most pods."""
    target_queue_depth: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Waiting and running samples that one pod should have."""
    scale_down_stabilization_seconds: Calm | None = None
    """How long fewer pods must have been enough before the first goes."""


class Process(SpecModel):
    """A Deployment of one's own: the gateway's, the worker's, or that of fusion."""

    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    rollout: Annotated[Rollout, ClusterOnly()] = Rollout()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()
