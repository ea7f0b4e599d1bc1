"""The alerts of the PrometheusRule: few, each with something to do, which is in `docs/runbooks/NAME.md`.

Every metric is in ``mmpipe.telemetry.catalogue``; a test holds the expressions against it. ``NAMESPACE`` stands for the
release's namespace: several operators may be in one Prometheus. The labels of a pipeline are those that its
ServiceMonitor and the chart's PodMonitor copy from the pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

type Group = Literal["operator", "adapter", "pipelines"]

BY = "namespace, mmpipe_dev_pipeline"
"""Labels that name a pipeline."""
PIPELINE = "{{ $labels.namespace }}/{{ $labels.mmpipe_dev_pipeline }}"
OWN = 'namespace="NAMESPACE"'
OPTIONAL = 'kind!~"ScaledObject|TriggerAuthentication|ServiceMonitor"'
"""The operator tries whether it may see these, and does without."""
ENDED = 'outcome=~"stored|unchanged|quarantined|dead|superseded"'
SERVER_FAULTS = 'rpc_response_status_code=~"UNKNOWN|INTERNAL|UNAVAILABLE|DATA_LOSS|DEADLINE_EXCEEDED"'
GATEWAY = 'app_kubernetes_io_component="gateway"'
SEARCH = 'rpc_method="mmpipe.v1.GatewayService/Search"'


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``hold`` is how long the expression must be true; ``summary`` may use the series' labels."""

    name: str
    group: Group
    severity: Literal["critical", "warning"]
    hold: str
    expression: str
    summary: str
    meaning: str

    def rule(self) -> dict[str, Any]:
        """As Prometheus takes it; the template adds the runbook."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.meaning},
        }


ALERTS = (
    Alert(
        "MmpipeOperatorAbsent",
        "operator",
        "critical",
        "5m",
        f"absent(mmpipe_operator_leader{{{OWN}}})",
        "No operator answers in {{ $labels.namespace }}.",
        "Prometheus has no metrics of any replica. Pipelines run on, but nothing is repaired and no new spec acts.",
    ),
    Alert(
        "MmpipeOperatorNoLeader",
        "operator",
        "critical",
        "5m",
        f"sum by (namespace) (mmpipe_operator_leader{{{OWN}}}) == 0",
        "No replica of the operator in {{ $labels.namespace }} leads.",
        "Replicas run, but none gets the Lease. Nothing is repaired and no new spec acts.",
    ),
    Alert(
        "MmpipeOperatorReconcilesFailing",
        "operator",
        "warning",
        "15m",
        f'sum by (namespace) (rate(mmpipe_operator_reconciles_total{{result="failed", {OWN}}}[10m]))'
        f" / sum by (namespace) (rate(mmpipe_operator_reconciles_total{{{OWN}}}[10m])) > 0.1",
        "{{ $value | humanizePercentage }} of the reconciles in {{ $labels.namespace }} fail.",
        "More than a tenth of the looks at a pipeline end with an error and are tried again.",
    ),
    Alert(
        "MmpipeOperatorQueueOld",
        "operator",
        "warning",
        "10m",
        f"max by (namespace) (mmpipe_operator_queue_age_seconds{{{OWN}}}) > 300",
        "A pipeline has been due for {{ $value | humanizeDuration }} in {{ $labels.namespace }}.",
        "Pipelines wait for a worker of the operator: changes act late.",
    ),
    Alert(
        "MmpipeOperatorWatchSilent",
        "operator",
        "warning",
        "5m",
        f"max by (namespace, kind) (mmpipe_operator_watch_silence_seconds{{{OWN}}}) > 60",
        "The watch of {{ $labels.kind }} has been silent for {{ $value | humanizeDuration }}.",
        "A watch does not bring what a list has shown. The kubelet should have started the operator again.",
    ),
    Alert(
        "MmpipeOperatorForbidden",
        "operator",
        "warning",
        "5m",
        "sum by (namespace, verb, kind)"
        f' (rate(mmpipe_operator_api_requests_total{{status=~"401|403", {OPTIONAL}, {OWN}}}[10m])) > 0',
        "The operator may not {{ $labels.verb }} {{ $labels.kind }}.",
        "The API server refuses requests of the operator: a right is missing, or a policy stands against it.",
    ),
    Alert(
        "MmpipeOperatorApiFailing",
        "operator",
        "warning",
        "10m",
        f'sum by (namespace) (rate(mmpipe_operator_api_requests_total{{status=~"none|429|5..", {OWN}}}[5m]))'
        f" / sum by (namespace) (rate(mmpipe_operator_api_requests_total{{{OWN}}}[5m])) > 0.1",
        "{{ $value | humanizePercentage }} of the operator's requests get no answer, or none that helps.",
        "The API server is away, overloaded, or behind a network policy.",
    ),
    Alert(
        "MmpipeOperatorDriftFight",
        "operator",
        "warning",
        "0m",
        f'sum by (namespace, kind) (increase(mmpipe_operator_writes_total{{reason="drift", {OWN}}}[1h])) > 30',
        "{{ $labels.kind }} was set back {{ $value | humanize }} times in an hour.",
        "Somebody else changes or deletes the pipelines' objects again and again, and the operator sets them back.",
    ),
    Alert(
        "MmpipePipelineStalled",
        "operator",
        "warning",
        "10m",
        f'max by (namespace) (mmpipe_operator_pipelines{{state="Stalled", {OWN}}}) > 0',
        "{{ $value }} pipelines are stalled.",
        "Somebody must change something before these pipelines can go on; their status says what.",
    ),
    Alert(
        "MmpipePipelineNotReady",
        "operator",
        "warning",
        "30m",
        f'max by (namespace) (mmpipe_operator_pipelines{{state="NotReady", {OWN}}}) > 0',
        "{{ $value }} pipelines have not been ready for half an hour.",
        "Pods do not become ready, or a neighbour is away; the pipelines' status says which.",
    ),
    Alert(
        "MmpipePipelineReconcilingLong",
        "operator",
        "warning",
        "1h",
        f'max by (namespace) (mmpipe_operator_pipelines{{state="Reconciling", {OWN}}}) > 0',
        "{{ $value }} pipelines have been reconciling for an hour.",
        "A rollout that does not come to its end, and has not been given up either.",
    ),
    Alert(
        "MmpipeNeighbourUnreachable",
        "operator",
        "warning",
        "10m",
        "sum by (namespace, neighbour, state)"
        f' (increase(mmpipe_operator_probes_total{{state!="Reachable", {OWN}}}[5m])) > 0',
        "{{ $labels.neighbour }} of a pipeline is {{ $labels.state }}.",
        "NATS, Milvus or SQL of a pipeline does not answer, refuses, or holds what the spec does not ask for.",
    ),
    Alert(
        "MmpipeAdapterAbsent",
        "adapter",
        "critical",
        "5m",
        f"absent(mmpipe_adapter_registered{{{OWN}}})",
        "No metrics adapter answers in {{ $labels.namespace }}.",
        "Prometheus has no metrics of any replica. Autoscalers of mode HPA read nothing, and replicas stay.",
    ),
    Alert(
        "MmpipeAdapterNotRegistered",
        "adapter",
        "critical",
        "5m",
        f"max by (namespace) (mmpipe_adapter_registered{{{OWN}}}) == 0",
        "The metrics adapter in {{ $labels.namespace }} is not asked by the API server.",
        "The APIService is missing, or somebody else's. Autoscalers of mode HPA read nothing, and replicas stay.",
    ),
    Alert(
        "MmpipeAdapterWithdrawn",
        "adapter",
        "warning",
        "0m",
        f"sum by (namespace) (increase(mmpipe_operator_withdrawals_total{{{OWN}}}[30m])) > 0",
        "The operator took the APIService of the metrics adapter away.",
        "Nothing answered behind it, and no namespace of the cluster could have been deleted.",
    ),
    Alert(
        "MmpipeAdapterReadingsFailing",
        "adapter",
        "warning",
        "10m",
        f'sum by (namespace, source) (rate(mmpipe_adapter_readings_total{{result="failed", {OWN}}}[5m]))'
        f" / sum by (namespace, source) (rate(mmpipe_adapter_readings_total{{{OWN}}}[5m])) > 0.1",
        "{{ $value | humanizePercentage }} of the readings of {{ $labels.source }} fail.",
        "Autoscalers get errors, and neither scale down nor up by what can't be read.",
    ),
    Alert(
        "MmpipeAdapterCertificateEnds",
        "adapter",
        "warning",
        "1h",
        f"min by (namespace) (mmpipe_adapter_certificate_remaining_seconds{{{OWN}}}) < 604800",
        "The certificate of the metrics adapter ends in {{ $value | humanizeDuration }}.",
        "It should have been renewed long ago. Once it has ended, the API server trusts no answer of the adapter.",
    ),
    Alert(
        "MmpipeIngestStopped",
        "pipelines",
        "critical",
        "30m",
        f"max by ({BY}) (mmpipe_queue_depth) > 0 unless on ({BY})"
        f" (sum by ({BY}) (rate(mmpipe_samples_total{{{ENDED}}}[15m])) > 0"
        f' or sum by ({BY}) (rate(mmpipe_checkpoints_total{{action="saved"}}[15m])) > 0)',
        f"{PIPELINE} has samples in its queue, and finishes none.",
        "For half an hour no sample has come to an end and no segment of a long one has been kept.",
    ),
    Alert(
        "MmpipeBacklogOld",
        "pipelines",
        "warning",
        "10m",
        f"max by ({BY}) (mmpipe_queue_age_seconds) > 900",
        f"The oldest sample of {PIPELINE} has waited {{{{ $value | humanizeDuration }}}}.",
        "Samples come faster than they are processed.",
    ),
    Alert(
        "MmpipeDeadLetters",
        "pipelines",
        "warning",
        "0m",
        f"sum by ({BY}, stage) (increase(mmpipe_dead_letters_total[15m])) > 0",
        f"{PIPELINE} gave up {{{{ $value | humanize }}}} samples at {{{{ $labels.stage }}}}.",
        "Samples failed for good, or too often. They are kept, with the reason, and can be redriven.",
    ),
    Alert(
        "MmpipeQuarantineHigh",
        "pipelines",
        "warning",
        "30m",
        f"sum by ({BY}) (rate(mmpipe_quarantined_total[30m]))"
        f" / sum by ({BY}) (rate(mmpipe_samples_total{{{ENDED}}}[30m])) > 0.2",
        f"{PIPELINE} quarantines {{{{ $value | humanizePercentage }}}} of its samples.",
        "Gates reject more than a fifth of what comes: the source has changed, or a threshold is wrong.",
    ),
    Alert(
        "MmpipeDegraded",
        "pipelines",
        "warning",
        "15m",
        f'sum by ({BY}) (rate(mmpipe_samples_total{{outcome="degraded"}}[15m])) > 0',
        f"{PIPELINE} stores samples without one of their modalities.",
        "A service is away, and the pipeline is allowed to go on without its modality.",
    ),
    Alert(
        "MmpipeBreakerOpen",
        "pipelines",
        "warning",
        "5m",
        f"max by ({BY}, dependency) (mmpipe_breaker_state) == 2",
        f"{PIPELINE} does not call {{{{ $labels.dependency }}}} any more.",
        "So many calls to it failed that a circuit breaker holds them back.",
    ),
    Alert(
        "MmpipeGatewayFailing",
        "pipelines",
        "critical",
        "10m",
        f"sum by ({BY}) (rate(rpc_server_call_duration_seconds_count{{{GATEWAY}, {SERVER_FAULTS}}}[5m]))"
        f" / sum by ({BY}) (rate(rpc_server_call_duration_seconds_count{{{GATEWAY}}}[5m])) > 0.05",
        f"{{{{ $value | humanizePercentage }}}} of the calls to the gateway of {PIPELINE} fail.",
        "Calls fail by the pipeline's own fault, or that of its stores; refusals of bad requests are not counted.",
    ),
    Alert(
        "MmpipeSearchSlow",
        "pipelines",
        "warning",
        "10m",
        f"histogram_quantile(0.99, sum by ({BY}, le)"
        f" (rate(rpc_server_call_duration_seconds_bucket{{{GATEWAY}, {SEARCH}}}[5m]))) > 2",
        f"One search in a hundred of {PIPELINE} takes longer than {{{{ $value | humanizeDuration }}}}.",
        "The embedding of the query, or the search in Milvus, is slow.",
    ),
)


def groups() -> list[dict[str, Any]]:
    """Every group, as Prometheus takes them."""
    return [
        {"name": f"mmpipe-{group}", "rules": [each.rule() for each in ALERTS if each.group == group]}
        for group in ("operator", "adapter", "pipelines")
    ]
