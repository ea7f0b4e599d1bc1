"""The catalogue of conditions and their reasons: names are for ever, so they stand in one place.

``docs/reference/conditions.md`` is generated from it. A reason may stand for several conditions: Ready names the reason
of whatever keeps it from being true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
SPEC_VALID = "SpecValid"
STAGES_AVAILABLE = "StagesAvailable"
QUEUE_REACHABLE = "QueueReachable"
VECTOR_STORE_REACHABLE = "VectorStoreReachable"
SCALING_ACTIVE = "ScalingActive"
DEAD_LETTERS_PRESENT = "DeadLettersPresent"
DEGRADED = "Degraded"


@dataclass(frozen=True, slots=True)
class Entry:
    """One condition. ``good`` is the status that it has while all is well."""

    name: str
    good: Literal["True", "False"]
    meaning: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: what it means, and what to do about it (empty where there is nothing to do)."""

    name: str
    meaning: str
    remedy: str = ""


_ENTRIES = (
    Entry(
        READY,
        "True",
        "The pipeline is what this generation of its spec asks for: applied, rolled out, and every process, the queue "
        "and Milvus there. A paused pipeline is ready when it has stopped. `kubectl wait --for=condition=Ready`.",
    ),
    Entry(RECONCILING, "False", "Something progresses by itself towards the spec: wait. kstatus: InProgress."),
    Entry(
        STALLED,
        "False",
        "Nothing will progress until somebody changes something; the message says what. kstatus: Failed.",
    ),
    Entry(SPEC_VALID, "True", "The spec can be planned in this cluster."),
    Entry(
        STAGES_AVAILABLE,
        "True",
        "Every process has at least one available replica, of the newest template or of the one before; one that is "
        "scaled to zero for want of work counts. Stays true through a rolling update: alert on this one.",
    ),
    Entry(QUEUE_REACHABLE, "True", "The durable queue answers the operator."),
    Entry(VECTOR_STORE_REACHABLE, "True", "Milvus answers the operator, and its collection is as the spec asks."),
    Entry(
        SCALING_ACTIVE,
        "True",
        "The autoscalers get their metrics and can act. A gap in the metrics is only told here: Ready stays true.",
    ),
    Entry(DEAD_LETTERS_PRESENT, "False", "Samples have been given up and wait for somebody to look at them."),
    Entry(DEGRADED, "False", "The pipeline works in part: some replicas, some processes, or without a neighbour."),
)

CONDITIONS = {entry.name: entry for entry in _ENTRIES}
"""Every condition, in the order in which a status has them."""

