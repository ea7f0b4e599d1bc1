"""What an autoscaler measures and wants: the numbers of a HorizontalPodAutoscaler. Pure.

A reading counts only while ``ScalingActive`` is true and the metric is among those that were read: where reading fails,
Kubernetes keeps the last number in the status, and it would pass for a present one. What is unknown is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from mmpipe_operator.kinds import Manifest

_SUFFIXES = (
    {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(1000)}
    | {letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)}
    | {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
)
"""Suffixes of a quantity (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity)."""
_QUEUE = "queue_depth"
"""Our metric of samples that wait or are in flight; ``service_depth`` counts calls."""
_MOST = 1e15
"""No share of a pod is larger, either way: at no pods the controller divides by them, and stores what a processor makes
of that as an integer (-9223372036854775808m on x86; Kubernetes 1.37)."""
_FORMS = {"averageValue": "PerPod", "value": "Total", "averageUtilization": "Percent"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric: what it is now, what it should be, and whether that is for a pod, in total or in percent."""

    metric: str
    form: str
    current: float | None
    target: float | None


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """Limits, pods as it counts them, what it wants, what it reads; ``problem`` is the reason why it reads nothing."""

    name: str

    fewest: int
    most: int
    pods: int | None
    wanted: int | None
    readings: tuple[Reading, ...]
    problem: str
    limited: str

    @property
    def backlog(self) -> float | None:
        """The total of its queue, about: HPA keeps the share of a pod. None where that is not known.

        Of an autoscaler that reads no queue (the gateway's, or one of KEDA's naming) the largest of what it reads.
        """
        ours = [reading for reading in self.readings if reading.metric.startswith(_QUEUE)]
        totals = [total for reading in ours or self.readings if (total := self._total(reading)) is not None]
        return max(totals, default=None)

    def _total(self, reading: Reading) -> float | None:
        if reading.current is None or reading.form == "Percent":
            return None
        if reading.form == "Total":
            return reading.current
        return reading.current * self.pods if self.pods else None  # no pods: a share of nothing says nothing


def of_deployment(autoscalers: Iterable[Manifest], deployment: str) -> Autoscaler | None:
    """What scales that Deployment; None where nothing does."""
    found = manifest_of(autoscalers, deployment)
    return None if found is None else read(found)


def manifest_of(autoscalers: Iterable[Manifest], deployment: str) -> Manifest | None:
    """The HPA of that Deployment, our own or the one that KEDA made; None where there is none."""
    return next((each for each in autoscalers if each["spec"]["scaleTargetRef"]["name"] == deployment), None)


def number(quantity: object) -> float | None:
    """A quantity of Kubernetes (``40``, ``40500m``, ``1Ki``) as a number; None where it is none."""
    text = str(quantity)
    suffix = next((known for known in sorted(_SUFFIXES, key=len, reverse=True) if text.endswith(known)), "")
    try:
        return float(Decimal(text.removesuffix(suffix)) * _SUFFIXES.get(suffix, Decimal(1)))
    except InvalidOperation:
        return None


def read(manifest: Manifest) -> Autoscaler:
    """What an HPA says of itself."""
    spec, status = manifest["spec"], manifest.get("status", {})
    active, limited = condition(manifest, "ScalingActive"), condition(manifest, "ScalingLimited")
    is_reading = active.get("status") == "True"
    found = (status.get("currentMetrics") or []) if is_reading else []
    return Autoscaler(
        name=manifest["metadata"]["name"],
        fewest=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
        pods=status.get("currentReplicas", 0 if "conditions" in status else None),  # Kubernetes leaves a 0 out
        wanted=status.get("desiredReplicas") if is_reading else None,
        readings=tuple(_reading(metric, found, status) for metric in spec.get("metrics", [])),
        problem="" if is_reading else active.get("reason", "NothingReadYet"),
        limited=limited.get("reason", "") if limited.get("status") == "True" else "",
    )


def condition(manifest: Manifest, kind: str) -> dict[str, Any]:
    """A condition of an object's status; empty where it has none of that type."""
    conditions: list[dict[str, Any]] = manifest.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})


def source(metric: dict[str, Any]) -> dict[str, Any]:
    """The part that is named by the type: Object in ``object``, ContainerResource in ``containerResource``."""
    kind = metric.get("type", "")
    found: dict[str, Any] = metric.get(kind[:1].lower() + kind[1:], {})
    return found


def _reading(metric: dict[str, Any], found: list[dict[str, Any]], status: dict[str, Any]) -> Reading:
    target = source(metric).get("target", {})
    form = next((form for form in _FORMS if form in target), "value")
    now: dict[str, Any] = next((source(each).get("current", {}) for each in found if _key(each) == _key(metric)), {})
    current = number(now.get(form))
    if _FORMS[form] == "PerPod" and (not status.get("currentReplicas") or abs(current or 0) > _MOST):
        current = None
    return Reading(_name(metric), _FORMS[form], current, number(target.get(form)))


def _key(metric: dict[str, Any]) -> tuple[str, str]:
    return metric.get("type", ""), _name(metric)


def _name(metric: dict[str, Any]) -> str:
    """``queue_depth{modality=image}``."""
    inner = source(metric)
    named: dict[str, Any] = inner.get("metric", inner)
    labels = (named.get("selector") or {}).get("matchLabels") or {}
    chosen = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{named.get('name', '')}{{{chosen}}}" if chosen else str(named.get("name", ""))
