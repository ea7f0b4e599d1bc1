"""The conditions that are drawn from the others: Stalled, Reconciling, Degraded and Ready (see ADR 26).

Stalled comes first: what needs a person is not called progress, so that kstatus never waits for what will not come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpipe_operator.status.conditions import (
    QUEUE_REACHABLE,
    SPEC_VALID,
    STAGES_AVAILABLE,
    STALLED,
    VECTOR_STORE_REACHABLE,
)
from mmpipe_operator.status.facts import Facts, Verdict, listed
from mmpipe_operator.status.rollout import Phase, Stage
from mmpipe_operator.status.sentences import REFUSALS, on_fault, on_stage

type Verdicts = Mapping[str, Verdict]

_FINAL = {"QueueRefused", "QueueMismatch", "VectorStoreRefused", "VectorStoreMismatch"}
"""Answers that will be the same next time."""
_FOR_A_PERSON = {"ImagePullBackOff", "CreateContainerConfigError"}
"""Failures of pods that waiting does not mend: said at once, not when the rollout is past its deadline."""
_NEIGHBOURS = (QUEUE_REACHABLE, VECTOR_STORE_REACHABLE)


def stalled(facts: Facts, others: Verdicts) -> Verdict:
    """What needs a person: the spec, what the API server refused, a rollout that does not come, a neighbour's no."""
    spec = others[SPEC_VALID]
    invalid = Verdict("True", spec.reason, spec.message) if spec.status == "False" else None
    found = invalid or _refused(facts) or _stuck(facts) or _final(facts, others)
    return found or Verdict("False", "AsDesired")


def progress(facts: Facts, others: Verdicts) -> Verdict | None:
    """What is on its way by itself; None where nothing is."""
    rolling = [stage for stage in facts.stages if stage.is_progressing]
    if rolling:
        return Verdict("True", "RolloutInProgress", _rolling(facts, rolling))
    if facts.is_stopped:
        leaving = [stage.name for stage in facts.stages if stage.replicas]
        return Verdict("True", "PausePending", f"pods of {', '.join(leaving)} are stopping") if leaving else None
    starting = [stage for stage in facts.stages if stage.is_starting]
    if starting:
        return Verdict("True", "StageStarting", listed([on_stage(facts, stage) for stage in starting]))
    unasked = any(others[neighbour].status == "Unknown" for neighbour in _NEIGHBOURS)
    return Verdict("True", "AwaitingNeighbours") if unasked else None


def reconciling(facts: Facts, others: Verdicts) -> Verdict:
    """Whether waiting is what to do."""
    if facts.observed.paused:
        return Verdict("False", "ReconcilePaused")
    if others[STALLED].status == "True":
        return Verdict("False", "Stalled")
    return progress(facts, others) or Verdict("False", "UpToDate")


def degraded(facts: Facts, others: Verdicts) -> Verdict:
    """Whether it works in part. A rollout in time and an autoscaler at work are no degradation."""
    if facts.is_stopped:
        return Verdict("False", "Paused")
    if not facts.stages:
        return Verdict("Unknown", "NotKnown")
    if not any(stage.is_available for stage in facts.stages):
        return Verdict("False", others[STAGES_AVAILABLE].reason)
    failing = [stage for stage in facts.stages if stage.phase is not Phase.ROLLING and _is_short(stage)]
    if failing:
        return Verdict("True", "ReplicasFailing", listed([on_stage(facts, stage) for stage in failing]))
    away = [others[neighbour] for neighbour in _NEIGHBOURS if others[neighbour].status == "False"]
    if away:
        return Verdict("True", "NeighbourAway", listed([each.message for each in away]))
    return Verdict("False", "AsDesired")


def ready(facts: Facts, others: Verdicts) -> Verdict:
    """Whether the pipeline is what this generation of its spec asks for."""
    if others[STALLED].status == "True":
        return Verdict("False", others[STALLED].reason, others[STALLED].message)
    if facts.observed.paused and not facts.stages:
        return Verdict("Unknown", "ReconcilePaused")
    cause = progress(facts, others)
    if cause is not None:
        return Verdict("False", cause.reason, cause.message)
    if facts.is_stopped:
        return Verdict("True", "Paused")
    hindrances = (others[each] for each in (STAGES_AVAILABLE, *_NEIGHBOURS))
    hindrance = next((each for each in hindrances if each.status == "False"), None)
    return Verdict("False", hindrance.reason, hindrance.message) if hindrance else Verdict("True", "Serving")


def _refused(facts: Facts) -> Verdict | None:
    """What the API server did not take; while reconciling is paused nobody asks it again."""
    faults = facts.observed.faults
    if faults:
        told = [on_fault(fault) for fault in faults]
        return Verdict("True", told[0][0], listed([sentence for _, sentence in told]))
    kept = facts.kept(STALLED) if facts.observed.paused else None
    return kept if kept and kept.reason in REFUSALS else None


def _stuck(facts: Facts) -> Verdict | None:
    """Rollouts that do not come to an end, by their deadline or because somebody has to change something first."""
    stuck = [stage for stage in facts.stages if _is_stuck(stage)]
    if not stuck:
        return None
    first = stuck[0]
    late = first.failure.reason if first.failure else "ProgressDeadlineExceeded"
    reason = "DeploymentPaused" if first.phase is Phase.HELD else late
    return Verdict("True", reason, listed([on_stage(facts, stage) for stage in stuck]))


def _is_stuck(stage: Stage) -> bool:
    needs_a_person = stage.failure is not None and stage.failure.reason in _FOR_A_PERSON
    return stage.phase in {Phase.HELD, Phase.OVERDUE} or (stage.phase is Phase.ROLLING and needs_a_person)


def _final(facts: Facts, others: Verdicts) -> Verdict | None:
    """A neighbour's no. One that does not answer may be back by itself; a stopped pipeline needs neither."""
    if facts.is_stopped:
        return None
    refusals = [others[each] for each in _NEIGHBOURS if others[each].reason in _FINAL]
    return Verdict("True", refusals[0].reason, listed([each.message for each in refusals])) if refusals else None


def _rolling(facts: Facts, rolling: Sequence[Stage]) -> str:
    """Who rolls out, and what is in the way so far."""
    hindered = [on_stage(facts, stage) for stage in rolling if stage.failure]
    who = f"pods of {', '.join(stage.name for stage in rolling)} are coming up"
    return listed([who, *hindered])


def _is_short(stage: Stage) -> bool:
    """Whether it has too few replicas, and not because they are just coming up."""
    return stage.ready < stage.desired and (stage.failure is not None or stage.phase is Phase.OVERDUE)
