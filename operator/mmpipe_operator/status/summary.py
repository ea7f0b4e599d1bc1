"""The conditions that are drawn from the others: Stalled, Reconciling, Degraded and Ready (see ADR 26).

Stalled comes first: what needs a person is not called progress, so that kstatus never waits for what will not come.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmpipe_operator.status.conditions import (
    DEGRADED,
    QUEUE_REACHABLE,
    RECONCILING,
    SPEC_VALID,
    STAGES_AVAILABLE,
    STALLED,
    VECTOR_STORE_REACHABLE,
)
from mmpipe_operator.status.facts import Facts, Verdict, listed, remedied
from mmpipe_operator.status.reports import Fault
from mmpipe_operator.status.rollout import Phase, Stage
from mmpipe_operator.status.verdicts import remedy_of, unavailable

type Verdicts = Mapping[str, Verdict]

_FAULTS = {"NameTaken", "Forbidden"}
"""Reasons of the API server that are reasons of ours; all others are ChildRefused."""
_FINAL = {"QueueRefused", "QueueMismatch", "VectorStoreRefused", "VectorStoreMismatch"}
"""Answers of neighbours that will be the same next time."""
_NEIGHBOURS = (QUEUE_REACHABLE, VECTOR_STORE_REACHABLE)


def stalled(facts: Facts, others: Verdicts) -> Verdict:
    """What needs a person: the spec, what the API server refused, a rollout that does not come, a neighbour's no."""
    found = (
        _invalid(others) or _refused(facts) or _held(facts) or _overdue(facts) or _final(facts, others)
    )
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
        return Verdict("True", "StageStarting", listed([unavailable(facts, stage) for stage in starting]))
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
        return Verdict("True", "ReplicasFailing", listed([unavailable(facts, stage) for stage in failing]))
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
