"""The ScaledObject of a process (``scaling.mode: KEDA``): the HPA's bounds, signals and behaviour, with KEDA's pace.

Each signal is a trigger of type ``external-push``, which our metrics adapter answers (``metrics_adapter``, ADR 29) and
pushes: the first sample wakes what is at zero at once. KEDA makes a HorizontalPodAutoscaler of it, and that has the
name which the HPA of mode HPA has: there is never room for two.
"""

from __future__ import annotations

from mmpipe.spec.scaling import Keda
from mmpipe_operator import names
from mmpipe_operator.kinds import SCALED_OBJECT, Manifest
from mmpipe_operator.plan.autoscaler import behavior, bounds, signals
from mmpipe_operator.plan.model import Part, Scaler, metadata_of


def scaled_object(part: Part, scaler: Scaler) -> Manifest:
    """A new one has the time of calm too, before KEDA scales it to zero (``initialCooldownPeriod``)."""
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
            "initialCooldownPeriod": keda.cooldown_seconds,
            **_fallback(keda),
            "advanced": {"horizontalPodAutoscalerConfig": {"name": part.name, "behavior": behavior(part)}},
            "triggers": [_trigger(part, scaler, name, labels, target) for name, labels in signals(part)],
        },
    }


def _fallback(keda: Keda) -> Manifest:
    """Never fewer than there are: nobody knows what waits."""
    if keda.fallback is None:
        return {}
    fallback = {"failureThreshold": keda.fallback.failure_threshold, "replicas": keda.fallback.replicas}
    return {"fallback": fallback | {"behavior": "currentReplicasIfHigher"}}


def _trigger(part: Part, scaler: Scaler, name: str, labels: dict[str, str], target: int) -> Manifest:
    asked = {"pipeline": part.pipeline.metadata.name, "metric": name, **labels, "targetDepth": str(target)}
    return {
        "type": "external-push",
        "name": name,
        "metricType": "AverageValue",
        "metadata": {"scalerAddress": scaler.address, "enableTLS": "true", **asked},
        "authenticationRef": {"name": names.scaler(part.pipeline.metadata.name)},
    }
