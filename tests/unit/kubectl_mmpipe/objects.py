"""Objects of a cluster, as the API server has them: only what the plugin reads."""

from typing import Any

type Manifest = dict[str, Any]

PIPELINES = "multimodalpipelines.mmpipe.dev"
HPAS = "horizontalpodautoscalers.v2.autoscaling"
GATEWAY = "media-gateway.default:50050"


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 3}


READY = (
    condition("Ready", "True", "Available", "every process is available"),
    condition("Reconciling", "False", "Settled"),
    condition("Stalled", "False", "Settled"),
    condition("QueueReachable", "True", "Reachable"),
    condition("VectorStoreReachable", "True", "Reachable"),
    condition("DeadLettersPresent", "False", "None"),
)


def pipeline(name: str = "media", *conditions: Manifest, **more: object) -> Manifest:
    """A pipeline of generation 3; ``more`` replaces fields of its status."""
    changed = {each["type"]: each for each in (*READY, *conditions)}
    status = {
        "observedGeneration": 3,
        "conditions": list(changed.values()),
        "stages": "2/2",
        "backlog": "10-99",
        "processes": [
            {"name": "gateway", "ready": 1, "desired": 1, "updated": 1, "endpoint": GATEWAY},
            {"name": "image", "ready": 1, "desired": 1, "updated": 1, "endpoint": "media-image.default:50051"},
        ],
        "vectors": {"collection": "media_1", "alias": "media", "dimension": 128},
    }
    metadata = {"name": name, "namespace": "default", "generation": 3}
    return {"apiVersion": "mmpipe.dev/v1alpha1", "metadata": metadata, "spec": {}, "status": status | more}


def _metadata(name: str, process: str, of: str) -> Manifest:
    labels = {"mmpipe.dev/pipeline": of, "app.kubernetes.io/component": process}
    return {"name": name, "namespace": "default", "labels": labels}


def deployment(process: str, ready: int = 1, desired: int = 1, *, of: str = "media") -> Manifest:
    metadata, status = _metadata(f"{of}-{process}", process, of), {"readyReplicas": ready, "updatedReplicas": desired}
    return {"metadata": metadata, "spec": {"replicas": desired}, "status": status}


def autoscaler(process: str, average: str | None, target: str = "32", *, pods: int = 2, wanted: int = 3) -> Manifest:
    """An HPA by queue depth; without an ``average`` it can't read, and keeps the last one it had."""
    metric = {"name": "queue_depth", "selector": {"matchLabels": {"modality": process}}}
    wish = {"type": "Object", "object": {"metric": metric, "target": {"type": "AverageValue", "averageValue": target}}}
    found = {"type": "Object", "object": {"metric": metric, "current": {"averageValue": average or "7"}}}
    active = condition("ScalingActive", "True", "ValidMetricFound")
    failed = condition("ScalingActive", "False", "FailedGetObjectMetric", "the adapter is away")
    return {
        "metadata": _metadata(f"media-{process}", process, "media"),
        "spec": {"minReplicas": 1, "maxReplicas": 8, "metrics": [wish], "scaleTargetRef": {"name": f"media-{process}"}},
        "status": {
            "currentReplicas": pods,
            "desiredReplicas": wanted,
            "currentMetrics": [found],
            "conditions": [active if average else failed],
        },
    }


def pod(name: str, process: str, *, ready: bool = True, restarts: int = 0, **state: object) -> Manifest:
    """A pod of one container, whose ``state`` is given as Kubernetes has it (``waiting={...}``)."""
    container = {"name": process, "restartCount": restarts, "state": state}
    conditions = [condition("Ready", str(ready), "", "" if ready else "containers with unready status: [image]")]
    return {
        "metadata": _metadata(name, process, "media"),
        "spec": {"containers": [{"name": process}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [container]},
    }
