"""What one pipeline is like: its objects put together into one record, which ``--json`` prints as it is. Pure.

The verdict is read as kstatus reads it (sigs.k8s.io/cli-utils): going away, then not yet observed, then Stalled, then
Reconciling, then Ready. Numbers of processes come from the Deployments; the pipeline's own status stands in where those
can't be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubectl_mmpipe import pods, scaling
from kubectl_mmpipe.snapshot import Snapshot
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status.conditions import (
    CONDITIONS,
    DEAD_LETTERS_PRESENT,
    QUEUE_REACHABLE,
    READY,
    RECONCILING,
    STALLED,
    VECTOR_STORE_REACHABLE,
)

UNKNOWN = "Unknown"
_NEIGHBOURS = {"queue": QUEUE_REACHABLE, "vectors": VECTOR_STORE_REACHABLE, "dead letters": DEAD_LETTERS_PRESENT}
_HEALTHY = {name: entry.good for name, entry in CONDITIONS.items() if name not in {READY, *_NEIGHBOURS.values()}}
"""Conditions that are worth a line only where they are otherwise; the verdict and neighbours have their own lines."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of the status."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Process:
    """A process: pods that are ready, wanted and of the newest template (None: not known), and what is wrong."""

    name: str
    ready: int | None
    desired: int | None
    updated: int | None
    endpoint: str
    autoscaler: scaling.Autoscaler | None
    troubles: tuple[pods.Trouble, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What the pipeline stands on: the condition that speaks of it, and what else is known."""

    name: str
    condition: Condition
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline as a person wants to know it."""

    name: str
    namespace: str
    verdict: str
    reason: str
    message: str
    stages: str
    backlog: str
    concerns: tuple[Condition, ...]
    notes: tuple[str, ...]
    processes: tuple[Process, ...]
    neighbours: tuple[Neighbour, ...]


def pipelines(snapshot: Snapshot) -> tuple[Pipeline, ...]:
    """Every pipeline of a snapshot."""
    return tuple(_pipeline(each, snapshot) for each in snapshot.pipelines)


def is_reconciling_paused(pipeline: Manifest) -> bool:
    """Whether the annotation tells the operator to leave it alone."""
    return bool(pipeline["metadata"].get("annotations", {}).get(names.RECONCILE) == "Paused")


def is_stopped(pipeline: Manifest) -> bool:
    """Whether its processes are scaled to nothing: ``spec.lifecycle.state: Paused``."""
    return bool(pipeline.get("spec", {}).get("lifecycle", {}).get("state") == "Paused")


def _pipeline(manifest: Manifest, snapshot: Snapshot) -> Pipeline:
    metadata, status = manifest["metadata"], manifest.get("status", {})
    verdict = _verdict(manifest)
    return Pipeline(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        verdict=verdict.type,
        reason=verdict.reason,
        message=verdict.message,
        stages=status.get("stages", ""),
        backlog=status.get("backlog", ""),
        concerns=tuple(_concerns(manifest, verdict)),
        notes=tuple(_notes(manifest, snapshot)),
        processes=tuple(_processes(manifest, snapshot)),
        neighbours=tuple(_neighbour(manifest, name, kind) for name, kind in _NEIGHBOURS.items()),
    )


def _verdict(manifest: Manifest) -> Condition:
    """The one condition that says how it is; its type is the verdict."""
    metadata, status = manifest["metadata"], manifest.get("status", {})
    if since := metadata.get("deletionTimestamp"):
        return Condition("Deleting", "True", "", f"since {since}")
    if not status.get("conditions"):
        return Condition(UNKNOWN, UNKNOWN, "NotObserved", "the operator has not seen it yet: does it run?")
    if (seen := status.get("observedGeneration")) != (now := metadata.get("generation")):
        message = f"the operator has seen generation {seen} and not yet {now}"
        return Condition(RECONCILING, "True", "NotObserved", message)
    for kind in (STALLED, RECONCILING, READY):
        if (condition := _condition(manifest, kind)).status == "True":
            return condition
    ready = _condition(manifest, READY)
    return Condition("NotReady", ready.status, ready.reason, ready.message)


def _concerns(manifest: Manifest, verdict: Condition) -> Iterator[Condition]:
    """Conditions that say more than the verdict, each message once; without one there is nothing to do about it."""
    said = {verdict.message, ""}
    for kind, good in _HEALTHY.items():
        condition = _condition(manifest, kind)
        is_healthy = condition.status in {good, ""}
        if not is_healthy and kind != verdict.type and condition.message not in said:
            said.add(condition.message)
            yield condition


def _notes(manifest: Manifest, snapshot: Snapshot) -> Iterator[str]:
    name = manifest["metadata"]["name"]
    if is_reconciling_paused(manifest):
        yield f"the operator leaves it alone (annotation {names.RECONCILE}: Paused); kubectl mmpipe resume {name}"
    if is_stopped(manifest):
        yield f"its processes are scaled to zero (spec.lifecycle.state: Paused); kubectl mmpipe resume {name}"
    if "deletionTimestamp" in manifest["metadata"] and names.FINALIZER in manifest["metadata"].get("finalizers", []):
        yield (
            f"its collection is being dropped; to let it go without, kubectl annotate {names.PLURAL} {name}"
            f" {names.ABANDON}=true"
        )
    children = (snapshot.deployments, snapshot.autoscalers, snapshot.pods)
    yield from dict.fromkeys(child.unread for child in children if child.unread)


def _processes(manifest: Manifest, snapshot: Snapshot) -> Iterator[Process]:
    """In the order of the status, then those that only the cluster has."""
    told = {each["name"]: each for each in manifest.get("status", {}).get("processes", [])}
    deployments = {pods.component(each): each for each in snapshot.deployments.of(manifest)}
    autoscalers, running = snapshot.autoscalers.of(manifest), snapshot.pods.of(manifest)
    for name in [*told, *sorted(deployments.keys() - told.keys())]:
        deployment = deployments.get(name)
        numbers = _numbers(deployment) if deployment else _told(told[name], is_known=not snapshot.deployments.unread)
        child = names.child(manifest["metadata"]["name"], name)
        yield Process(
            name=name,
            **numbers,
            endpoint=told.get(name, {}).get("endpoint", ""),
            autoscaler=scaling.of_deployment(autoscalers, child),
            troubles=pods.troubles(pods.of_process(running, name)),
        )


def _numbers(deployment: Manifest) -> dict[str, Any]:
    status = deployment.get("status", {})
    return {
        "ready": status.get("readyReplicas", 0),
        "desired": deployment["spec"].get("replicas", 1),
        "updated": status.get("updatedReplicas", 0),
    }


def _told(process: dict[str, Any], *, is_known: bool) -> dict[str, Any]:
    """What the pipeline's status says of a process whose Deployment is not there, or can't be read."""
    note = "its Deployment is not there" if is_known else "as the pipeline's status has it"
    return {key: process.get(key) for key in ("ready", "desired", "updated")} | {"note": note}


def _neighbour(manifest: Manifest, name: str, kind: str) -> Neighbour:
    condition = _condition(manifest, kind)
    found = condition if condition.status else Condition(kind, UNKNOWN, "", "not looked at yet")
    return Neighbour(name, found, tuple(_facts(found, manifest.get("status", {}))))


def _facts(condition: Condition, status: dict[str, Any]) -> Iterator[str]:
    """What the status knows beside the condition; of a queue that can't be read, the backlog is an old one."""
    if condition.type == QUEUE_REACHABLE and condition.status == "True" and status.get("backlog"):
        yield f"backlog {status['backlog']}"
    if condition.type == VECTOR_STORE_REACHABLE:
        vectors = status.get("vectors", {})
        yield from (f"{key} {vectors[key]}" for key in ("collection", "alias", "dimension") if vectors.get(key))


def _condition(manifest: Manifest, kind: str) -> Condition:
    conditions: list[dict[str, Any]] = manifest.get("status", {}).get("conditions", [])
    found = next((each for each in conditions if each["type"] == kind), {})
    return Condition(kind, found.get("status", ""), found.get("reason", ""), found.get("message", ""))
