"""The whole account of one process: what is asked for, what there is, and what is between the two. Pure.

``--json`` prints it as it is, so a field's name is for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubectl_mmpipe import scaling
from kubectl_mmpipe.explanation import keda, rules
from kubectl_mmpipe.explanation.arithmetic import Pods, Tolerance, asked, is_close, tolerance
from kubectl_mmpipe.explanation.asking import Answers, Depth, of_pod
from kubectl_mmpipe.explanation.case import Case
from kubectl_mmpipe.explanation.rules import Hindrance
from kubectl_mmpipe.explanation.service_time import ServiceTime, service_time, unknown
from kubectl_mmpipe.explanation.signals import Signal
from kubectl_mmpipe.state import is_stopped
from mmpipe_operator.status.conditions import SCALING_ACTIVE, STALLED

_UNASKED = Depth(None, "only the autoscaler reads it")


@dataclass(frozen=True, slots=True)
class Ask:
    """One metric: its target, the depth now (None: ``why``), what the autoscaler saw last, and the pods it asks for.

    Target and ``seen`` are in total, for a pod, or in percent (``form``); the depth is always in total. ``close`` is
    whether the depth is so near the target that nothing changes.
    """

    metric: str
    form: str
    target: float | None
    depth: float | None
    why: str
    seen: float | None
    pods: int | None
    close: bool


@dataclass(frozen=True, slots=True)
class Account:
    """One process. ``wanted`` is the autoscaler's decision, ``asked`` what the metrics ask for now."""

    pipeline: str
    namespace: str
    process: str
    mode: str
    scaler: str
    replicas: int | None
    ready: int
    wanted: int | None
    asked: int | None
    asks: tuple[Ask, ...]
    service_time: ServiceTime
    drain_s: float | None
    rules: str
    hindrances: tuple[Hindrance, ...]
    unread: tuple[str, ...]


def account(case: Case, signals: tuple[Signal, ...], answers: Answers) -> Account:
    """What is to be said of one process."""
    allowed = tolerance(case.autoscaler) if case.autoscaler else Tolerance()
    asks = tuple(_ask(signal, answers.depths.get(signal.path, _UNASKED), _pods(case), allowed) for signal in signals)
    took = _service_time(case, answers)
    depth = next((ask.depth for ask in asks if ask.depth is not None), None)
    return Account(
        pipeline=case.name,
        namespace=case.namespace,
        process=case.process,
        mode=case.mode,
        scaler=_scaler(case),
        replicas=case.deployment["spec"].get("replicas", 1) if case.deployment else None,
        ready=_pods(case).ready,
        wanted=scaling.read(case.autoscaler).wanted if case.autoscaler else None,
        asked=_asked(asks, _pods(case).there),
        asks=asks,
        service_time=took,
        drain_s=took.drain_s(depth),
        rules=_rules(case, allowed),
        hindrances=tuple(_hindrances(case, signals)),
        unread=case.unread,
    )


def _ask(signal: Signal, depth: Depth, pods: Pods, allowed: Tolerance) -> Ask:
    known = (signal.metric, signal.form, signal.target, depth.value, depth.why, signal.seen)
    if depth.value is None or not signal.target or signal.form == "Percent":
        return Ask(*known, pods=None, close=False)
    reckoned = (signal.form, depth.value, signal.target, pods, allowed)
    return Ask(*known, pods=asked(*reckoned), close=is_close(*reckoned))


def _asked(asks: tuple[Ask, ...], there: int) -> int | None:
    """The most that any metric asks for; while one can't be read, no pod goes."""
    known = [ask.pods for ask in asks if ask.pods is not None]
    if not known:
        return None
    return max(known) if len(known) == len(asks) else max(*known, there)


def _pods(case: Case) -> Pods:
    status = case.deployment.get("status", {}) if case.deployment else {}
    return Pods(status.get("replicas", 0), status.get("readyReplicas", 0))


def _service_time(case: Case, answers: Answers) -> ServiceTime:
    paths = [of_pod(pod) for pod in case.ready_pods]
    told = [answers.pods[path] for path in paths if path in answers.pods]
    if not told:
        reasons = (answers.unread[path] for path in paths if path in answers.unread)
        return unknown(next(reasons, "no pod is ready"))
    return service_time(case.process, told, len(paths), _threads(case))


def _threads(case: Case) -> int:
    """How many batches a pod computes at once, as its command says."""
    containers = (
        case.deployment["spec"].get("template", {}).get("spec", {}).get("containers", []) if case.deployment else []
    )
    words = [word for container in containers for word in container.get("args", [])]
    return int(words[words.index("--threads") + 1]) if "--threads" in words else 1


def _scaler(case: Case) -> str:
    if case.scaled_object:
        return f"ScaledObject {case.scaled_object['metadata']['name']}"
    return f"HorizontalPodAutoscaler {case.autoscaler['metadata']['name']}" if case.autoscaler else ""


def _rules(case: Case, allowed: Tolerance) -> str:
    if case.autoscaler is None:
        return keda.pace(case.scaled_object) if case.scaled_object else ""
    told = f"{rules.rules(case.autoscaler)}; within {_near(allowed)} the target nothing changes"
    return f"{told}; {keda.pace(case.scaled_object)}" if case.scaled_object else told


def _near(allowed: Tolerance) -> str:
    up, down = (f"{100 * each:g} %" for each in (allowed.up, allowed.down))
    return f"{up} of" if up == down else f"{up} above and {down} below"


def _hindrances(case: Case, signals: tuple[Signal, ...]) -> Iterator[Hindrance]:
    if is_stopped(case.pipeline):
        yield Hindrance("Paused", f"spec.lifecycle.state is Paused: no pods; kubectl mmpipe resume {case.name}")
    elif case.mode == "None":
        by_hand = f"kubectl scale deployment/{case.name}-{case.process} -n {case.namespace} --replicas=N"
        yield Hindrance("AutoscalingOff", f"spec.scaling.mode is None: pods are as somebody has set them; {by_hand}")
    elif not _scaler(case) and not case.unread:
        yield Hindrance("NoAutoscaler", _missing(case))
    yield from keda.hindrances(case)
    yield from rules.hindrances(case, signals)


def _missing(case: Case) -> str:
    """Why there is none is the pipeline's to say."""
    expected = "ScaledObject" if case.mode == "KEDA" else "HorizontalPodAutoscaler"
    conditions = (scaling.condition(case.pipeline, kind) for kind in (STALLED, SCALING_ACTIVE))
    bad = ("True", "False")
    said = (
        each.get("message", "") for each, status in zip(conditions, bad, strict=True) if each.get("status") == status
    )
    return f"found no {expected}; expected one; {next(said, '') or 'see kubectl mmpipe status'}"
