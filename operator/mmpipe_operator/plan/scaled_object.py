"""The ScaledObject of a process (``scaling.mode: KEDA``), by what waits, as the gateway's own metrics tell.

KEDA's ``metrics-api`` trigger reads ``mmpipe_queue_depth`` from a gateway, which leaves it out where the queue does not
answer: KEDA takes that for a failed reading, never for 0. KEDA's ``nats-jetstream`` trigger is not used: it counts one
consumer, a pipeline has one for each set of modalities, and for one that nobody has pulled from yet it takes the
stream's last sequence number for the depth (``getMaxMsgLag``). Nothing waits in front of a gateway: it goes by CPU.
"""

from __future__ import annotations

from mmpipe.records import Modality
from mmpipe.spec.scaling import Keda
from mmpipe_operator import names
from mmpipe_operator.kinds import SCALED_OBJECT, Manifest
from mmpipe_operator.plan.autoscaler import BEHAVIOR, bounds
from mmpipe_operator.plan.model import GATEWAY, Part, metadata_of

_CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}
"""Percent of what is requested; a gateway takes 0.4 to 0.9 ms of CPU for each sample (docs/gateway.md)."""


def scaled_object(part: Part) -> Manifest:
    """Bounds and behaviour as for the HPA, pace from ``scaling.keda``."""
    fewest, most, target = bounds(part)
    keda = part.pipeline.spec.scaling.keda or Keda()
    return {
        "apiVersion": SCALED_OBJECT.api_version,
        "kind": SCALED_OBJECT.kind,
        "metadata": metadata_of(part),
        "spec": {
            "scaleTargetRef": {"name": part.name},
            "minReplicaCount": fewest,
            "maxReplicaCount": most,
            "pollingInterval": keda.polling_interval_seconds,
            "cooldownPeriod": keda.cooldown_seconds,
            **_fallback(part, keda),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": BEHAVIOR}},
            "triggers": _triggers(part, target),
        },
    }


def _fallback(part: Part, keda: Keda) -> Manifest:
    """KEDA refuses one for CPU, which is never what it can't read."""
    if keda.fallback is None or part.process.name == GATEWAY:
        return {}
    return {"fallback": {"failureThreshold": keda.fallback.failure_threshold, "replicas": keda.fallback.replicas}}


def _triggers(part: Part, target: int) -> list[Manifest]:
    """Worker and fuse go by the modality of which most waits: KEDA takes the highest answer."""
    if part.process.name == GATEWAY:
        return [_CPU]
    modalities = [part.process.modality] if part.process.modality else [m.name for m in part.pipeline.spec.modalities]
    return [_queue(part, Modality(modality), target) for modality in modalities]


def _queue(part: Part, modality: Modality, target: int) -> Manifest:
    metadata = part.pipeline.metadata
    gateway = f"{names.child(metadata.name, GATEWAY)}-headless.{metadata.namespace}.svc"
    return {
        "type": "metrics-api",
        "name": f"queue-{modality}",
        "metricType": "AverageValue",
        "metadata": {
            "url": f"http://{gateway}:{names.METRICS_PORT}/metrics",
            "format": "prometheus",
            "valueLocation": f'mmpipe_queue_depth{{modality="{modality}"}}',
            "targetValue": str(target),
        },
    }
