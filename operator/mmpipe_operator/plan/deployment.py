"""The Deployment of a process. How many replicas is for an autoscaler or a person to say; here only 0, if paused."""

from __future__ import annotations

from mmpipe.spec.rollout import Rollout
from mmpipe_operator.kinds import DEPLOYMENT, Manifest
from mmpipe_operator.plan import pod
from mmpipe_operator.plan.model import Part, metadata_of

_PROGRESS_S = 600
_REVISIONS = 3


def deployment(part: Part) -> Manifest:
    """By default new pods come up beside the old ones, which stay until then: a bad image or file stops nothing."""
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": metadata_of(part),
        "spec": {
            **({"replicas": 0} if part.paused else {}),
            "selector": {"matchLabels": part.selector},
            "strategy": _strategy(part.process.rollout),
            "revisionHistoryLimit": _REVISIONS,
            "progressDeadlineSeconds": max(_PROGRESS_S, pod.STARTUP_S + pod.grace_s(part)),
            "template": pod.template(part),
        },
    }


def _strategy(rollout: Rollout) -> Manifest:
    """With the bounds of a rolling update in full: what it does not say, the API server would."""
    if rollout.strategy == "Recreate":
        return {"type": "Recreate"}
    bounds = {"maxSurge": rollout.surge, "maxUnavailable": rollout.unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": bounds}
