"""What bounds a HorizontalPodAutoscaler: its rules, and those that hold it back just now. Pure.

What holds it back are its own conditions, as Kubernetes has them (``horizontal.go`` of 1.37), said with the numbers of
this autoscaler and with what to change. It keeps its recommendations in its own memory alone: nobody can ask when a
window ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kubectl_mmpipe import scaling
from kubectl_mmpipe.explanation.case import Case
from kubectl_mmpipe.explanation.signals import Signal
from mmpipe_operator.kinds import Manifest

LOOKS_S = 15
"""How often it looks, unless a flag of the controllers says otherwise."""
_WINDOW_S = {"scaleUp": 0, "scaleDown": 300}
"""Kubernetes' defaults of a stabilisation window."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why the number of pods is not what is asked for: Kubernetes' reason, and a sentence with the remedy."""

    reason: str
    message: str


def rules(autoscaler: Manifest) -> str:
    """How fast it may act."""
    spec = autoscaler["spec"]
    up, down = (_pace(autoscaler, way) for way in ("scaleUp", "scaleDown"))
    return f"{spec.get('minReplicas', 1)}-{spec['maxReplicas']} pods; up {up}; down {down}"


def hindrances(case: Case, signals: tuple[Signal, ...]) -> Iterator[Hindrance]:
    """The gravest first; none where it does what is asked for."""
    autoscaler = case.autoscaler
    if autoscaler is None:
        return
    if not autoscaler.get("status", {}).get("conditions"):
        yield Hindrance("NotObserved", f"the autoscaler has not looked yet; it does every {LOOKS_S} s")
    faults = [scaling.condition(autoscaler, kind) for kind in ("AbleToScale", "ScalingActive")]
    failing = [condition for condition in faults if condition.get("status") == "False"]
    # Where it could not reckon, its other conditions are those of the last time that it could.
    for condition in failing or _limits(autoscaler):
        yield Hindrance(condition.get("reason", ""), _told(case, condition))
    if not failing:
        yield from _unread(autoscaler, signals)


def _limits(autoscaler: Manifest) -> Iterator[Manifest]:
    able, limited, slept = (
        scaling.condition(autoscaler, kind) for kind in ("AbleToScale", "ScalingLimited", "ScaledToZero")
    )
    if able.get("reason") in _STABILISED:
        yield able
    yield from (condition for condition in (limited, slept) if condition.get("status") == "True")


def _told(case: Case, condition: Manifest) -> str:
    tell = _TELLERS.get(condition.get("reason", ""))
    return tell(case, condition) if tell else " ".join(condition.get("message", "").split())


def _unread(autoscaler: Manifest, signals: tuple[Signal, ...]) -> Iterator[Hindrance]:
    """Where one of several metrics fails, and another asks for more, the condition is true all the same."""
    is_active = scaling.condition(autoscaler, "ScalingActive").get("status") == "True"
    pods = autoscaler.get("status", {}).get("currentReplicas")
    missing = [signal.metric for signal in signals if signal.seen is None]
    if is_active and pods and missing:
        yield Hindrance("MetricUnread", f"{', '.join(missing)} could not be read: until then no pod is taken away")


def _pace(autoscaler: Manifest, way: str) -> str:
    behavior = (autoscaler["spec"].get("behavior") or {}).get(way) or {}
    window = behavior.get("stabilizationWindowSeconds", _WINDOW_S[way])
    calm = f"after {window} s of calm" if window else "at once"
    if behavior.get("selectPolicy") == "Disabled":
        return "never"
    word = " and " if behavior.get("selectPolicy") == "Min" else " or "
    steps = word.join(_step(policy) for policy in behavior.get("policies", ()))
    return f"{steps} {calm}" if steps else calm


def _step(policy: dict[str, Any]) -> str:
    value = f"{policy['value']} %" if policy["type"] == "Percent" else f"{policy['value']} pods"
    return f"{value} each {policy['periodSeconds']} s"


def _too_many(case: Case, _condition: Manifest) -> str:
    most, (_, path) = _autoscaler(case)["spec"]["maxReplicas"], case.setting("maxReplicas", 4)
    return f"more are asked for than the most, {most}; raise {path}"


def _too_few(case: Case, _condition: Manifest) -> str:
    fewest, (_, path) = _autoscaler(case)["spec"].get("minReplicas", 1), case.setting("minReplicas", 1)
    return f"fewer are asked for than the fewest, {fewest}; lower {path} to let more go"


def _up_too_fast(case: Case, _condition: Manifest) -> str:
    return f"more are asked for than may come at a time: {_pace(_autoscaler(case), 'scaleUp')}; wait"


def _down_too_fast(case: Case, _condition: Manifest) -> str:
    return f"fewer are asked for than may go at a time: {_pace(_autoscaler(case), 'scaleDown')}; wait"


def _held_up(case: Case, _condition: Manifest) -> str:
    window, path = case.setting("scaleDownStabilizationSeconds", _WINDOW_S["scaleDown"])
    counts = f"of the last {window} s the most counts, so that a pause costs no pod"
    return f"fewer are asked for; {counts}; wait, or lower {path}"


def _held_down(_case: Case, _condition: Manifest) -> str:
    return "more are asked for; the fewest of the window count; wait"


def _disabled(case: Case, _condition: Manifest) -> str:
    deployment = f"deployment/{_autoscaler(case)['spec']['scaleTargetRef']['name']} -n {case.namespace}"
    return (
        "the Deployment has 0 replicas, and not by the autoscaler: it rests, and no sample wakes it; "
        f"kubectl scale {deployment} --replicas=1"
    )


def _asleep(_case: Case, _condition: Manifest) -> str:
    return f"nothing waits, so the autoscaler has taken the last pod away; the next sample wakes it within {LOOKS_S} s"


def _failed(_case: Case, condition: Manifest) -> str:
    message = " ".join(condition.get("message", "").split())
    return f"a reading failed, which is never 0: pods stay as they are ({message})"


def _autoscaler(case: Case) -> Manifest:
    return case.autoscaler or {"spec": {}}


_STABILISED = ("ScaleDownStabilized", "ScaleUpStabilized")
"""Reasons of AbleToScale while that is true."""
_TELLERS: dict[str, Callable[[Case, Manifest], str]] = {
    "TooManyReplicas": _too_many,
    "TooFewReplicas": _too_few,
    "ScaleUpLimit": _up_too_fast,
    "ScaleDownLimit": _down_too_fast,
    "ScaleDownStabilized": _held_up,
    "ScaleUpStabilized": _held_down,
    "ScalingDisabled": _disabled,
    "ScaledToZero": _asleep,
    **dict.fromkeys(("FailedGetObjectMetric", "FailedGetExternalMetric", "FailedGetResourceMetric"), _failed),
}
