"""The objects of one process, put together from what was read, and where its settings of scaling stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubectl_mmpipe import pods, scaling
from kubectl_mmpipe.faults import NotFound
from kubectl_mmpipe.snapshot import Children, Snapshot
from mmpipe.records import Modality
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

GATEWAY, WORKER, FUSE = "gateway", "worker", "fuse"
_MODE = "HPA"
"""The default of ``spec.scaling.mode``."""
_SECTIONS = {GATEWAY: "gateway", WORKER: "worker", FUSE: "fusion"}
"""Where a process that is no modality's has settings of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One process: the pipeline, its Deployment and what scales that, each None where there is none.

    ``unread`` says what could not be read, and why.
    """

    pipeline: Manifest
    process: str
    deployment: Manifest | None
    autoscaler: Manifest | None
    scaled_object: Manifest | None
    pods: tuple[Manifest, ...]
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the pipeline."""
        return str(self.pipeline["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Of the pipeline."""
        return str(self.pipeline["metadata"].get("namespace", ""))

    @property
    def mode(self) -> str:
        """Who is to scale: HPA, KEDA or None."""
        return str(_scaling(self.pipeline["spec"]).get("mode", _MODE))

    @property
    def modality(self) -> str:
        """Whose stages it serves; empty for gateway, worker and fuse."""
        first = self.process.partition("-")[0]
        return first if first in set(Modality) else ""

    @property
    def ready_pods(self) -> list[Manifest]:
        """Those that serve and stay."""
        return [pod for pod in self.pods if pods.is_ready(pod)]

    def setting(self, field: str, default: int) -> tuple[int, str]:
        """A setting of scaling and the path at which it stands, or would stand: the process's own comes first."""
        own, path = self._own()
        if own.get(field) is not None:
            return int(own[field]), f"{path}.{field}"
        return int(_scaling(self.pipeline["spec"]).get(field, default)), f"spec.scaling.{field}"

    def _own(self) -> tuple[dict[str, Any], str]:
        spec = self.pipeline["spec"]
        if self.modality:
            own: list[Manifest] = spec.get("modalities", [])
            found: Manifest = next((each for each in own if each["name"] == self.modality), {})
            return _scaling(found), f"spec.modalities[name={self.modality}].scaling"
        section = _SECTIONS.get(self.process, self.process)
        return _scaling(spec.get(section, {})), f"spec.{section}.scaling"


def cases(snapshot: Snapshot, scaled_objects: Children, process: str = "") -> list[Case]:
    """Every process of every pipeline, or the one of that name. Raises NotFound where no pipeline has it."""
    found = [case for pipeline in snapshot.pipelines for case in _of_pipeline(pipeline, snapshot, scaled_objects)]
    chosen = [case for case in found if process in ("", case.process)]
    if process and found and not chosen:
        known = ", ".join(dict.fromkeys(case.process for case in found))
        raise NotFound(f"process {process}: found {known}; expected one of these; correct --process")
    return chosen


def _of_pipeline(pipeline: Manifest, snapshot: Snapshot, scaled_objects: Children) -> Iterator[Case]:
    """In the order of the status, then those that only the cluster has."""
    deployments = {pods.component(each): each for each in snapshot.deployments.of(pipeline)}
    told = [each["name"] for each in pipeline.get("status", {}).get("processes", ())]
    read = (snapshot.deployments, snapshot.autoscalers, snapshot.pods, scaled_objects)
    for process in dict.fromkeys([*told, *sorted(deployments)]):
        target = names.child(pipeline["metadata"]["name"], process)
        objects = [each for each in scaled_objects.of(pipeline) if each["metadata"]["name"] == target]
        yield Case(
            pipeline,
            process,
            deployments.get(process),
            scaling.manifest_of(snapshot.autoscalers.of(pipeline), target),
            next(iter(objects), None),
            tuple(pods.of_process(snapshot.pods.of(pipeline), process)),
            tuple(dict.fromkeys(children.unread for children in read if children.unread)),
        )


def _scaling(block: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = block.get("scaling") or {}
    return found
