"""What goes into a plan beside the spec, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline, Problem
from mmpipe.spec.rollout import Rollout
from mmpipe.spec.scaling import ScalingOverride
from mmpipe.spec.template import PodTemplate
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

GATEWAY, WORKER, FUSE = "gateway", "worker", "fuse"


@dataclass(frozen=True, slots=True)
class Scaler:
    """Where KEDA asks our metrics adapter, and whose signature its certificate has (PEM)."""

    address: str
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a plan needs beside the spec.

    ``uid`` is the pipeline's, for the owner reference. ``digests`` are of what pods read, by `Secret/name` or
    `ConfigMap/name`; what does not exist is absent. ``apis`` are the optional API versions that the cluster serves.
    ``scaler`` is None where there is no metrics adapter.
    """

    uid: str
    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    apis: frozenset[str] = frozenset()
    scaler: Scaler | None = None
    service_monitors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of a pipeline: a Deployment and what belongs to it.

    ``modality`` and ``stage`` are None for gateway, worker and fuse, and ``stage`` for one with all stages of a
    modality. ``arguments`` follow ``mmpipe``.
    """

    name: str
    endpoint: str
    arguments: tuple[str, ...]
    modality: Modality | None = None
    stage: str | None = None
    scaling: ScalingOverride = field(default_factory=ScalingOverride, repr=False)
    rollout: Rollout = field(default_factory=Rollout, repr=False)
    template: PodTemplate = field(default_factory=PodTemplate, repr=False)

    @property
    def port(self) -> int:
        """Where it listens."""
        return names.grpc_port(self.name)

    @property
    def fetches(self) -> bool:
        """Whether it gets media that lie elsewhere: from the web, or the object store."""
        return self.name == WORKER or (self.modality is not None and self.stage in {None, "decode"})


@dataclass(frozen=True, slots=True)
class Plan:
    """``manifests`` in the order of ``kinds.CHILDREN``; none where ``problems`` say what can't be planned."""

    manifests: tuple[Manifest, ...]
    processes: tuple[Process, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One process in its pipeline: what every module per kind is given.

    ``given`` is the pipeline as far as the process reads it, and ``file`` the same as text.
    """

    pipeline: MultimodalPipeline
    process: Process
    context: Context
    given: MultimodalPipeline
    file: str

    @property
    def name(self) -> str:
        """Of its objects."""
        return names.child(self.pipeline.metadata.name, self.process.name)

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select its pods."""
        return names.selector(self.pipeline.metadata.name, self.process.name)

    @property
    def paused(self) -> bool:
        """Whether no pods are wanted."""
        return self.pipeline.spec.lifecycle.state == "Paused"


def metadata(pipeline: MultimodalPipeline, context: Context, name: str, process: str = "") -> Manifest:
    """Metadata of a child: owned by the pipeline, so that Kubernetes deletes it with it."""
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": pipeline.metadata.name,
        "uid": context.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "name": name,
        "namespace": pipeline.metadata.namespace,
        "labels": names.labels(pipeline.metadata.name, process),
        "ownerReferences": [owner],
    }


def metadata_of(part: Part) -> Manifest:
    """Metadata of the objects of one process."""
    return metadata(part.pipeline, part.context, part.name, part.process.name)