_REASONS = (
    Reason("AllAvailable", "Every process has an available replica."),
    Reason("AsDesired", "Nothing is missing."),
    Reason("AutoscalingOff", "`spec.scaling.mode` is None: nobody scales.", "set it to HPA or KEDA if somebody should"),
    Reason("AwaitingNeighbours", "The queue or Milvus has not been asked yet.", "wait for the first answer"),
    Reason(
        "ChildRefused",
        "The API server does not take one of the pipeline's objects.",
        "change the field that the message names, or what forbids it",
    ),
    Reason(
        "CrashLoopBackOff",
        "A container ends again and again.",
        "read its last words: `kubectl logs --previous` for the pods that the message names",
    ),
    Reason(
        "CreateContainerConfigError",
        "A container lacks a Secret, a ConfigMap, or a key of one.",
        "create what the message names",
    ),
    Reason(
        "CreateContainerError", "The container runtime can't make a container.", "see `kubectl describe pods` for why"
    ),
    Reason("DeadLetters", "There are dead letters.", "list, read and redrive them: `kubectl mmpipe deadletters`"),
    Reason(
        "DeploymentPaused",
        "Somebody has paused a Deployment (`kubectl rollout pause`) in the midst of a rollout.",
        "`kubectl rollout resume`",
    ),
    Reason(
        "Forbidden",
        "The API server does not let the operator do something: its RBAC rules, a quota, or an admission policy.",
        "grant what the message names, or raise the quota",
    ),
    Reason("ImagePullBackOff", "An image can't be pulled.", "correct the image's name or the pull secret"),
    Reason("InvalidSpec", "The spec can't be planned in this cluster.", "change the fields that the message names"),
    Reason("KedaInCharge", "KEDA scales; its HorizontalPodAutoscalers have not shown up.", "see the ScaledObjects"),
    Reason("MetricsMissing", "An autoscaler gets no metric, or can't act.", "see `kubectl describe hpa`"),
    Reason("NameTaken", "An object of a name that the pipeline needs belongs to somebody else.", "rename one of them"),
    Reason("NeighbourAway", "The stages run, but the queue or Milvus is not to be had.", "see the two conditions"),
    Reason("NoDeadLetters", "There are none."),
    Reason("NotKnown", "It has not been observed yet, or does not answer.", "wait"),
    Reason(
        "ProgressDeadlineExceeded",
        "A rollout has taken too long, and its pods do not say why.",
        "see `kubectl describe pods`; a volume that can't be mounted shows there",
    ),
    Reason(
        "PodsRefused",
        "The pods of a Deployment can't be created: a quota, or an admission policy.",
        "raise the quota, or change what the policy names",
    ),
    Reason(
        "NotReady",
        "Containers run, and no longer answer their readiness probe.",
        "see `kubectl describe pods`",
    ),
    Reason("Paused", "`spec.lifecycle.state` is Paused: scaled to zero, everything else kept.", "set it to Running"),
    Reason("PausePending", "`spec.lifecycle.state` is Paused, and pods are still stopping.", "wait"),
    Reason("QueueMismatch", "The queue's stream is not what the spec asks for.", "see the message"),
    Reason("QueueRefused", "The queue refuses the operator's credentials.", "correct the Secret"),
    Reason("QueueUnreachable", "The queue does not answer.", "see whether it runs, and its URL; it mends itself then"),
    Reason("Reachable", "It answers."),
    Reason(
        "ReconcilePaused",
        "The annotation `mmpipe.dev/reconcile: Paused` keeps the operator away; all else is as it was.",
        "remove the annotation, or `kubectl mmpipe resume`",
    ),
    Reason("ReplicasFailing", "Some replicas of a process do not start or stay.", "see the message"),
    Reason("RolloutInProgress", "Pods of the newest template are coming up.", "wait"),
    Reason(
        "ScaleToZeroRefused",
        "The API server takes no autoscaler whose fewest replicas are 0: it is older than Kubernetes 1.37, or the "
        "feature gate HPAScaleToZero is off. All else is applied; this process is not scaled.",
        "set `minReplicas` to 1, turn the feature gate on, or take `spec.scaling.mode` KEDA",
    ),
    Reason("ScaledByMetrics", "The autoscalers act."),
    Reason(
        "ScalerRemains",
        "What scaled in the mode before was deleted and is still there, so nothing else may scale yet.",
        "start KEDA, which lets go of its ScaledObjects, or take its finalizer off",
    ),
    Reason("ScalingDisabled", "An autoscaler rests, as its Deployment was set to 0 replicas.", "scale it to 1"),
    Reason("Serving", "Everything is there."),
    Reason("StageStarting", "A process has no available replica yet; its pods are coming up.", "wait"),
    Reason("StagesUnavailable", "A process has no available replica.", "see the message"),
    Reason("Stalled", "Nothing progresses.", "see the condition Stalled"),
    Reason("Unschedulable", "No node takes a pod.", "change its requests or placement, or add a node"),
    Reason("UpToDate", "Everything that the spec asks for is applied and rolled out."),
    Reason("Valid", "The spec can be planned."),
    Reason(
        "VectorStoreMismatch",
        "The collection in Milvus has another dimension, metric or index than the spec asks for.",
        "correct the spec, or move to another alias",
    ),
    Reason("VectorStoreRefused", "Milvus refuses the operator's credentials or request.", "correct the Secret"),
    Reason(
        "VectorStoreUnreachable",
        "Milvus does not answer; samples wait in the queue.",
        "see whether it runs, and its URI; it mends itself then",
    ),
)

REASONS = {reason.name: reason for reason in _REASONS}
"""Every reason, by name."""
