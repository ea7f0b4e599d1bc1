"""Affinity of pods, typed as Kubernetes has it (``core/v1``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.model import ATOMIC, SpecModel

type Key = Annotated[str, Field(min_length=1, max_length=317)]
type Value = Annotated[str, Field(max_length=63)]
type Values = Annotated[tuple[Value, ...], Field(max_length=32)]
type Weight = Annotated[int, Field(ge=1, le=100)]


class LabelRequirement(SpecModel):
    """A requirement on a label."""

    model_config = ATOMIC

    key: Key
    """The label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is compared."""
    values: Values = ()
    """With what."""


class LabelSelector(SpecModel):
    """Pods by their labels: all of both."""

    model_config = ATOMIC

    match_labels: Annotated[dict[Key, Value], Field(max_length=32)] = {}
    """Labels with these values."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=16)] = ()
    """Labels that meet these requirements."""


class NodeRequirement(SpecModel):
    """A requirement on a label or field of a node."""

    key: Key
    """The label or field."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How it is compared."""
    values: Values = ()
    """With what."""


class NodeTerm(SpecModel):
    """Nodes that meet all of these."""

    model_config = ATOMIC

    match_expressions: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] = ()
    """Requirements on labels."""
    match_fields: Annotated[tuple[NodeRequirement, ...], Field(max_length=4)] = ()
    """Requirements on fields."""


class NodeTerms(SpecModel):
    """Nodes that meet one of these."""

    model_config = ATOMIC

    node_selector_terms: Annotated[tuple[NodeTerm, ...], Field(min_length=1, max_length=8)]
    """The terms."""


class PreferredNodeTerm(SpecModel):
    """Nodes that are better than others."""

    weight: Weight
    """How much better."""
    preference: NodeTerm
    """Which."""


class NodeAffinity(SpecModel):
    """By nodes."""

    required_during_scheduling_ignored_during_execution: NodeTerms | None = None
    """Where the pods must run."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodeTerm, ...], Field(max_length=8)
    ] = ()
    """Where they like to run."""


class PodTerm(SpecModel):
    """Places with such pods."""

    label_selector: LabelSelector | None = None
    """The pods."""
    topology_key: Key
    """Label of nodes that says what a place is."""
    namespaces: Annotated[tuple[Annotated[str, Field(max_length=63)], ...], Field(max_length=16)] = ()
    """Their namespaces; empty is the pipeline's."""
    namespace_selector: LabelSelector | None = None
    """Their namespaces by label."""


class PreferredPodTerm(SpecModel):
    """Places that are better than others."""

    weight: Weight
    """How much better."""
    pod_affinity_term: PodTerm
    """Which."""


class PodAffinity(SpecModel):
    """By other pods: near them, or in `podAntiAffinity` away from them."""

    required_during_scheduling_ignored_during_execution: Annotated[tuple[PodTerm, ...], Field(max_length=8)] = ()
    """What must be so."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredPodTerm, ...], Field(max_length=8)
    ] = ()
    """What is better so."""


class Affinity(SpecModel):
    """Where pods like to run."""

    model_config = ATOMIC

    node_affinity: NodeAffinity | None = None
    """By nodes."""
    pod_affinity: PodAffinity | None = None
    """Near other pods."""
    pod_anti_affinity: PodAffinity | None = None
    """Away from other pods."""
