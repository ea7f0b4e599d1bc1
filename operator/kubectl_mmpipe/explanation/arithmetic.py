"""How many pods a depth asks for, as the controller of HorizontalPodAutoscalers reckons it. Pure.

Source: ``replica_calculator.go`` of Kubernetes 1.37 (GetObjectPerPodMetricReplicas and its like). Two things surprise:
within the tolerance nothing changes, though the quotient says so; and at no pods the tolerance does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kubectl_mmpipe import scaling
from mmpipe_operator.kinds import Manifest

TOLERANCE = 0.1
"""Where neither the autoscaler nor the controllers' flag ``--horizontal-pod-autoscaler-tolerance`` says otherwise."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much of the target a depth may be off, in either direction, before anything changes."""

    up: float = TOLERANCE
    down: float = TOLERANCE

    def covers(self, ratio: float) -> bool:
        """Whether a depth of so many times the target changes nothing."""
        return 1 - self.down <= ratio <= 1 + self.up


@dataclass(frozen=True, slots=True)
class Pods:
    """Of a Deployment, as the controller counts them: all there are, and those that are ready."""

    there: int
    ready: int


def tolerance(autoscaler: Manifest) -> Tolerance:
    """What the autoscaler's behaviour says, else the usual one."""
    behavior = autoscaler["spec"].get("behavior") or {}
    up, down = (scaling.number((behavior.get(way) or {}).get("tolerance")) for way in ("scaleUp", "scaleDown"))
    return Tolerance(TOLERANCE if up is None else up, TOLERANCE if down is None else down)


def is_close(form: str, depth: float, target: float, pods: Pods, allowed: Tolerance) -> bool:
    """Whether the depth is so near the target that the number of pods stays."""
    shared_by = pods.there if form == "PerPod" else 1
    return pods.there > 0 and shared_by > 0 and allowed.covers(depth / (target * shared_by))


def asked(form: str, depth: float, target: float, pods: Pods, allowed: Tolerance) -> int | None:
    """Pods for a depth. None for a metric in percent, which is of each pod."""
    if form == "Percent" or not target:
        return None
    if is_close(form, depth, target, pods, allowed):
        return pods.there
    times = pods.ready if form == "Total" and pods.there else 1
    return math.ceil(depth / target * times)
