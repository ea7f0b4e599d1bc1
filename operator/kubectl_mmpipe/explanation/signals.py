"""What a process is scaled by: metrics with their targets, and where the API server answers each of them. Pure.

An autoscaler names its own. Where there is none (``scaling.mode: None``, or one that is not there), the signals are
those that ours would have, so that one can see what they would ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kubectl_mmpipe import scaling
from kubectl_mmpipe.explanation.case import FUSE, WORKER, Case
from kubectl_mmpipe.faults import PIPELINES
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

EXTERNAL_METRICS = "/apis/external.metrics.k8s.io/v1beta1"
"""Where KEDA answers its own autoscalers."""
TARGET_QUEUE_DEPTH = 32
"""The default of ``spec.scaling.targetQueueDepth``, of an object that has none."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One metric: its target, and what the autoscaler read last, both for a pod, in total or in percent (``form``).

    ``path`` is where the API server answers it now; empty where nobody can ask (CPU of a pod).
    """

    metric: str
    form: str
    target: float | None
    seen: float | None
    path: str


def signals(case: Case) -> tuple[Signal, ...]:
    """Of the autoscaler that there is, else of the one that there might be."""
    return _of_autoscaler(case.autoscaler) if case.autoscaler else _usual(case)


def _of_autoscaler(autoscaler: Manifest) -> tuple[Signal, ...]:
    namespace = str(autoscaler["metadata"].get("namespace", ""))
    found = zip(scaling.read(autoscaler).readings, autoscaler["spec"].get("metrics", ()), strict=True)
    return tuple(
        Signal(read.metric, read.form, read.target, read.current, _path(metric, namespace)) for read, metric in found
    )


def _usual(case: Case) -> tuple[Signal, ...]:
    target = float(case.setting("targetQueueDepth", TARGET_QUEUE_DEPTH)[0])
    return tuple(
        Signal(_shown(metric, labels), "PerPod", target, None, _of_pipeline(case.namespace, case.name, metric, labels))
        for metric, labels in _named(case)
    )


def _named(case: Case) -> Iterator[tuple[str, dict[str, str]]]:
    """As ``mmpipe_operator.plan.autoscaler`` names them; a test holds that they agree."""
    if case.modality:
        yield names.QUEUE_DEPTH, {"modality": case.modality}
    if case.process == WORKER or (case.process == FUSE and case.setting("minReplicas", 1)[0] == 0):
        yield names.QUEUE_DEPTH, {}
    if case.process != WORKER:
        yield names.SERVICE_DEPTH, {"process": case.process}


def _path(metric: dict[str, Any], namespace: str) -> str:
    inner = scaling.source(metric)
    named = inner.get("metric", {})
    labels = (named.get("selector") or {}).get("matchLabels") or {}
    described = inner.get("describedObject", {})
    if described.get("kind") == names.KIND:
        return _of_pipeline(namespace, described["name"], named["name"], labels)
    if metric.get("type") == "External":
        path = f"{EXTERNAL_METRICS}/namespaces/{namespace}/{named['name']}"
        return path + (f"?labelSelector={_selector(labels)}" if labels else "")
    return ""


def _of_pipeline(namespace: str, name: str, metric: str, labels: Mapping[str, str]) -> str:
    path = f"/apis/{names.METRICS_API_VERSION}/namespaces/{namespace}/{PIPELINES}/{name}/{metric}"
    return path + (f"?metricLabelSelector={_selector(labels)}" if labels else "")


def _selector(labels: Mapping[str, str]) -> str:
    return quote(",".join(f"{key}={value}" for key, value in sorted(labels.items())), safe="")


def _shown(metric: str, labels: Mapping[str, str]) -> str:
    chosen = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{metric}{{{chosen}}}" if chosen else metric
