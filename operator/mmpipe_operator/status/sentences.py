"""What a message says about one thing: who, what was found, and what to do. No number in it that changes by itself."""

from __future__ import annotations

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER
from mmpipe_operator.status.conditions import REASONS
from mmpipe_operator.status.facts import Facts, remedied
from mmpipe_operator.status.reports import Fault
from mmpipe_operator.status.rollout import Phase, Stage

REFUSALS = {"NameTaken", "ScalerRemains", "Forbidden", "ChildRefused", "ScaleToZeroRefused"}
"""Reasons of a fault. The API server's own reasons, but for Forbidden, come to one of the last two."""
_WITH_REMEDY = {"NameTaken", "ScalerRemains"}
"""Whose message says what to do."""


def on_stage(facts: Facts, stage: Stage) -> str:
    """What keeps a process from being as it should be."""
    if stage.phase is Phase.HELD:
        deployment = names.child(facts.name, stage.name)
        resume = f"kubectl rollout resume deployment {deployment} -n {facts.namespace}"
        return f"{stage.name}: found that {stage.phase}; {resume}"
    if stage.failure is not None:
        return f"{stage.name}: found that {stage.failure.found}; {_remedy(facts, stage, stage.failure.reason)}"
    if stage.phase is Phase.OVERDUE:
        return f"{stage.name}: found that {stage.phase}; {_remedy(facts, stage, 'ProgressDeadlineExceeded')}"
    return f"{stage.name}: found {'no Deployment' if stage.phase is Phase.MISSING else 'no available pod'} yet"


def on_fault(fault: Fault) -> tuple[str, str]:
    """A fault's reason by our catalogue, and the sentence."""
    reason = fault.reason if fault.reason in REFUSALS else _refusal(fault)
    said = f"{fault.ref}: {fault.message}"
    return reason, said if reason in _WITH_REMEDY else remedied(said, reason)


def _refusal(fault: Fault) -> str:
    """An autoscaler of ours has bounds that the schema has checked: only zero can be wrong with its fewest."""
    of_zero = fault.ref.kind is AUTOSCALER and "spec.minReplicas" in fault.message
    return "ScaleToZeroRefused" if of_zero else "ChildRefused"


def _remedy(facts: Facts, stage: Stage, reason: str) -> str:
    pods = f"-n {facts.namespace} -l app.kubernetes.io/instance={facts.name},{names.COMPONENT_LABEL}={stage.name}"
    match reason:
        case "CrashLoopBackOff":
            return f"read its last words: kubectl logs --previous {pods}"
        case "CreateContainerError" | "NotReady" | "ProgressDeadlineExceeded":
            return f"see kubectl describe pods {pods}"
    return REASONS[reason].remedy
