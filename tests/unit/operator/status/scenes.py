"""One observation for each thing that can be the case: what it comes to for kstatus, and the reason of Ready.

Tests that hold for every status walk these; ``test_conditions`` looks at each more closely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.operator.status.world import (
    crashing,
    deployment,
    observed,
    overdue,
    pipeline,
    pod,
    report,
    rolling,
    scaler,
    then,
    waiting,
)

from mmpipe.spec import Problem
from mmpipe_operator.kinds import AUTOSCALER, CONFIG_MAP, SERVICE, Ref
from mmpipe_operator.status import Fault, Observed, Probe, Report

PROBLEM = Problem("spec.scaling.maxReplicas", "0", "at least 1", "change the number")
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {gpu: }. preemption: 0/3.",
}
REFUSED_PODS = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "media-image-5d9c-x7k2p" is forbidden: exceeded quota: small, requested: cpu=2',
}
UNREADY = {"type": "ContainersReady", "status": "False", "lastTransitionTime": "2026-11-24T09:30:00Z"}
RUNNING = {"state": {"running": {"startedAt": "2026-11-24T09:00:00Z"}}}


@dataclass(frozen=True)
class Scene:
    """``kstatus`` is what its published rules must come to, ``ready`` and ``reason`` what Ready must say."""

    name: str
    seen: Observed
    kstatus: str
    ready: str
    reason: str


def _late(reason: str, **more: Any) -> Scene:  # noqa: ANN401  # of a pod
    return Scene(f"late: {reason}", observed(image=overdue(), pods=[pod(**more)]), "Failed", "False", reason)


def _fault(reason: str, ready: str) -> Scene:
    faults = (Fault(Ref(CONFIG_MAP, "default", "media-image-0123456789"), reason, "no: it is so"),)
    return Scene(f"refused: {reason}", observed(faults=faults), "Failed", "False", ready)


def _neighbour(kstatus: str, reason: str, **probe: Probe) -> Scene:
    return Scene(f"neighbour: {reason}", observed(report=report(**probe)), kstatus, "False", reason)


_STOPPED = {each: deployment(desired=0) for each in ("gateway", "worker", "image")}
_INVALID = observed(pipeline=pipeline(generation=2), problems=(PROBLEM,), processes=(), report=Report())
_PAUSED = {"processes": (), "report": Report(), "paused": True}
OF_ZERO = Fault(
    Ref(AUTOSCALER, "default", "media-image"),
    "Invalid",
    'HorizontalPodAutoscaler.autoscaling "media-image" is invalid: spec.minReplicas: Invalid value: 0: '
    "must be greater than or equal to 1",
)
"""As Kubernetes 1.37.2 says it with the feature gate HPAScaleToZero off."""
_FORBIDDEN = observed(faults=(Fault(Ref(AUTOSCALER, "default", "media-image"), "Forbidden", "it may not"),))

SCENES = (
    Scene("serving", observed(), "Current", "True", "Serving"),
    Scene("nobody scales", observed(pipeline=pipeline(mode="None"), autoscalers={}), "Current", "True", "Serving"),
    Scene("KEDA scales", observed(pipeline=pipeline(mode="KEDA"), autoscalers={}), "Current", "True", "Serving"),
    Scene(
        "no metrics",
        observed(autoscalers={"image": scaler("False", "FailedGetObjectMetric", "unable to get metric queue_depth")}),
        "Current",
        "True",
        "Serving",
    ),
    Scene(
        "an autoscaler rests",
        observed(autoscalers={"image": scaler("False", "ScalingDisabled", "replicas: 0")}),
        "Current",
        "True",
        "Serving",
    ),
    Scene("dead letters", observed(report=report(dead_letters=12)), "Current", "True", "Serving"),
    Scene(
        "an autoscaler has just scaled up",
        observed(image=deployment(desired=4, replicas=1)),
        "Current",
        "True",
        "Serving",
    ),
    Scene(
        "a replica of three crashes",
        observed(image=deployment(desired=3, available=2), pods=[pod(container=crashing())]),
        "Current",
        "True",
        "Serving",
    ),
    Scene("scaled to zero for want of work", observed(image=deployment(desired=0)), "Current", "True", "Serving"),
    Scene(
        "invalid from the start",
        observed(problems=(PROBLEM,), processes=(), deployments={}),
        "Failed",
        "False",
        "InvalidSpec",
    ),
    Scene("invalid while the old one runs", then(observed(), _INVALID), "Failed", "False", "InvalidSpec"),
    _fault("NameTaken", "NameTaken"),
    _fault("ScalerRemains", "ScalerRemains"),
    _fault("Forbidden", "Forbidden"),
    _fault("Invalid", "ChildRefused"),
    Scene("refused: an autoscaler from zero", observed(faults=(OF_ZERO,)), "Failed", "False", "ScaleToZeroRefused"),
    Scene(
        "first sight, secrets forbidden",
        observed(faults=(Fault(Ref(SERVICE, "default", "x"), "Forbidden", "no"),), processes=(), deployments={}),
        "Failed",
        "False",
        "Forbidden",
    ),
    Scene("a Deployment is missing", observed(deployments={}), "InProgress", "False", "RolloutInProgress"),
    Scene(
        "the first rollout",
        observed(image=deployment(available=0, progress="NewReplicaSetCreated")),
        "InProgress",
        "False",
        "RolloutInProgress",
    ),
    Scene("a rolling update", observed(image=rolling()), "InProgress", "False", "RolloutInProgress"),
    Scene(
        "a new template not seen", observed(image=deployment(observed=3)), "InProgress", "False", "RolloutInProgress"
    ),
    Scene(
        "a rolling update with a wrong image",
        observed(image=rolling(), pods=[pod(container=waiting("ErrImagePull"))]),
        "Failed",
        "False",
        "ImagePullBackOff",
    ),
    Scene(
        "a rolling update with a Secret that is missing",
        observed(image=rolling(), pods=[pod(container=waiting("CreateContainerConfigError", 'secret "x" not found'))]),
        "Failed",
        "False",
        "CreateContainerConfigError",
    ),
    Scene(
        "a rolling update whose first pod has crashed",
        observed(image=rolling(), pods=[pod(container=crashing())]),
        "InProgress",
        "False",
        "RolloutInProgress",
    ),
    _late("ImagePullBackOff", container=waiting("ImagePullBackOff")),
    _late("CrashLoopBackOff", container=crashing()),
    _late("CreateContainerConfigError", container=waiting("CreateContainerConfigError", 'secret "nats" not found')),
    _late("CreateContainerError", container=waiting("RunContainerError", "runc: 8f3a")),
    _late("Unschedulable", phase="Pending", conditions=[UNSCHEDULABLE], containerStatuses=[]),
    _late("NotReady", container=RUNNING, conditions=[UNREADY]),
    Scene(
        "late: no pods",
        observed(image=overdue(replicas=0, conditions=[REFUSED_PODS])),
        "Failed",
        "False",
        "PodsRefused",
    ),
    Scene("late: nobody knows why", observed(image=overdue()), "Failed", "False", "ProgressDeadlineExceeded"),
    Scene("somebody paused a rollout", observed(image=rolling(paused=True)), "Failed", "False", "DeploymentPaused"),
    Scene(
        "the last replica is replaced", observed(image=deployment(available=0)), "InProgress", "False", "StageStarting"
    ),
    Scene(
        "the last replica crashes",
        observed(image=deployment(available=0), pods=[pod(container=crashing())]),
        "InProgress",
        "False",
        "StagesUnavailable",
    ),
    _neighbour("InProgress", "QueueUnreachable", queue=Probe("Unreachable", "nats://nats:4222: no answer")),
    _neighbour("InProgress", "VectorStoreUnreachable", vectors=Probe("Unreachable", "http://milvus: no answer")),
    _neighbour("Failed", "QueueRefused", queue=Probe("Refused", "nats://nats:4222: no such user")),
    _neighbour("Failed", "QueueMismatch", queue=Probe("Mismatch", "stream media: found 1 replica, expected 3")),
    _neighbour("Failed", "VectorStoreRefused", vectors=Probe("Refused", "http://milvus: wrong token")),
    _neighbour("Failed", "VectorStoreMismatch", vectors=Probe("Mismatch", "found dimension 64, expected 128")),
    Scene("nobody asked yet", observed(report=Report()), "InProgress", "False", "AwaitingNeighbours"),
    Scene("the operator has restarted", then(observed(), observed(report=Report())), "Current", "True", "Serving"),
    Scene(
        "paused",
        observed(pipeline=pipeline(state="Paused"), deployments=_STOPPED, autoscalers={}),
        "Current",
        "True",
        "Paused",
    ),
    Scene(
        "pausing", observed(pipeline=pipeline(state="Paused"), autoscalers={}), "InProgress", "False", "PausePending"
    ),
    Scene("reconciling paused", then(observed(), observed(**_PAUSED)), "Current", "True", "Serving"),
    Scene(
        "reconciling paused, another spec",
        then(observed(), observed(pipeline=pipeline(generation=2), **_PAUSED)),
        "InProgress",
        "True",
        "Serving",
    ),
    Scene(
        "reconciling paused from the start",
        observed(**_PAUSED, deployments={}),
        "InProgress",
        "Unknown",
        "ReconcilePaused",
    ),
    Scene("reconciling paused in a refusal", then(_FORBIDDEN, observed(**_PAUSED)), "Failed", "False", "Forbidden"),
)
