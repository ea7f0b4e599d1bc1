"""Metrics of the operator. No pipeline's name is an attribute: its state is in its status, and here only counted."""

from __future__ import annotations

from mmpipe.telemetry.catalogue.model import Attribute, Metric, MetricKind

RECONCILE_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""From a look that finds nothing to do, to a first apply against a slow API server."""

PIPELINE = "MultimodalPipeline"
CHILDREN = (
    "ServiceAccount",
    "ConfigMap",
    "Service",
    "NetworkPolicy",
    "Deployment",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "TriggerAuthentication",
    "ScaledObject",
    "ServiceMonitor",
)
"""Kinds that the operator writes."""
RESULT = Attribute("result", "failed: to be tried again", ("done", "failed"))

OPERATOR = (
    Metric("mmpipe.operator.reconciles", MetricKind.COUNTER, "{reconcile}", "Looks at one pipeline.", (RESULT,)),
    Metric(
        "mmpipe.operator.reconcile.duration",
        MetricKind.HISTOGRAM,
        "s",
        "One look at one pipeline, with what it writes.",
        (RESULT,),
        RECONCILE_SECONDS,
    ),
    Metric(
        "mmpipe.operator.queue.length",
        MetricKind.OBSERVABLE_GAUGE,
        "{pipeline}",
        "Pipelines that are due and wait for a worker.",
    ),
    Metric(
        "mmpipe.operator.queue.age",
        MetricKind.OBSERVABLE_GAUGE,
        "s",
        "How long the pipeline that waits longest has been due.",
    ),
    Metric(
        "mmpipe.operator.writes",
        MetricKind.COUNTER,
        "{write}",
        "Objects written. A steady cluster sees none.",
        (
            Attribute("kind", "of the object", (PIPELINE, *CHILDREN, "Pod")),
            Attribute(
                "reason",
                "drift: somebody else had changed or deleted it; prune: it is no longer planned; sparing: how busy a "
                "pod is; wake: a Deployment at zero, before a new autoscaler",
                ("create", "change", "drift", "prune", "status", "finalizer", "sparing", "wake"),
            ),
        ),
    ),
    Metric(
        "mmpipe.operator.api.requests",
        MetricKind.COUNTER,
        "{request}",
        "Requests to the API server; a watch counts when it ends, that of pipelines (kopf's) not at all.",
        (
            Attribute("verb", "as in RBAC rules", ("get", "list", "watch", "create", "update", "patch", "delete")),
            Attribute("kind", "of the object; `APIResourceList` where it asks what the server has"),
            Attribute("status", "HTTP status of the answer; `none` without one"),
        ),
    ),
    Metric(
        "mmpipe.operator.leader",
        MetricKind.OBSERVABLE_GAUGE,
        "{replica}",
        "Whether this replica holds the lease: 1 or 0.",
    ),
    Metric(
        "mmpipe.operator.pipelines",
        MetricKind.OBSERVABLE_GAUGE,
        "{pipeline}",
        "Pipelines by what their status says; see the page of conditions.",
        (
            Attribute(
                "state",
                "the first of Stalled, Reconciling and Ready that is true; Unknown where the status is not about the "
                "present spec",
                ("Ready", "Reconciling", "Stalled", "NotReady", "Unknown"),
            ),
        ),
    ),
    Metric(
        "mmpipe.operator.watch.silence",
        MetricKind.OBSERVABLE_GAUGE,
        "s",
        "How long a watch has not brought what a list has shown; 0 where it brings all.",
        (Attribute("kind", "that is watched", (PIPELINE, *CHILDREN, "Pod")),),
    ),
    Metric(
        "mmpipe.operator.pod.readings",
        MetricKind.COUNTER,
        "{reading}",
        "Looks at how busy a pod is, of processes that have several.",
        (Attribute("result", "failed: it did not say, and keeps its deletion cost", ("done", "failed")),),
    ),
    Metric(
        "mmpipe.operator.withdrawals",
        MetricKind.COUNTER,
        "{withdrawal}",
        "Times the APIService of the metrics adapter was taken away, as nothing answered behind it.",
    ),
    Metric(
        "mmpipe.operator.probes",
        MetricKind.COUNTER,
        "{probe}",
        "Questions to the pipelines' neighbours.",
        (
            Attribute("neighbour", "NATS, Milvus, or the SQL database", ("queue", "vectors", "metadata")),
            Attribute(
                "state",
                "of the neighbour; mismatch: what is there is not what the spec asks for",
                ("Reachable", "Unreachable", "Mismatch", "Refused"),
            ),
        ),
    ),
)
