"""Values of what watches the operator, the metrics adapter and the pipelines, and of what may talk to the first two."""

from __future__ import annotations

from chart.block import Block, Duration, Passed, Port, Strings


class MetricsService(Block):
    """A Service in front of `/metrics`."""

    enabled: bool = True
    """Whether there is one. A ServiceMonitor needs it."""
    annotations: Strings = {}
    """Its annotations."""


class Monitor(Block):
    """One ServiceMonitor or PodMonitor of the Prometheus operator."""

    enabled: bool = False
    """Whether there is one. Needs the Prometheus operator's CRDs."""
    labels: Strings = {}
    """Labels by which your Prometheus picks it, such as `release: kube-prometheus-stack`."""
    interval: Duration = ""
    """Between two scrapes, such as `30s`; empty is Prometheus' own."""
    scrape_timeout: Duration = ""
    """How long a scrape may take; empty is Prometheus' own."""
    relabelings: list[Passed] = []
    """Changes of the target's labels before the scrape."""
    metric_relabelings: list[Passed] = []
    """Changes of the samples' labels after the scrape."""


class Metrics(Block):
    """The operator's own metrics, at port 9464, and the metrics adapter's."""

    service: MetricsService = MetricsService()
    """A Service in front of `/metrics`."""
    service_monitor: Monitor = Monitor()
    """Scrapes the operator and the metrics adapter through their Services."""
    pod_monitor: Monitor = Monitor()
    """Scrapes the pods of both; instead of the ServiceMonitor, not beside it."""


class Pipelines(Block):
    """What the operator may make for pipelines beside Kubernetes' own kinds, and who scrapes their pods."""

    keda: bool = False
    """Whether pipelines may have `scaling.mode: KEDA`: gives the right to write ScaledObjects and
    TriggerAuthentications. Needs KEDA 2.17 or newer, and the metrics adapter, which KEDA asks."""
    service_monitors: bool = False
    """Whether the operator makes a ServiceMonitor for each pipeline. Needs the Prometheus operator's CRDs."""
    pod_monitor: Monitor = Monitor()
    """One PodMonitor for the pods of all pipelines; instead of `serviceMonitors`, not beside them."""


class PrometheusRule(Block):
    """Alerts about the operator and the pipelines, each with a runbook."""

    enabled: bool = False
    """Whether there is one. Needs the Prometheus operator's CRDs."""
    labels: Strings = {}
    """Labels by which your Prometheus picks it."""
    runbook_url: str = "https://mmpipe.dev/docs/runbooks"
    """What the alerts' `runbook_url` begins with, `/ALERT.md` follows: where this project's `docs/runbooks` are."""
    alert_labels: Strings = {}
    """Further labels of every alert, such as `team: search`."""
    disabled: list[str] = []
    """Names of alerts that are left out."""
    additional_groups: list[Passed] = []
    """Groups of rules of your own."""


class Dashboards(Block):
    """Dashboards for Grafana as ConfigMaps, which its sidecar picks up."""

    enabled: bool = False
    """Whether there are any."""
    namespace: str = ""
    """Where they go; empty is the release's namespace."""
    labels: Strings = {"grafana_dashboard": "1"}
    """Labels by which the sidecar picks them."""
    annotations: Strings = {}
    """Annotations of them, such as `grafana_folder: mmpipe`."""


class NetworkPolicy(Block):
    """What may reach the operator and the metrics adapter, and what they may reach."""

    enabled: bool = True
    """Whether there are any: in come scrapes and the API server's questions to the adapter, out go DNS, the API server,
    the pipelines' neighbours and their pods' metrics."""
    metrics_from: list[Passed] = []
    """Peers that may scrape (`podSelector`, `namespaceSelector`, `ipBlock`); empty lets all."""
    api_server_ports: list[Port] = [443, 6443]
    """Ports of the API server, behind and before its Service."""
    neighbour_ports: list[Port] = [443, 4222, 5432, 19530]
    """Ports of the pipelines' NATS, SQL and Milvus servers, and of a collector you may have."""
    extra_ingress: list[Passed] = []
    """Further rules for what comes in."""
    extra_egress: list[Passed] = []
    """Further rules for what goes out."""
