"""What a kubelet says of a pod: pure, from the pod and from what has become of its containers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from mmpipe_operator.kinds import Manifest

HOST_IP = "10.243.0.1"


class Behaviour(Enum):
    """What becomes of a pod whose containers are not really run."""

    READY = "all containers run and are ready"
    UNREADY = "all containers run, and never become ready"
    BAD_IMAGE = "ImagePullBackOff"
    CRASHING = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How one container is: ``exit_code`` is None while it runs, ``waiting`` says why it does not run yet."""

    ready: bool = False
    waiting: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0
    ended: bool = False
    """Whether it is over for good: nobody starts it again."""


def imagined(behaviour: Behaviour) -> ContainerState:
    """The state of each container under a behaviour."""
    match behaviour:
        case Behaviour.READY:
            return ContainerState(ready=True)
        case Behaviour.UNREADY:
            return ContainerState()
        case Behaviour.BAD_IMAGE:
            return ContainerState(waiting="ImagePullBackOff", message="Back-off pulling image: it does not exist")
        case Behaviour.CRASHING:
            message = "back-off 40s restarting failed container"
            return ContainerState(waiting="CrashLoopBackOff", message=message, exit_code=1, restarts=4)


def status(pod: Manifest, states: dict[str, ContainerState], ip: str, now: str) -> dict[str, Any]:
    """The pod's ``.status``, but for what others write, from states by container; times stay where nothing changed."""
    before = pod.get("status", {})
    started = before.get("startTime", now)
    ready = bool(states) and all(state.ready for state in states.values())
    containers = pod["spec"]["containers"]
    return {
        "phase": _phase(states),
        "hostIP": HOST_IP,
        "hostIPs": [{"ip": HOST_IP}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": started,
        "conditions": _conditions(before.get("conditions", []), ready=ready, now=now),
        "containerStatuses": [_container(each, states[each["name"]], started) for each in containers],
    }


def _phase(states: dict[str, ContainerState]) -> str:
    if states and all(state.ended for state in states.values()):
        return "Failed" if any(state.exit_code for state in states.values()) else "Succeeded"
    images = {"ImagePullBackOff", "ErrImagePull", "ContainerCreating"}
    return "Pending" if any(state.waiting in images for state in states.values()) else "Running"


def _conditions(before: list[dict[str, Any]], *, ready: bool, now: str) -> list[dict[str, Any]]:
    wanted = {
        "PodReadyToStartContainers": True,
        "Initialized": True,
        "ContainersReady": ready,
        "Ready": ready,
    }
    known = {condition["type"]: condition for condition in before}
    for name, holds in wanted.items():
        text = "True" if holds else "False"
        if known.get(name, {}).get("status") != text:
            known[name] = {"type": name, "status": text, "lastTransitionTime": now}
    return list(known.values())


def _container(container: dict[str, Any], state: ContainerState, started: str) -> dict[str, Any]:
    runs = not state.waiting and not state.ended
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "" if state.waiting == "ImagePullBackOff" else f"test://{container['image']}",
        "containerID": "" if state.waiting == "ImagePullBackOff" else f"test://{container['name']}",
        "ready": state.ready,
        "started": runs,
        "restartCount": state.restarts,
        "state": _state(state, started),
        "lastState": _ended(state, started) if state.restarts and not state.ended else {},
    }


def _state(state: ContainerState, started: str) -> dict[str, Any]:
    if state.ended:
        return _ended(state, started)
    if state.waiting:
        return {"waiting": {"reason": state.waiting, "message": state.message}}
    return {"running": {"startedAt": started}}


def _ended(state: ContainerState, started: str) -> dict[str, Any]:
    code = state.exit_code or 0
    reason = "Error" if code else "Completed"
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": started}}
