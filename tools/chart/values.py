"""Every value of the chart: the single source of `values.yaml`, its schema and `docs/reference/chart.md`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chart.adapter import MetricsAdapter
from chart.block import Block, Namespace, Passed, Seconds, Strings
from chart.monitoring import Dashboards, Metrics, NetworkPolicy, Pipelines, PrometheusRule
from chart.pods import Image, Pods
from mmpipe.spec.template import LocalName


class Global(Block):
    """Values that a parent chart shares with all its charts."""

    # A parent chart's own keys stand here too.
    model_config = ConfigDict(extra="allow")

    image_registry: str = ""
    """Registry of all images, in place of each image's own: for mirrors."""
    image_pull_secrets: list[LocalName] = []
    """Secrets to pull them with, beside `imagePullSecrets`."""


class ServiceImage(Image):
    """The image of the pipelines' pods."""

    repository: Annotated[str, Field(min_length=1)] = "mmpipe"
    """Repository in it."""
    pull_secrets: list[LocalName] = []
    """Secrets to pull it with; they must be in the pipelines' namespaces."""


class Settings(Block):
    """Settings of the operator; see docs/operator.md."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""
    workers: Annotated[int, Field(ge=1, le=100)] = 8
    """Pipelines that are reconciled at once."""
    resync_seconds: Seconds = 600
    """How often everything is listed and looked at again, whatever the watches say."""
    secrets_seconds: Seconds = 60
    """How soon a changed Secret or ConfigMap is noticed."""
    probe_seconds: Seconds = 30
    """How often each NATS, Milvus and SQL server is asked."""
    sparing_seconds: Annotated[float, Field(ge=0)] = 10
    """How often the pods of processes that have several are asked how busy they are, so that idle ones are deleted
    first when there are to be fewer; 0 asks none, and takes the right to patch pods away."""
    lease_seconds: Seconds = 15
    """How long a leader that has gone silent is waited for."""
    drop_timeout_seconds: Seconds = 300
    """How long a deleted pipeline is held while its collection can't be dropped (`deletionPolicy: Delete`)."""


class Crds(Block):
    """The CustomResourceDefinition, which upgrades with the chart."""

    enabled: bool = True
    """Whether this release brings it. A cluster has it once: `false` for a second release."""
    keep: bool = True
    """Whether it, and with it every pipeline, stays when the release is uninstalled."""
    annotations: Strings = {}
    """Further annotations of it."""


class Rbac(Block):
    """Rights."""

    create: bool = True
    """Whether the chart makes the operator's roles and bindings."""
    finalizers: bool = True
    """With `watchNamespaces`: whether one ClusterRole lets the operator list, watch and patch pipelines of all
    namespaces, and nothing else. A namespace that is deleted loses its Roles first; without this one, a pipeline in it
    with `deletionPolicy: Delete` holds it until a person takes the finalizer off."""
    guard_pods: bool = True
    """Whether a ValidatingAdmissionPolicy holds the operator to the one annotation of pods that it writes
    (`settings.sparingSeconds`): the right to patch pods alone would be the right to change their images. The policy is
    for the whole cluster, and about nobody else."""
    aggregate: bool = True
    """Whether the cluster's roles view, edit and admin get rights over pipelines. They are ClusterRoles."""


class Tests(Block):
    """What `helm test` does."""

    enabled: bool = True
    """Whether it makes a round trip: applies a small paused pipeline, sees it reconciled, and deletes it."""


class Uninstall(Block):
    """What `helm uninstall` does beside deleting what was installed."""

    release_pipelines: bool = True
    """Whether a Job takes the operator's finalizer from the pipelines that stay, so that they can still be deleted."""
    timeout_seconds: Seconds = 120
    """How long the Job may take."""


class Names(Block):
    """What things are called."""

    global_: Annotated[Global, Field(alias="global")] = Global()
    """Values that a parent chart shares with all its charts."""
    fullname_override: Annotated[str, Field(pattern=r"^([a-z]([-a-z0-9]*[a-z0-9])?)?$", max_length=40)] = ""
    """What names of objects begin with; empty is the release's name, with `mmpipe` in it."""
    common_labels: Strings = {}
    """Labels of every object of the chart."""
    image: Image = Image(repository="mmpipe-operator")
    """The operator's image."""
    image_pull_secrets: list[LocalName] = []
    """Secrets to pull it with."""
    service_image: ServiceImage = ServiceImage()
    """The image of the pipelines' pods, unless a pipeline names another."""
    watch_namespaces: Annotated[list[Namespace], Field(max_length=100)] = []
    """Namespaces whose pipelines are kept, with Roles in them alone; empty is the whole cluster."""
    settings: Settings = Settings()
    """Settings of the operator; see docs/operator.md."""
    crds: Crds = Crds()
    """The CustomResourceDefinition, which upgrades with the chart."""
    rbac: Rbac = Rbac()
    """Rights."""


class Values(Pods, Names):
    """All of them."""

    metrics_adapter: MetricsAdapter = MetricsAdapter()
    """Serves `custom.metrics.k8s.io` for `scaling.mode: HPA`. A cluster has one such adapter, whoever's it is."""
    metrics: Metrics = Metrics()
    """The operator's own metrics, at port 9464, and the metrics adapter's."""
    pipelines: Pipelines = Pipelines()
    """What the operator may make for pipelines beside Kubernetes' own kinds, and who scrapes their pods."""
    prometheus_rule: PrometheusRule = PrometheusRule()
    """Alerts about the operator and the pipelines, each with a runbook."""
    dashboards: Dashboards = Dashboards()
    """Dashboards for Grafana as ConfigMaps, which its sidecar picks up."""
    network_policy: NetworkPolicy = NetworkPolicy()
    """What may reach the operator and the metrics adapter, and what they may reach."""
    tests: Tests = Tests()
    """What `helm test` does."""
    uninstall: Uninstall = Uninstall()
    """What `helm uninstall` does beside deleting what was installed."""
    extra_objects: list[Passed | str] = []
    """Further objects of the release; templates in them are filled in."""
