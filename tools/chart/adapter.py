"""Values of the metrics adapter. What they leave open is as for the operator: image, security, probes, placement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chart.block import Block, Seconds, Strings
from chart.pods import DisruptionBudget, ServiceAccount
from mmpipe.spec.affinity import Affinity
from mmpipe.spec.template import Resources, Spread, Toleration, Variable


class AdapterSettings(Block):
    """Settings of the adapter; see docs/operator.md."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""
    fresh_seconds: Annotated[float, Field(ge=0)] = 1
    """How long a reading answers for others who ask the same."""
    timeout_seconds: Seconds = 3
    """How long a queue or a pod is waited for; a pod is asked twice."""


class Certificates(Block):
    """What the adapter serves the API server with."""

    existing_secret: str = ""
    """Secret of your own, such as cert-manager's, with `tls.crt`, `tls.key` and `ca.crt`, for the DNS name
    `FULLNAME-metrics-adapter.NAMESPACE.svc`. Empty: the adapter makes and renews an authority and a certificate by
    itself."""


class MetricsAdapter(Block):
    """Serves `custom.metrics.k8s.io` for `scaling.mode: HPA`. A cluster has one such adapter, whoever's it is."""

    enabled: bool = True
    """Whether there is one. An adapter of somebody else in the cluster, or of another release, is not replaced: the
    install is refused; then `false`, and `scaling.mode: KEDA` or `None`."""
    replica_count: Annotated[int, Field(ge=0, le=10)] = 2
    """Replicas; all of them answer. While none does, no autoscaler reads, and namespaces wait to be deleted until the
    operator takes the APIService away."""
    settings: AdapterSettings = AdapterSettings()
    """Settings of the adapter; see docs/operator.md."""
    certificates: Certificates = Certificates()
    """What the adapter serves the API server with."""
    service_account: ServiceAccount = ServiceAccount()
    """The adapter's account."""
    deployment_annotations: Strings = {}
    """Annotations of the Deployment."""
    pod_annotations: Strings = {}
    """Annotations of the pods."""
    pod_labels: Strings = {}
    """Further labels of the pods."""
    resources: Resources = Resources(
        requests={"cpu": "50m", "memory": "128Mi"}, limits={"memory": "512Mi", "ephemeral-storage": "64Mi"}
    )
    """What a replica gets. There is no limit of CPU, as that would only slow it down."""
    node_selector: Strings = {}
    """Labels that a node must have; empty is as for the operator."""
    tolerations: list[Toleration] = []
    """Taints that a node may have; empty is as for the operator."""
    affinity: Affinity = Affinity()
    """Where the pods would rather be."""
    topology_spread_constraints: list[Spread] = []
    """How replicas are spread; empty spreads them over zones and nodes where that can be."""
    priority_class_name: str = ""
    """PriorityClass of the pods; empty is as for the operator."""
    extra_env: list[Variable] = []
    """Further variables."""
    pod_disruption_budget: DisruptionBudget = DisruptionBudget()
    """How many replicas a drain may take at once. Only with two replicas or more."""
