"""Overrides of a pod template: the part of Kubernetes' own terms that a pipeline may set, typed as the API has them.

What decides over the restricted Pod Security profile is not among them. ``affinity`` has a module of its own.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmpipe.spec.affinity import Affinity, LabelSelector
from mmpipe.spec.model import ATOMIC, Keyed, SpecModel, broken_rule

type Name = Annotated[str, Field(min_length=1, max_length=253)]
type Text = Annotated[str, Field(max_length=4096)]
type Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([eE][0-9]+|[numkMGTPE]|[KMGTPE]i)?$")]
type Key = Annotated[str, Field(min_length=1, max_length=317)]
type Labels = Annotated[
    dict[Key, Annotated[str, Field(max_length=63, pattern=r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]],
    Field(max_length=64),
]
type Annotations = Annotated[dict[Key, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]
type Quantities = Annotated[dict[Key, Quantity], Field(max_length=16)]
type PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class LocalName(SpecModel):
    """An object of the pipeline's namespace."""

    model_config = ATOMIC

    name: Name
    """Its name."""


class Resources(SpecModel):
    """What a container gets. A resource named here is taken from here alone."""

    model_config = ATOMIC

    requests: Quantities = {}
    """What is kept free for it."""
    limits: Quantities = {}
    """What it may use at most."""


class KeyRef(SpecModel):
    """A key of a Secret or ConfigMap of the pipeline's namespace."""

    model_config = ATOMIC

    name: Name
    """Its name."""
    key: Name
    """The key."""
    optional: bool = False
    """Whether a pod starts without it."""


class FieldRef(SpecModel):
    """A field of the pod."""

    model_config = ATOMIC

    field_path: Name
    """Such as `metadata.name`."""


class ValueFrom(SpecModel):
    """Where a value comes from."""

    secret_key_ref: KeyRef | None = None
    """From a Secret."""
    config_map_key_ref: KeyRef | None = None
    """From a ConfigMap."""
    field_ref: FieldRef | None = None
    """From the pod itself."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        return _exactly_one(self, "valueFrom")


class Variable(SpecModel):
    """An environment variable."""

    name: Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    """Its name."""
    value: Text | None = None
    """Its value; a secret belongs into a Secret."""
    value_from: ValueFrom | None = None
    """Where its value comes from, instead."""

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if self.value is not None and self.value_from is not None:
            raise broken_rule("valueFrom", "it beside value", "value or valueFrom, not both", "keep one")
        return self


class EmptyDir(SpecModel):
    """A folder that lives as long as the pod."""

    model_config = ATOMIC

    size_limit: Quantity | None = None
    """Most that may be in it."""
    medium: Literal["Memory"] | None = None
    """`Memory` keeps it in memory."""


class Claim(SpecModel):
    """A PersistentVolumeClaim."""

    claim_name: Name
    """Its name."""
    read_only: bool = False
    """Whether it is only read."""


class SecretVolume(SpecModel):
    """The keys of a Secret as files."""

    secret_name: Name
    """Its name."""
    optional: bool = False
    """Whether a pod starts without it."""


class ConfigMapVolume(SpecModel):
    """The keys of a ConfigMap as files."""

    name: Name
    """Its name."""
    optional: bool = False
    """Whether a pod starts without it."""


class ImageVolume(SpecModel):
    """The files of an OCI image, such as a model package (Kubernetes 1.36)."""

    reference: Annotated[str, Field(min_length=1, max_length=1024)]
    """The image."""
    pull_policy: PullPolicy | None = None
    """When it is pulled."""


class CsiVolume(SpecModel):
    """An inline volume of a CSI driver, such as one that brings secrets."""

    driver: Name
    """Its name."""
    read_only: bool = False
    """Whether it is only read."""
    volume_attributes: Annotations = {}
    """What the driver asks for."""


class Volume(SpecModel):
    """A volume of the pod."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Its name; `config`, `data` and `tmp` are the pod's own."""
    empty_dir: EmptyDir | None = None
    """A folder of the pod."""
    persistent_volume_claim: Claim | None = None
    """A PersistentVolumeClaim, such as one with models."""
    secret: SecretVolume | None = None
    """A Secret."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap."""
    image: ImageVolume | None = None
    """An OCI image."""
    csi: CsiVolume | None = None
    """A CSI driver's."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        return _exactly_one(self, "the volume")


class Mount(SpecModel):
    """Where a volume is in the container."""

    name: Name
    """The volume."""
    mount_path: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^/[^:]*$")]
    """The folder."""
    sub_path: Annotated[str, Field(max_length=1024)] | None = None
    """A folder in the volume, instead of all of it."""
    read_only: bool = False
    """Whether it is only read."""


class Toleration(SpecModel):
    """A taint of nodes that the pods tolerate."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """The taint's key; absent, with `Exists`, all of them."""
    operator: Literal["Exists", "Equal"] | None = None
    """How the value is compared."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; absent, all of them."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """For how long `NoExecute` is tolerated."""


class Spread(SpecModel):
    """How pods are spread over nodes or zones."""

    max_skew: Annotated[int, Field(ge=1)]
    """Largest difference between two."""
    topology_key: Annotated[str, Field(min_length=1, max_length=317)]
    """Label of nodes that tells them apart."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What happens where it can't be had."""
    label_selector: LabelSelector | None = None
    """The pods that are counted."""
    match_label_keys: Annotated[tuple[Annotated[str, Field(max_length=317)], ...], Field(max_length=8)] | None = None
    """Labels in which the counted pods agree with the new one."""


class PodTemplate(SpecModel):
    """Overrides of the pod template, in Kubernetes' own terms: lists are merged by name, maps by key."""

    labels: Labels = {}
    """Added to the pods."""
    annotations: Annotations = {}
    """Added to the pods."""
    image: Annotated[str, Field(max_length=1024)] | None = None
    """Image of the container; absent, the operator's default."""
    image_pull_policy: PullPolicy | None = None
    """When it is pulled."""
    image_pull_secrets: Annotated[tuple[LocalName, ...], Field(max_length=8), Keyed("name")] = ()
    """Secrets to pull it with."""
    resources: Resources = Resources()
    """Requests and limits of the container."""
    env: Annotated[tuple[Variable, ...], Field(max_length=64), Keyed("name")] = ()
    """Environment variables of the container."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16), Keyed("name")] = ()
    """Volumes of the pods."""
    volume_mounts: Annotated[tuple[Mount, ...], Field(max_length=32), Keyed("mount_path")] = ()
    """Where they are in the container."""
    node_selector: Labels = {}
    """Where the pods may run."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    """Taints that the pods tolerate."""
    affinity: Affinity = Affinity()
    """Where the pods like to run."""
    topology_spread_constraints: Annotated[tuple[Spread, ...], Field(max_length=8)] = ()
    """How the pods are spread; given, it takes the place of the operator's."""
    runtime_class_name: Annotated[str, Field(max_length=253)] = ""
    """Container runtime class."""
    priority_class_name: Annotated[str, Field(max_length=253)] = ""
    """Scheduling priority."""
    scheduler_name: Annotated[str, Field(max_length=253)] = ""
    """Scheduler; empty is the cluster's own."""


def _exactly_one[M: SpecModel](model: M, what: str) -> M:
    fields = type(model).model_fields.items()
    given = [info.alias for name, info in fields if name != "name" and getattr(model, name) is not None]
    if len(given) != 1:
        found = ", ".join(filter(None, given)) or "nothing"
        raise broken_rule("", found, f"exactly one source of {what}", "keep one")
    return model
