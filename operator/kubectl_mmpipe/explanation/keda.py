"""What KEDA says of a ScaledObject: it wakes a process and lets it sleep itself, its autoscaler does the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_mmpipe import scaling
from kubectl_mmpipe.explanation.case import Case
from kubectl_mmpipe.explanation.rules import Hindrance
from mmpipe_operator.kinds import Manifest

_POLLS_S, _COOLDOWN_S = 30, 300
"""KEDA's defaults."""


def pace(scaled_object: Manifest) -> str:
    """How soon it wakes a process, and when it lets it sleep."""
    spec = scaled_object["spec"]
    polls = f"KEDA looks every {spec.get('pollingInterval', _POLLS_S)} s"
    if spec.get("minReplicaCount", 0):
        return polls
    return f"{polls}, and lets the last pod go after {spec.get('cooldownPeriod', _COOLDOWN_S)} s with nothing to do"


def hindrances(case: Case) -> Iterator[Hindrance]:
    """What keeps KEDA from scaling, or why it sleeps."""
    scaled_object = case.scaled_object
    if scaled_object is None:
        return
    ready, active, fallback, paused = (
        scaling.condition(scaled_object, kind) for kind in ("Ready", "Active", "Fallback", "Paused")
    )
    if ready.get("status", "Unknown") != "True":
        found = ready.get("message") or "KEDA has not looked yet"
        yield Hindrance(ready.get("reason") or "NotObserved", f"{found}; see kubectl describe scaledobject")
    if paused.get("status") == "True":
        remedy = "take its annotations autoscaling.keda.sh/paused* off"
        yield Hindrance("Paused", f"somebody has paused the ScaledObject; {remedy}")
    if fallback.get("status") == "True":
        replicas = (scaled_object["spec"].get("fallback") or {}).get("replicas")
        yield Hindrance(
            "Fallback", f"readings fail, which is never 0: {replicas} pods, as spec.scaling.keda.fallback says"
        )
    if active.get("status") == "False" and not scaled_object["spec"].get("minReplicaCount", 0):
        yield Hindrance("Inactive", f"nothing waits; {pace(scaled_object)}")
