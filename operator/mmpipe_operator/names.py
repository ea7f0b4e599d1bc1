"""What things are called in the cluster: names are for ever, so they stand in one place.

A process of a pipeline is ``gateway``, ``worker``, ``fuse``, a modality (``image``), or with topology PerStage a stage
of one (``image-decode``). Its objects are called ``PIPELINE-PROCESS``, which is also where the processes look for each
other (``mmpipe.runtimes.stage_clients``).
"""

from __future__ import annotations

GROUP = "mmpipe.dev"
API_VERSION = "mmpipe.dev/v1alpha1"
KIND = "MultimodalPipeline"
PLURAL = "multimodalpipelines"

FIELD_MANAGER = "mmpipe-operator"
"""Owner of every field that the operator applies, and the value of the label ``app.kubernetes.io/managed-by``."""
FINALIZER = "mmpipe.dev/vectors"
"""Held only with ``deletionPolicy: Delete``, until the collection is dropped or ``ABANDON`` says to leave it."""

RECONCILE = "mmpipe.dev/reconcile"
"""Annotation of a pipeline: ``Paused`` stops the operator from touching it, until it is removed."""
ABANDON = "mmpipe.dev/abandon-vectors"
"""Annotation of a pipeline that is being deleted: ``true`` lets it go without dropping its collection."""
CONFIG_HASH = "mmpipe.dev/config-hash"
"""Annotation of a pod template: a digest of all that its process reads, so that a change rolls the pods."""

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' annotation of pods: a ReplicaSet that shrinks deletes those with the lowest first; absent is 0."""

PIPELINE_LABEL = "mmpipe.dev/pipeline"
"""Label of every child: the name of its pipeline. The operator watches children by it."""
_NAME = "app.kubernetes.io/name"
_INSTANCE = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"

METRICS_GROUP = "custom.metrics.k8s.io"
METRICS_API_VERSION = f"{METRICS_GROUP}/v1beta2"
QUEUE_DEPTH = "queue_depth"
"""Metric of a pipeline: samples that wait or are in flight, of all or of one ``modality``."""
SERVICE_DEPTH = "service_depth"
"""Metric of a pipeline: calls that wait in the pods of one ``process``, or of a gateway those that it answers."""

GRPC_PORT = {"gateway": 50050, "worker": 50052}
STAGE_PORT = 50051
METRICS_PORT = 9464
"""OpenTelemetry's usual port for Prometheus."""


def child(pipeline: str, process: str) -> str:
    """Name of the objects of one process."""
    return f"{pipeline}-{process}"


def services(pipeline: str) -> str:
    """Name of what all processes of a pipeline share: their ServiceAccount and their ServiceMonitor."""
    return f"{pipeline}-services"


def scaler(pipeline: str) -> str:
    """Name of what KEDA needs to ask our scaler about a pipeline: how to know it by its certificate."""
    return f"{pipeline}-scaler"


def grpc_port(process: str) -> int:
    """Port that a process listens on: stage servers share one number."""
    return GRPC_PORT.get(process, STAGE_PORT)


def labels(pipeline: str, process: str = "") -> dict[str, str]:
    """Recommended labels of a child, of one process or of the whole pipeline."""
    component = {COMPONENT_LABEL: process} if process else {}
    return {
        _NAME: "mmpipe",
        _INSTANCE: pipeline,
        "app.kubernetes.io/part-of": "mmpipe",
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
        PIPELINE_LABEL: pipeline,
    } | component


def selector(pipeline: str, process: str = "") -> dict[str, str]:
    """Labels that select a process's pods, or all of a pipeline. Never more than these: selectors can't be changed."""
    return {_NAME: "mmpipe", _INSTANCE: pipeline} | ({COMPONENT_LABEL: process} if process else {})
