"""A pipeline that is scaled: its objects as operator and controllers make them, and who answers for its depth."""

import copy
import json

from tests.unit.kubectl_mmpipe.objects import HPAS, PIPELINES, Manifest, condition, deployment, pipeline, pod
from tests.unit.kubectl_mmpipe.scripted import Cluster

METRICS = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/multimodalpipelines.mmpipe.dev/media"
QUEUE = f"{METRICS}/queue_depth?metricLabelSelector=modality%3Dimage"
CALLS = f"{METRICS}/service_depth?metricLabelSelector=process%3Dimage"
PROXY = "/api/v1/namespaces/default/pods/{}:9464/proxy/metrics"
SCALED_OBJECTS = "scaledobjects.keda.sh"
UNSERVED = "Error from server (NotFound): the server could not find the requested resource"
STAGE_METRICS = """\
# TYPE mmpipe_stage_duration_seconds histogram
mmpipe_stage_duration_seconds_sum{stage="image.decode"} 100.0
mmpipe_stage_duration_seconds_sum{stage="image.embed"} 300.0
mmpipe_batch_size_sum{stage="image.decode"} 200.0
mmpipe_batch_size_sum{stage="image.embed"} 190.0
"""
BEHAVIOR = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    },
}


def metric(name: str, target: str, **labels: str) -> Manifest:
    described = {"apiVersion": "mmpipe.dev/v1alpha1", "kind": "MultimodalPipeline", "name": "media"}
    named: Manifest = {"name": name} | ({"selector": {"matchLabels": labels}} if labels else {})
    goal = {"type": "AverageValue", "averageValue": target}
    return {"type": "Object", "object": {"describedObject": described, "metric": named, "target": goal}}


def seen(name: str, average: str, **labels: str) -> Manifest:
    named = {"name": name} | ({"selector": {"matchLabels": labels}} if labels else {})
    return {"type": "Object", "object": {"metric": named, "current": {"averageValue": average}}}


def autoscaler(*conditions: Manifest, pods: int = 2, wanted: int = 2, found: tuple[Manifest, ...] = ()) -> Manifest:
    """The one of ``image``, as ours is; ``found`` are its readings."""
    spec = {
        "scaleTargetRef": {"name": "media-image"},
        "minReplicas": 1,
        "maxReplicas": 8,
        "metrics": [metric("queue_depth", "32", modality="image"), metric("service_depth", "32", process="image")],
        "behavior": copy.deepcopy(BEHAVIOR),
    }
    labels = {"mmpipe.dev/pipeline": "media", "app.kubernetes.io/component": "image"}
    status: Manifest = {"desiredReplicas": wanted, "currentMetrics": list(found)}
    status |= {"currentReplicas": pods} if pods else {}  # as Kubernetes leaves a 0 out
    return {
        "metadata": {"name": "media-image", "namespace": "default", "labels": labels},
        "spec": spec,
        "status": status | {"conditions": list(conditions)},
    }


ACTIVE = condition("ScalingActive", "True", "ValidMetricFound")
ABLE = condition("AbleToScale", "True", "ReadyForNewScale")
READ = (seen("queue_depth", "40500m", modality="image"), seen("service_depth", "4", process="image"))


class Scene:
    """The process ``image`` of the pipeline ``media``: said to the scripted kubectl piece by piece."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        processes = [{"name": "image", "ready": 2, "desired": 2, "updated": 2}]
        self.pipeline = pipeline(processes=processes)
        self.pipeline["spec"] = {"modalities": [{"name": "image"}], "scaling": {"mode": "HPA"}}
        cluster.has(SCALED_OBJECTS)
        self.has_pods(2)

    def scaling(self, **settings: object) -> None:
        self.pipeline["spec"]["scaling"] = settings

    def shown(self) -> None:
        """Say the pipeline as it is now."""
        self.cluster.has(PIPELINES, self.pipeline)

    def has_pods(self, number: int, *, threads: int = 4) -> None:
        found = deployment("image", number, number)
        found["status"]["replicas"] = number
        container = {"args": ["serve", "/etc/mmpipe/pipeline.yaml", "--threads", str(threads)]}
        found["spec"]["template"] = {"spec": {"containers": [container]}}
        self.cluster.has("deployments.apps", found)
        self.cluster.has("pods", *(pod(f"media-image-{each}", "image") for each in range(number)))

    def has_autoscaler(self, manifest: Manifest) -> None:
        self.cluster.has(HPAS, manifest)

    def has_depth(self, path: str, value: str) -> None:
        answer = {"kind": "MetricValueList", "items": [{"value": value}]}
        self.cluster.answer("get", "--raw", path, out=json.dumps(answer))

    def fails(self, path: str, complaint: str = UNSERVED) -> None:
        self.cluster.answer("get", "--raw", path, err=complaint)

    def pods_say(self, text: str, *pods: str) -> None:
        for name in pods or ("media-image-0", "media-image-1"):
            self.cluster.answer("get", "--raw", PROXY.format(name), out=text)


def scaled_object(*conditions: Manifest, **spec: object) -> Manifest:
    labels = {"mmpipe.dev/pipeline": "media", "app.kubernetes.io/component": "image"}
    return {
        "metadata": {"name": "media-image", "namespace": "default", "labels": labels},
        "spec": {"minReplicaCount": 0, "maxReplicaCount": 8, "pollingInterval": 5, "cooldownPeriod": 60} | spec,
        "status": {"conditions": list(conditions)},
    }
