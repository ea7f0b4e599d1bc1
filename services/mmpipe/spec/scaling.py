"""How many pods, and what is in their template: what only means something under Kubernetes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mmpipe.spec.model import ClusterOnly, SpecModel

type Replicas = Annotated[int, Field(ge=0, le=1000)]
type Labels = dict[str, str]
type Manifest = dict[str, JsonValue]


class Scaling(SpecModel):
    """Replicas by queue depth."""

    mode: Literal["HPA", "KEDA", "None"] = "HPA"
    """Who scales: our HorizontalPodAutoscaler, a KEDA ScaledObject, or nobody."""
    min_replicas: Replicas = 1
    """Fewest pods; 0 scales to zero."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 4
    """Most pods."""
    target_queue_depth: Annotated[int, Field(ge=1)] = 32
    """Waiting and running samples that one pod should have."""


class ScalingOverride(SpecModel):
    """What one modality or process has of its own; an absent field is taken from `spec.scaling`."""

    min_replicas: Replicas | None = None
    """Fewest pods."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most pods."""
    target_queue_depth: Annotated[int, Field(ge=1)] | None = None
    """Waiting and running samples that one pod should have."""


class PodTemplate(SpecModel):
    """Overrides of the pod template, in Kubernetes' own terms."""

    labels: Labels = {}
    """Added to the pods."""
    annotations: Labels = {}
    """Added to the pods."""
    resources: Manifest = {}
    """Requests and limits of the container."""
    node_selector: Labels = {}
    """Where the pods may run."""
    tolerations: tuple[Manifest, ...] = ()
    """Taints that the pods tolerate."""
    affinity: Manifest = {}
    """Where the pods like to run."""
    runtime_class_name: str = ""
    """Container runtime class."""
    priority_class_name: str = ""
    """Scheduling priority."""


class Process(SpecModel):
    """The gateway's or the worker's own Deployment."""

    scaling: Annotated[ScalingOverride, ClusterOnly()] = ScalingOverride()
    template: Annotated[PodTemplate, ClusterOnly()] = PodTemplate()
