"""The ScaledObject of a process (``scaling.mode: KEDA``), which asks our external scaler for the same depths.

KEDA's own JetStream scaler is not used: it counts one consumer, and a pipeline has one for each set of modalities.
"""

from __future__ import annotations

from mmpipe.spec.scaling import Keda
from mmpipe_operator.kinds import SCALED_OBJECT, Manifest
from mmpipe_operator.plan.autoscaler import bounds
from mmpipe_operator.plan.model import Part, metadata_of


def scaled_object(part: Part) -> Manifest:
    """Bounds as for the HPA, pace from ``scaling.keda``."""
    fewest, most, target = bounds(part)
    keda = part.pipeline.spec.scaling.keda or Keda()
    fallback = keda.fallback.model_dump(by_alias=True) if keda.fallback else None
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
            **({"fallback": fallback} if fallback else {}),
            "triggers": [{"type": "external-push", "metadata": _question(part, target)}],
        },
    }


def _question(part: Part, target: int) -> dict[str, str]:
    modality = {"modality": str(part.process.modality)} if part.process.modality else {}
    return {
        "scalerAddress": part.context.scaler,
        "pipeline": part.pipeline.metadata.name,
        "process": part.process.name,
        **modality,
        "target": str(target),
    }
