"""Why a pod does not serve: its state in the words that help, and what to look at next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.names import COMPONENT_LABEL

_ON_THE_WAY = {"ContainerCreating", "PodInitializing", ""}
"""Reasons of waiting that a healthy pod has for a moment too."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pod that is not ready: the reason as Kubernetes calls it, its message, restarts so far, what to run next."""

    pod: str
    reason: str
    message: str
    restarts: int
    look: str


def of_process(pods: Iterable[Manifest], process: str) -> list[Manifest]:
    """The pods of one process, by name."""
    mine = (pod for pod in pods if component(pod) == process)
    return sorted(mine, key=lambda pod: str(pod["metadata"]["name"]))


def component(manifest: Manifest) -> str:
    """The process that an object is of; empty where it is of none."""
    return str(manifest["metadata"].get("labels", {}).get(COMPONENT_LABEL, ""))


def is_ready(pod: Manifest) -> bool:
    """Whether it serves, and is not going away."""
    return _is_wanted(pod) and _condition(pod, "Ready").get("status") == "True"


def troubles(pods: Sequence[Manifest]) -> tuple[Trouble, ...]:
    """What is wrong with those that are not ready; a pod that is going away or done is none of them."""
    return tuple(trouble for pod in pods if _is_wanted(pod) and (trouble := _trouble(pod)))


def restarts(pod: Manifest) -> int:
    """How often its containers were started again."""
    return sum(int(status.get("restartCount", 0)) for status in _statuses(pod))


def _is_wanted(pod: Manifest) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and _status(pod).get("phase") != "Succeeded"


def _trouble(pod: Manifest) -> Trouble | None:
    if (ready := _condition(pod, "Ready")).get("status") == "True":
        return None
    name, where = pod["metadata"]["name"], f"-n {pod['metadata'].get('namespace', 'default')}"
    describe, log = f"kubectl describe pod {name} {where}", f"kubectl logs {name} {where}"
    for reason, message, crashed in _reasons(pod):
        return Trouble(name, reason, message, restarts(pod), f"{log} --previous" if crashed else describe)
    return Trouble(name, "NotReady", ready.get("message", "it has not started yet"), restarts(pod), log)


def _reasons(pod: Manifest) -> Iterator[tuple[str, str, bool]]:
    """Reason, message, and whether the log of the container before tells more; the gravest first."""
    status = _status(pod)
    if status.get("phase") == "Failed" and status.get("reason"):
        yield status["reason"], status.get("message", ""), False
    for container in _statuses(pod):
        yield from _of_container(container)
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield scheduled.get("reason", "Unschedulable"), scheduled.get("message", ""), False


def _of_container(container: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    state = container.get("state", {})
    waiting, ended = (
        state.get("waiting", {}),
        state.get("terminated") or container.get("lastState", {}).get("terminated"),
    )
    if waiting.get("reason", "") not in _ON_THE_WAY:
        yield waiting["reason"], _ending(ended) or waiting.get("message", ""), bool(ended)
    elif "terminated" in state and state["terminated"].get("exitCode"):
        yield state["terminated"].get("reason", "Error"), _ending(ended), False


def _ending(ended: dict[str, Any] | None) -> str:
    """How the container ended, with its own last words where it left some."""
    if not ended:
        return ""
    words = str(ended.get("message", "")).strip()
    return f"{ended.get('reason', 'Error')}, exit code {ended.get('exitCode')}" + (f": {words}" if words else "")


def _condition(pod: Manifest, kind: str) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = _status(pod).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _statuses(pod: Manifest) -> list[dict[str, Any]]:
    status = _status(pod)
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _status(pod: Manifest) -> dict[str, Any]:
    status: dict[str, Any] = pod.get("status", {})
    return status
