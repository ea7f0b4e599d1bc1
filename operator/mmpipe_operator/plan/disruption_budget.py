"""The PodDisruptionBudget of a process: nodes drain one pod of it at a time, broken ones at once."""

from __future__ import annotations

from mmpipe_operator.kinds import DISRUPTION_BUDGET, Manifest
from mmpipe_operator.plan.model import Part, metadata_of


def disruption_budget(part: Part) -> Manifest:
    """``maxUnavailable``, not ``minAvailable``: a process with one replica must not block a node for ever."""
    return {
        "apiVersion": DISRUPTION_BUDGET.api_version,
        "kind": DISRUPTION_BUDGET.kind,
        "metadata": metadata_of(part),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": part.selector},
        },
    }
