"""No new autoscaler over a Deployment at zero: it would rest for ever, whatever waits. Pure.

The HorizontalPodAutoscaler controller wakes a Deployment only where the autoscaler's own condition ScaledToZero says
that it was itself who put it to sleep (KEP-2021), and a new autoscaler has no conditions. New over zero it comes where
somebody had deleted it, where a pipeline slept when it was paused (the controller then still owns the zero), and where
nobody or KEDA scaled before. A zero under an autoscaler that is there stays: so Kubernetes lets a person stop it.

``applying`` asks here before it makes an autoscaler: nobody's replicas are overwritten, as nobody scales then.
"""

from __future__ import annotations

from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, Manifest, Ref, ref_of


def target(autoscaler: Manifest) -> Ref | None:
    """The Deployment that a planned object will scale; None where it is no autoscaler."""
    if ref_of(autoscaler).kind is not AUTOSCALER:
        return None
    return Ref(DEPLOYMENT, autoscaler["metadata"]["namespace"], autoscaler["spec"]["scaleTargetRef"]["name"])


def waking(deployment: Manifest | None) -> Manifest | None:
    """The patch that wakes a Deployment; None where it is awake, or not there. It holds for what was seen alone."""
    if deployment is None or deployment["spec"].get("replicas", 1):
        return None
    return {"metadata": {"resourceVersion": deployment["metadata"]["resourceVersion"]}, "spec": {"replicas": 1}}
