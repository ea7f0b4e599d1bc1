"""Objects as the API server has them, and a pipeline of three processes to vary: one line for what a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import Observed, Probe, Report, status

NOW = "2026-11-24T10:00:00Z"
LATER = "2026-11-24T11:00:00Z"
REACHABLE = Probe("Reachable", "answers")
KNOWN = Report(
    queue=REACHABLE,
    vectors=REACHABLE,
    dead_letters=0,
    backlog=3,
    collection="media_g1",
    alias="media",
    dimension=128,
    model="tiny@sha256:0123",
)


@dataclass(frozen=True)
class Process:
    """As ``plan`` has it."""

    name: str
    endpoint: str


PROCESSES = (
    Process("gateway", "media-gateway.default:50050"),
    Process("worker", "media-worker.default:50052"),
    Process("image", "media-image.default:50051"),
)


def pipeline(
    *, generation: int = 1, mode: str = "HPA", state: str = "Running", status: Manifest | None = None
) -> Manifest:
    """The object; ``status`` is its present one."""
    spec = {
        "modalities": [{"name": "image", "embed": {"model": {"uri": "builtin:tiny"}}}],
        "scaling": {"mode": mode},
        "lifecycle": {"state": state},
    }
    metadata = {"name": "media", "namespace": "default", "generation": generation}
    return {"metadata": metadata, "spec": spec} | ({"status": status} if status else {})


def deployment(
    *,
    desired: int = 1,
    replicas: int | None = None,
    updated: int | None = None,
    available: int | None = None,
    progress: str = "NewReplicaSetAvailable",
    **more: Any,  # noqa: ANN401  # JSON
) -> Manifest:
    """A Deployment that is rolled out, but for what is said. ``more``: ``observed``, ``paused``, ``conditions``."""
    replicas = desired if replicas is None else replicas
    conditions = [{"type": "Progressing", "status": "True", "reason": progress}, *more.get("conditions", [])]
    return {
        "metadata": {"name": "media-image", "generation": 4},
        "spec": {"replicas": desired, "paused": more.get("paused", False)},
        "status": {
            "observedGeneration": more.get("observed", 4),
            "replicas": replicas,
            "updatedReplicas": replicas if updated is None else updated,
            "availableReplicas": replicas if available is None else available,
            "conditions": conditions,
        },
    }


def rolling(**more: Any) -> Manifest:  # noqa: ANN401  # JSON
    """One whose new pod comes up beside the old one."""
    beside: dict[str, Any] = {"replicas": 2, "updated": 1, "available": 1, "progress": "ReplicaSetUpdated"}
    return deployment(**(beside | more))


def overdue(**more: Any) -> Manifest:  # noqa: ANN401  # JSON
    """One whose first pod has not come up in time."""
    late: dict[str, Any] = {"available": 0, "progress": "ProgressDeadlineExceeded"}
    return deployment(**(late | more))


def pod(process: str = "image", *, container: Manifest | None = None, **more: Any) -> Manifest:  # noqa: ANN401  # JSON
    """A pod of a process. ``container`` is added to its container's status, ``more`` to its own."""
    status = {"name": process, "image": "mmpipe:1", "ready": False, "restartCount": 0, "state": {}} | (container or {})
    return {
        "metadata": {"name": f"media-{process}-5d9c-x7k2p", "labels": {"app.kubernetes.io/component": process}},
        "status": {"phase": "Running", "containerStatuses": [status]} | more,
    }


def waiting(reason: str, message: str = "") -> Manifest:
    """A container that does not start."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def crashing(exit_code: int = 1, reason: str = "Error") -> Manifest:
    """A container between two ends."""
    last = {"terminated": {"exitCode": exit_code, "reason": reason}}
    return waiting("CrashLoopBackOff", "back-off 20s restarting failed container") | {
        "restartCount": 3,
        "lastState": last,
    }


def scaler(active: str = "True", reason: str = "ValidMetricFound", message: str = "", **others: str) -> Manifest:
    """A HorizontalPodAutoscaler; ``others`` are further conditions by their status."""
    conditions = [{"type": "ScalingActive", "status": active, "reason": reason, "message": message}]
    conditions += [{"type": name, "status": status, "reason": "FailedGetScale"} for name, status in others.items()]
    return {"metadata": {"name": "media-image"}, "status": {"conditions": conditions}}


def observed(**changes: Any) -> Observed:  # noqa: ANN401  # fields of Observed
    """A pipeline that serves, but for the changes; ``image`` replaces the Deployment of that process."""
    image = changes.pop("image", deployment())
    deployments = {"gateway": deployment(), "worker": deployment(), "image": image}
    whole: dict[str, Any] = {
        "pipeline": pipeline(),
        "processes": PROCESSES,
        "deployments": deployments,
        "autoscalers": {process.name: scaler() for process in PROCESSES},
        "report": KNOWN,
    }
    return Observed(**(whole | changes))


def report(**changes: Any) -> Report:  # noqa: ANN401  # fields of Report
    """What neighbours say that are well, but for the changes."""
    return replace(KNOWN, **changes)


def conditions(document: Manifest) -> Mapping[str, Manifest]:
    """By type."""
    return {each["type"]: each for each in document["conditions"]}


def after(seen: Observed, now: str = NOW) -> Mapping[str, Manifest]:
    """The conditions of what was observed."""
    return conditions(status(seen, now))


def then(first: Observed, second: Observed) -> Observed:
    """What is observed second, with the status of the first on the pipeline."""
    return replace(second, pipeline={**second.pipeline, "status": status(first, NOW)})
