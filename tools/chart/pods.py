"""Values that shape the operator's pods. What pipelines' pods need stands in the pipelines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chart.block import Block, Passed, Seconds, Strings
from mmpipe.spec.affinity import Affinity
from mmpipe.spec.template import Mount, Resources, Spread, Toleration, Variable

type PullPolicy = Literal["Always", "IfNotPresent", "Never"]
type Amount = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^([0-9]{1,3}%)?$")]
"""A number of pods or a share of them; empty for none given."""

USER = 10_001
"""The images' user; numeric, as `runAsNonRoot` asks."""


class Image(Block):
    """Where an image is: `REGISTRY/REPOSITORY:TAG`, or `REGISTRY/REPOSITORY@DIGEST`."""

    registry: str = ""
    """Registry; `global.imageRegistry` stands above it. Empty is what the nodes take for one that is not named."""
    repository: Annotated[str, Field(min_length=1)]
    """Repository in it."""
    tag: str = ""
    """Tag; empty is the chart's appVersion."""
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest, such as `sha256:…`; stands above the tag."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When nodes pull it."""


class ServiceAccount(Block):
    """The operator's account."""

    create: bool = True
    """Whether the chart makes it. Where not, `name` must be there."""
    name: str = ""
    """Its name; empty is that of the Deployment."""
    annotations: Strings = {}
    """For instance for a cloud's workload identity."""


class Probe(Block):
    """How the kubelet asks; the address is fixed."""

    initial_delay_seconds: Annotated[int, Field(ge=0)] = 0
    """Before it asks first."""
    period_seconds: Seconds
    """Between two questions."""
    timeout_seconds: Seconds
    """How long an answer may take."""
    failure_threshold: Annotated[int, Field(ge=1)] = 3
    """Failures in a row that count."""


class DisruptionBudget(Block):
    """How many replicas a drain may take at once. Only with two replicas or more."""

    enabled: bool = True
    """Whether there is one."""
    min_available: Amount = ""
    """Number or share that stays; stands above `maxUnavailable`."""
    max_unavailable: Amount = 1
    """Number or share that may go."""


class Pods(Block):
    """The part of the values that is about the operator's pods."""

    replica_count: Annotated[int, Field(ge=0, le=10)] = 2
    """Replicas of the operator. One leads, the others are ready to."""
    revision_history_limit: Annotated[int, Field(ge=0)] = 5
    """Old ReplicaSets that `kubectl rollout undo` can go back to."""
    service_account: ServiceAccount = ServiceAccount()
    """The operator's account."""
    deployment_annotations: Strings = {}
    """Annotations of the Deployment."""
    pod_annotations: Strings = {}
    """Annotations of the pods."""
    pod_labels: Strings = {}
    """Further labels of the pods."""
    pod_security_context: Passed = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    """Security context of the pods: the restricted profile of Pod Security."""
    security_context: Passed = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    """Security context of the containers: the same."""
    resources: Resources = Resources(
        requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi", "ephemeral-storage": "256Mi"}
    )
    """What a replica gets. There is no limit of CPU, as that would only slow it down."""
    liveness_probe: Probe = Probe(period_seconds=20, timeout_seconds=5)
    """`/healthz`: fails where a watch has gone silent."""
    readiness_probe: Probe = Probe(period_seconds=5, timeout_seconds=3)
    """`/readyz`."""
    termination_grace_period_seconds: Seconds = 30
    """From SIGTERM to SIGKILL; the leader gives its Lease back at SIGTERM."""
    node_selector: Strings = {}
    """Labels that a node must have."""
    tolerations: list[Toleration] = []
    """Taints that a node may have."""
    affinity: Affinity = Affinity()
    """Where the pods would rather be."""
    topology_spread_constraints: list[Spread] = []
    """How replicas are spread; empty spreads them over zones and nodes where that can be."""
    priority_class_name: str = ""
    """PriorityClass of the pods, such as `system-cluster-critical`."""
    extra_env: list[Variable] = []
    """Further variables, such as `OTEL_EXPORTER_OTLP_ENDPOINT` or `HTTPS_PROXY`."""
    extra_volumes: list[Passed] = []
    """Further volumes, such as one with a CA certificate."""
    extra_volume_mounts: list[Mount] = []
    """Where they are mounted."""
    pod_disruption_budget: DisruptionBudget = DisruptionBudget()
    """How many replicas a drain may take at once. Only with two replicas or more."""
