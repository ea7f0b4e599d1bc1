"""One function for each condition that looks at one thing: the spec, the stages, a neighbour, the autoscalers.

What is drawn from these together (Stalled, Reconciling, Degraded, Ready) is in ``summary``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe_operator.kinds import AUTOSCALER, Manifest
from mmpipe_operator.status.conditions import (
    DEAD_LETTERS_PRESENT,
    QUEUE_REACHABLE,
    SPEC_VALID,
    VECTOR_STORE_REACHABLE,
)
from mmpipe_operator.status.facts import Facts, Verdict, listed, remedied
from mmpipe_operator.status.reports import Probe
from mmpipe_operator.status.rounding import bucket
from mmpipe_operator.status.sentences import on_fault, on_stage

NOT_KNOWN = Verdict("Unknown", "NotKnown")
_MAX_QUOTE = 300
"""Characters of somebody else's message."""


def spec_valid(facts: Facts) -> Verdict:
    """Whether it can be planned. Not looked at while reconciling is paused."""
    if facts.observed.paused:
        return facts.kept(SPEC_VALID) or NOT_KNOWN
    problems = [str(problem) for problem in facts.observed.problems]
    return Verdict("False", "InvalidSpec", listed(problems)) if problems else Verdict("True", "Valid")


def stages_available(facts: Facts) -> Verdict:
    """Whether each process serves."""
    if not facts.stages:
        return NOT_KNOWN
    if facts.is_stopped:
        return Verdict("False", "Paused")
    away = [stage for stage in facts.stages if not stage.is_available]
    if not away:
        return Verdict("True", "AllAvailable")
    reason = (
        "StageStarting" if all(stage.is_progressing or stage.is_starting for stage in away) else "StagesUnavailable"
    )
    return Verdict("False", reason, listed([on_stage(facts, stage) for stage in away]))


def queue_reachable(facts: Facts) -> Verdict:
    """What the queue answered last."""
    return _probed(facts, facts.report.queue, QUEUE_REACHABLE, "Queue")


def vector_store_reachable(facts: Facts) -> Verdict:
    """What Milvus answered last."""
    return _probed(facts, facts.report.vectors, VECTOR_STORE_REACHABLE, "VectorStore")


def dead_letters_present(facts: Facts) -> Verdict:
    """Whether there are any, by order of magnitude."""
    count = facts.report.dead_letters
    if count is None:
        unasked = facts.observed.paused or facts.report.queue.state == "Unknown"
        return (facts.kept(DEAD_LETTERS_PRESENT) if unasked else None) or NOT_KNOWN
    if count == 0:
        return Verdict("False", "NoDeadLetters")
    command = f"kubectl mmpipe deadletters {facts.name} -n {facts.namespace}"
    return Verdict(
        "True", "DeadLetters", f"found {bucket(count)} dead letters, expected none; list and redrive them: {command}"
    )


def scaling_active(facts: Facts) -> Verdict:
    """Whether the autoscalers can act, from their own conditions, and whether the API server takes them."""
    mode = facts.spec.get("scaling", {}).get("mode", "HPA")
    if facts.is_stopped:
        return Verdict("False", "Paused")
    if mode == "None":
        return Verdict("False", "AutoscalingOff")
    refused = [on_fault(fault) for fault in facts.observed.faults if fault.ref.kind is AUTOSCALER]
    if refused:
        return Verdict("False", refused[0][0], listed([sentence for _, sentence in refused]))
    scalers = sorted(facts.observed.autoscalers.items())
    if not scalers:
        return Verdict("Unknown", "KedaInCharge") if mode == "KEDA" else NOT_KNOWN
    faults = [fault for _, scaler in scalers for fault in _hindrances(scaler)]
    idle = mode == "KEDA"  # KEDA itself scales to zero and back, past its autoscaler
    told = [(reason, said) for reason, said in faults if not (idle and reason == "ScalingDisabled")]
    if told:
        reason = told[0][0]
        return Verdict("False", reason, remedied(listed([said for _, said in told]), reason))
    known = all(_condition(scaler, "ScalingActive") for _, scaler in scalers)
    return Verdict("True", "ScaledByMetrics") if known else NOT_KNOWN


def _probed(facts: Facts, probe: Probe, condition: str, neighbour: str) -> Verdict:
    if probe.state == "Unknown":
        return facts.kept(condition) or NOT_KNOWN
    if probe.state == "Reachable":
        return Verdict("True", "Reachable")
    reason = f"{neighbour}{probe.state}"
    return Verdict("False", reason, probe.message)


def _hindrances(scaler: Manifest) -> Iterator[tuple[str, str]]:
    """Why an autoscaler does not act: reason of ours, and a sentence."""
    active, able = _condition(scaler, "ScalingActive"), _condition(scaler, "AbleToScale")
    name = f"HorizontalPodAutoscaler {scaler['metadata']['name']}"
    if _condition(scaler, "ScaledToZero").get("status") == "True":
        return
    for condition in (active, able):
        if condition.get("status") == "False":
            why = condition.get("reason", "")
            reason = "ScalingDisabled" if why == "ScalingDisabled" else "MetricsMissing"
            yield reason, f"{name}: found {why} ({condition.get('message', '')[:_MAX_QUOTE]})"


def _condition(manifest: Manifest, name: str) -> Manifest:
    conditions: list[Manifest] = manifest.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == name), {})
