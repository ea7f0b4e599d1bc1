"""The HorizontalPodAutoscaler of a process (``scaling.mode: HPA``), by what waits.

Metrics are of the pipeline object, from the metrics adapter: ``queue_depth`` counts samples that wait or are in flight,
of one modality or of all; ``service_depth`` counts calls that wait in the pods of a process. Stage servers go by
their modality's samples, so that they are up before calls arrive, and by their own calls. No calls wait where there is
no pod: what may scale to zero goes by the queue too, which wakes it, and a gateway, which fills that, never does.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part, metadata_of

_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Pods", "value": 4, "periodSeconds": 15},
    ],
}
"""A backlog only grows while one waits: double, or four pods at once."""
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}
"""Half each minute, once there was calm for as long as the spec says: a second look before the next half goes."""


def autoscaler(part: Part) -> Manifest:
    """Bounds from the spec, the process's own first."""
    fewest, most, target = bounds(part)
    return {
        "apiVersion": AUTOSCALER.api_version,
        "kind": AUTOSCALER.kind,
        "metadata": metadata_of(part),
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": part.name},
            "minReplicas": fewest,
            "maxReplicas": most,
            "metrics": [_metric(part, name, labels, target) for name, labels in signals(part)],
            "behavior": behavior(part),
        },
    }


def bounds(part: Part) -> tuple[int, int, int]:
    """Fewest and most replicas, and the depth that one of them should have."""
    own, common = part.process.scaling, part.pipeline.spec.scaling
    fewest = common.min_replicas if own.min_replicas is None else own.min_replicas
    return (
        max(1, fewest) if part.process.name == GATEWAY else fewest,
        common.max_replicas if own.max_replicas is None else own.max_replicas,
        common.target_queue_depth if own.target_queue_depth is None else own.target_queue_depth,
    )


def behavior(part: Part) -> Manifest:
    """How fast replicas come and go; weights take long to load, so what is there stays for a while."""
    own, common = part.process.scaling, part.pipeline.spec.scaling
    calm_s = own.scale_down_stabilization_seconds
    calm_s = common.scale_down_stabilization_seconds if calm_s is None else calm_s
    return {"scaleUp": _UP, "scaleDown": {"stabilizationWindowSeconds": calm_s, **_DOWN}}


def signals(part: Part) -> Iterator[tuple[str, dict[str, str]]]:
    """Metrics that a process scales by, each with its labels: the same for the HPA and for KEDA."""
    if part.process.modality is not None:
        yield names.QUEUE_DEPTH, {"modality": str(part.process.modality)}
    if part.process.name == WORKER or (part.process.name == FUSE and not bounds(part)[0]):
        yield names.QUEUE_DEPTH, {}
    if part.process.name != WORKER:
        yield names.SERVICE_DEPTH, {"process": part.process.name}


def _metric(part: Part, name: str, labels: dict[str, str], target: int) -> Manifest:
    selector = {"selector": {"matchLabels": labels}} if labels else {}
    described = {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": part.pipeline.metadata.name}
    return {
        "type": "Object",
        "object": {
            "describedObject": described,
            "metric": {"name": name, **selector},
            "target": {"type": "AverageValue", "averageValue": str(target)},
        },
    }
