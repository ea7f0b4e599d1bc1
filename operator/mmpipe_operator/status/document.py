"""The whole ``.status`` of a pipeline: a function of what was observed, so that an unchanged world changes no byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import conditions as names
from mmpipe_operator.status import summary, verdicts
from mmpipe_operator.status.facts import Facts, Verdict
from mmpipe_operator.status.reports import Observed
from mmpipe_operator.status.rollout import Stage
from mmpipe_operator.status.rounding import bucket
from mmpipe_operator.status.schema import MAX_MESSAGE

_GATEWAY = "gateway"
_FIRST: Mapping[str, Callable[[Facts], Verdict]] = {
    names.SPEC_VALID: verdicts.spec_valid,
    names.STAGES_AVAILABLE: verdicts.stages_available,
    names.QUEUE_REACHABLE: verdicts.queue_reachable,
    names.VECTOR_STORE_REACHABLE: verdicts.vector_store_reachable,
    names.SCALING_ACTIVE: verdicts.scaling_active,
    names.DEAD_LETTERS_PRESENT: verdicts.dead_letters_present,
}
_THEN: Mapping[str, Callable[[Facts, summary.Verdicts], Verdict]] = {
    names.STALLED: summary.stalled,
    names.RECONCILING: summary.reconciling,
    names.DEGRADED: summary.degraded,
    names.READY: summary.ready,
}
"""In the order in which they are drawn: each may look at those before it."""


def status(observed: Observed, now: str) -> Manifest:
    """The whole status. ``now`` is RFC 3339; it becomes the time of the conditions whose status changes.

    The same observation, with this status in it, gives this status again, whatever the time.
    """
    facts = Facts(observed)
    made: Manifest = {
        "observedGeneration": facts.generation,
        "conditions": _conditions(facts, now),
        "stages": _stages(facts),
        "backlog": _backlog(facts),
        "endpoint": next((stage.endpoint for stage in facts.stages if stage.name == _GATEWAY), ""),
        "processes": [_process(stage) for stage in facts.stages],
        "models": _models(facts),
        "vectors": _vectors(facts),
    }
    return {field: value for field, value in made.items() if value not in ("", [], {})}


def _conditions(facts: Facts, now: str) -> list[Manifest]:
    drawn = {name: judge(facts) for name, judge in _FIRST.items()}
    for name, judge in _THEN.items():
        drawn[name] = judge(facts, drawn)
    return [_condition(facts, name, drawn[name], now) for name in names.CONDITIONS]


def _condition(facts: Facts, name: str, verdict: Verdict, now: str) -> Manifest:
    was = facts.was.get(name, {})
    since = was["lastTransitionTime"] if was.get("status") == verdict.status else now
    return {
        "type": name,
        "status": verdict.status,
        "observedGeneration": facts.generation,
        "lastTransitionTime": since,
        "reason": verdict.reason,
        "message": _short(verdict.message),
    }


def _short(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."


def _stages(facts: Facts) -> str:
    available = sum(stage.is_available for stage in facts.stages) if not facts.is_stopped else 0
    return f"{available}/{len(facts.stages)}" if facts.stages else ""


def _backlog(facts: Facts) -> str:
    """By order of magnitude; while the queue has not been asked, as it was."""
    if facts.report.backlog is not None:
        return bucket(facts.report.backlog)
    return str(facts.before.get("backlog", "")) if facts.report.queue.state == "Unknown" else ""


def _process(stage: Stage) -> Manifest:
    counts = {"ready": stage.ready, "desired": stage.desired, "updated": stage.updated}
    return {"name": stage.name, **counts} | ({"endpoint": stage.endpoint} if stage.endpoint else {})


def _models(facts: Facts) -> list[Manifest]:
    """What the spec names, with the digest where the vectors' model is the one that is named."""
    if not facts.is_planned:
        return list(facts.before.get("models", ()))
    return [_model(facts, modality) for modality in facts.spec.get("modalities", ())]


def _model(facts: Facts, modality: Manifest) -> Manifest:
    uri = modality.get("embed", {}).get("model", {}).get("uri", "")
    was = {each["modality"]: each for each in facts.before.get("models", ())}.get(modality["name"], {})
    known = facts.report.model or (was.get("model", "") if was.get("uri") == uri else "")
    name = known.partition("@")[0]
    told = {"uri": uri} | ({"model": known} if name and name in uri else {})
    return {"modality": modality["name"]} | (told if uri else {})


def _vectors(facts: Facts) -> Manifest:
    report = facts.report
    if not report.collection:
        return dict(facts.before.get("vectors", {}))
    told = {"collection": report.collection, "alias": report.alias, "dimension": report.dimension}
    return {field: value for field, value in told.items() if value not in ("", None)}
