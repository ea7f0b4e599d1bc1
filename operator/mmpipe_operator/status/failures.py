"""Why pods do not run, in few and stable words: what stands in a status must not change while nothing else does.

The kubelet's own texts count seconds of back-off, and alternate between two names for one thing. Here the reason is
normal (`ErrImagePull` is ImagePullBackOff, a container between two crashes is in CrashLoopBackOff), and no text has a
pod's name or a time in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mmpipe_operator.kinds import Manifest

_PULLING = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_CREATING = {"CreateContainerError", "RunContainerError", "PreStartHookError", "PostStartHookError"}
_ORDER = (
    "CreateContainerConfigError",
    "ImagePullBackOff",
    "PodsRefused",
    "Unschedulable",
    "CrashLoopBackOff",
    "CreateContainerError",
    "NotReady",
)
"""What is told of several: what a person can mend most surely comes first."""
_COUNT = re.compile(r"\b\d+ (?=[A-Za-z])")
_NODES = re.compile(r"^\d+/\d+ nodes are available: ")
_POD_NAME = re.compile(r'pods? "[^"]+" is forbidden: ')


@dataclass(frozen=True, slots=True)
class Failure:
    """``found`` is what is the case, as the second part of a sentence."""

    reason: str
    found: str


def failure(pods: Iterable[Manifest], deployment: Manifest) -> Failure | None:
    """What keeps pods of one Deployment from running; None where nothing is known to."""
    found = {each for pod in pods if _counts(pod) for each in _of_pod(pod)} | set(_of_deployment(deployment))
    return min(found, key=lambda each: (_ORDER.index(each.reason), each.found), default=None)


def _counts(pod: Manifest) -> bool:
    """Whether the pod is to run: one that stops, or has ended for good, is replaced."""
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") in {
        None,
        "Pending",
        "Running",
    }


def _of_deployment(deployment: Manifest) -> Iterator[Failure]:
    for condition in deployment.get("status", {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            why = _POD_NAME.sub("", condition.get("message", ""))
            yield Failure("PodsRefused", f"its pods are refused ({why})")


def _of_pod(pod: Manifest) -> Iterator[Failure]:
    status = pod.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            yield Failure("Unschedulable", _why_unschedulable(condition.get("message", "")))
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        yield from _of_container(container, status)


def _why_unschedulable(message: str) -> str:
    """The scheduler's words without numbers of nodes: `Insufficient cpu` for `0/3 nodes ...: 3 Insufficient cpu.`."""
    why = _NODES.sub("", message).split(". ")[0].rstrip(".")
    return f"no node takes a pod ({_COUNT.sub('', why)})" if why else "no node takes a pod"


def _of_container(container: Manifest, pod: Manifest) -> Iterator[Failure]:
    name, state = container["name"], container.get("state", {})
    waiting = state.get("waiting", {})
    reason = waiting.get("reason", "")
    if reason in _PULLING:
        yield Failure("ImagePullBackOff", f"image {container.get('image', '')} of container {name} can't be pulled")
    elif reason == "CreateContainerConfigError":
        yield Failure(reason, f"container {name} lacks something ({waiting.get('message', 'it is not said what')})")
    elif reason in _CREATING:
        yield Failure("CreateContainerError", f"container {name} can't be made ({reason})")
    elif not container.get("ready") and (reason == "CrashLoopBackOff" or _has_ended(container)):
        yield Failure("CrashLoopBackOff", f"container {name} ends with {_end(container)}")
    elif _became_unready(pod, container):
        yield Failure("NotReady", f"container {name} runs and is no longer ready")


def _has_ended(container: Manifest) -> bool:
    """Whether it has ended before, or just now, with an error."""
    ended = container.get("state", {}).get("terminated", {})
    return bool(container.get("restartCount", 0) > 0 or ended.get("exitCode", 0) != 0)


def _end(container: Manifest) -> str:
    """How it ended the time before this one, or just now the first time."""
    last = container.get("lastState", {}).get("terminated") or container.get("state", {}).get("terminated") or {}
    return "OOMKilled" if last.get("reason") == "OOMKilled" else f"exit code {last.get('exitCode', 'unknown')}"


def _became_unready(pod: Manifest, container: Manifest) -> bool:
    """Whether a container that was ready once is not now: readiness has changed since its start."""
    since = container.get("state", {}).get("running", {}).get("startedAt")
    changed = [
        each.get("lastTransitionTime", "")
        for each in pod.get("conditions", ())
        if each["type"] == "ContainersReady" and each["status"] == "False"
    ]
    return bool(since and changed) and not container.get("ready") and changed[0] > since
