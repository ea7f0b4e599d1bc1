"""What has changed between two statuses, for Events and for metrics: few, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status.conditions import CONDITIONS, READY, RECONCILING, STALLED, Entry
from mmpipe_operator.status.reports import Transition

STATES = ("Ready", "Reconciling", "Stalled", "NotReady", "Unknown")
"""What ``state_of`` says."""

_PROGRESS = {"RolloutInProgress", "StageStarting", "AwaitingNeighbours", "PausePending", "ReconcilePaused"}
"""Reasons for not being Ready that are no cause for alarm."""
_QUIET = _PROGRESS | {"Paused", "AutoscalingOff", "KedaInCharge", "NotKnown"}
"""Reasons of other conditions that are as somebody wants it, or soon over."""


def transitions(before: Manifest, after: Manifest) -> tuple[Transition, ...]:
    """The news of a status: whenever Ready, or its reason, has changed; of another condition what Ready does not say.

    Each reason once: what makes two conditions change is one piece of news.
    """
    was, now = _by_type(before), _by_type(after)
    told: dict[str, Transition] = {}
    for entry in CONDITIONS.values():
        for news in _news(entry, was.get(entry.name, {}), now.get(entry.name, {})):
            told.setdefault(news.reason, news)
    return tuple(told.values())


def state_of(pipeline: Manifest) -> str:
    """One of ``STATES`` for a pipeline as it is stored; Unknown where no condition is about its present spec."""
    status = pipeline.get("status") or {}
    conditions = {name: each["status"] for name, each in _by_type(status).items()}
    if status.get("observedGeneration") != pipeline["metadata"].get("generation"):
        return "Unknown"
    for name in (STALLED, RECONCILING, READY):
        if conditions.get(name) == "True":
            return name
    return "NotReady" if conditions.get(READY) == "False" else "Unknown"


def _by_type(status: Manifest) -> dict[str, Manifest]:
    return {each["type"]: each for each in status.get("conditions", ())}


def _news(entry: Entry, was: Manifest, now: Manifest) -> Iterator[Transition]:
    if entry.name == READY:
        changed = any(was.get(part) != now.get(part) for part in ("status", "reason"))
        kind: Literal["Normal", "Warning"] = "Warning" if _alarms(now) else "Normal"
    elif entry.name == STALLED:
        return  # Ready says the same, with the same reason
    elif entry.name == RECONCILING:
        changed = now.get("reason") == "ReconcilePaused" != was.get("reason")
        kind = "Normal"
    else:
        bad = now["status"] not in {entry.good, "Unknown"}
        loud = not {was.get("reason", "NotKnown") if not bad else "", now["reason"]} & _QUIET
        changed = loud and was.get("status") != now["status"]
        kind = "Warning" if bad else "Normal"
    if changed:
        yield Transition(kind, now["reason"], now["message"])


def _alarms(ready: Manifest) -> bool:
    return ready.get("status") != "True" and ready.get("reason") not in _PROGRESS
