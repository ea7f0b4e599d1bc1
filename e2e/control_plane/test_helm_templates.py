"""What each template makes of values: one row for each promise. No cluster is asked.

A row is a sentence, the values, the object, and what is at a path of it; ``ABSENT`` where there must be nothing.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.control_plane.looking import ABSENT, at, found, one
from e2e.control_plane.releases import SYSTEM, VERSION, RenderError, Values, render

from mmpipe_operator.crd import document
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.running.settings import Settings, from_environment

PODS = "spec.template.spec"
CONTAINER = f"{PODS}.containers.0"
SELECTOR = {
    "app.kubernetes.io/name": "mmpipe-operator",
    "app.kubernetes.io/instance": "mmpipe",
    "app.kubernetes.io/component": "operator",
}
ADAPTER = "mmpipe-metrics-adapter"
DIGEST = "sha256:" + "0" * 64
TOLERATION = {"key": "gpu", "operator": "Exists"}
MONITOR = {"enabled": True, "labels": {"release": "prometheus"}, "interval": "30s"}

type Row = tuple[str, Values, str, str, Any]

ROWS: tuple[Row, ...] = (
    # Names
    ("the release's name is enough where it says mmpipe", {}, "Deployment", "metadata.name", "mmpipe-operator"),
    ("a name of one's own", {"fullnameOverride": "search"}, "Deployment", "metadata.name", "search-operator"),
    ("the selector is minimal", {"commonLabels": {"team": "x"}}, "Deployment", "spec.selector.matchLabels", SELECTOR),
    ("common labels are everywhere", {"commonLabels": {"team": "x"}}, "Service", "metadata.labels.team", "x"),
    ("and on the adapter", {"commonLabels": {"team": "x"}}, f"Deployment/{ADAPTER}", "metadata.labels.team", "x"),
    # Images
    ("the tag is the chart's version", {}, "Deployment", f"{CONTAINER}.image",
     f"mmpipe-operator:{VERSION}"),
    ("a mirror stands above the registry", {"global": {"imageRegistry": "r.example"}}, "Deployment",
     f"{CONTAINER}.image",
     f"r.example/mmpipe-operator:{VERSION}"),
    ("a mirror is for services too", {"global": {"imageRegistry": "r.example"}}, "Deployment", "env.IMAGE",
     f"r.example/mmpipe:{VERSION}"),
    ("a digest stands above the tag", {"image": {"tag": "9", "digest": DIGEST}}, "Deployment", f"{CONTAINER}.image",
     f"mmpipe-operator@{DIGEST}"),
    ("a registry of one's own", {"image": {"registry": "r.example/a"}}, "Deployment", f"{CONTAINER}.image",
     f"r.example/a/mmpipe-operator:{VERSION}"),
    ("services' image by tag", {"serviceImage": {"tag": "9"}}, "Deployment", "env.IMAGE", "mmpipe:9"),
    ("services' pull policy", {"serviceImage": {"pullPolicy": "Always"}}, "Deployment", "env.IMAGE_PULL_POLICY",
     "Always"),
    ("pull secrets of both kinds, once each", {"imagePullSecrets": [{"name": "a"}],
     "global": {"imagePullSecrets": [{"name": "a"}, {"name": "b"}]}}, "Deployment", f"{PODS}.imagePullSecrets",
     [{"name": "a"}, {"name": "b"}]),
    ("services' pull secrets", {"serviceImage": {"pullSecrets": [{"name": "a"}]},
     "global": {"imagePullSecrets": [{"name": "b"}]}}, "Deployment", "env.IMAGE_PULL_SECRETS", "a,b"),
    ("no pull secrets by default", {}, "Deployment", f"{PODS}.imagePullSecrets", ABSENT),
    # Settings
    ("a setting reaches the operator", {"settings": {"resyncSeconds": 1200}}, "Deployment", "env.RESYNC_SECONDS",
     "1200"),
    ("namespaces reach the operator", {"watchNamespaces": ["a", "b"]}, "Deployment", "env.NAMESPACES", "a,b"),
    ("each release has its own lease", {"fullnameOverride": "x"}, "Deployment", "env.LEASE_NAME", "x-operator"),
    ("a variable of one's own", {"extraEnv": [{"name": "HTTPS_PROXY", "value": "p"}]}, "Deployment",
     f"{CONTAINER}.env.-1", {"name": "HTTPS_PROXY", "value": "p"}),
    # Pods
    ("no service links", {}, "Deployment", f"{PODS}.enableServiceLinks", False),
    ("a root that is only read", {}, "Deployment", f"{CONTAINER}.securityContext.readOnlyRootFilesystem", True),
    ("a numeric user", {}, "Deployment", f"{PODS}.securityContext.runAsUser", 10001),
    ("labels of pods", {"podLabels": {"a": "b"}}, "Deployment", "spec.template.metadata.labels.a", "b"),
    ("annotations of pods", {"podAnnotations": {"a": "b"}}, "Deployment", "spec.template.metadata.annotations",
     {"a": "b"}),
    ("annotations of the Deployment", {"deploymentAnnotations": {"a": "b"}}, "Deployment", "metadata.annotations",
     {"a": "b"}),
    ("tolerations", {"tolerations": [TOLERATION]}, "Deployment", f"{PODS}.tolerations", [TOLERATION]),
    ("nodes", {"nodeSelector": {"a": "b"}}, "Deployment", f"{PODS}.nodeSelector", {"a": "b"}),
    ("priority", {"priorityClassName": "high"}, "Deployment", f"{PODS}.priorityClassName", "high"),
    ("replicas are spread", {}, "Deployment", f"{PODS}.topologySpreadConstraints.1.topologyKey",
     "kubernetes.io/hostname"),
    ("a volume of one's own", {"extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}]}, "Deployment",
     f"{PODS}.volumes.1.name", "ca"),
    ("its mount", {"extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}]}, "Deployment",
     f"{CONTAINER}.volumeMounts.1.mountPath", "/ca"),
    ("no limit of CPU", {}, "Deployment", f"{CONTAINER}.resources.limits.cpu", ABSENT),
    ("a probe's pace", {"livenessProbe": {"periodSeconds": 60}}, "Deployment",
     f"{CONTAINER}.livenessProbe.periodSeconds", 60),
    ("a probe's address stays", {"livenessProbe": {"periodSeconds": 60}}, "Deployment",
     f"{CONTAINER}.livenessProbe.httpGet.path", "/healthz"),
    # Account and rights
    ("the account of pods is the chart's", {}, "Deployment", f"{PODS}.serviceAccountName", "mmpipe-operator"),
    ("an account that is there", {"serviceAccount": {"create": False, "name": "own"}},
     f"ClusterRoleBinding/{SYSTEM}:mmpipe-operator", "subjects.0.name", "own"),
    ("the account's annotations", {"serviceAccount": {"annotations": {"a": "b"}}}, "ServiceAccount",
     "metadata.annotations",
     {"a": "b"}),
    ("what takes a finalizer off, once a namespace's Roles are gone", {"watchNamespaces": ["a"]},
     f"ClusterRole/{SYSTEM}:mmpipe-finalizers", "rules",
     [{"apiGroups": ["mmpipe.dev"], "resources": ["multimodalpipelines"], "verbs": ["get", "list", "watch", "patch"]}]),
    ("its account", {"watchNamespaces": ["a"]}, f"ClusterRoleBinding/{SYSTEM}:mmpipe-finalizers", "subjects.0.name",
     "mmpipe-operator"),
    ("the lease of the release alone", {}, "Role/mmpipe-operator-lease", "rules.1.resourceNames", ["mmpipe-operator"]),
    ("view only looks", {}, f"ClusterRole/{SYSTEM}:mmpipe-view", "rules.0.verbs", ["get", "list", "watch"]),
    ("edit joins the cluster's edit", {}, f"ClusterRole/{SYSTEM}:mmpipe-edit",
     "metadata.labels.rbac\\.authorization\\.k8s\\.io/aggregate-to-edit", "true"),
    # CRD
    ("the CRD is kept", {}, "CustomResourceDefinition", "metadata.annotations.helm\\.sh/resource-policy", "keep"),
    ("unless it is not to be", {"crds": {"keep": False}}, "CustomResourceDefinition", "metadata.annotations", ABSENT),
    ("it is the operator's own", {}, "CustomResourceDefinition", "spec", document()["spec"]),
    # Disruption, network
    ("one replica may go", {}, "PodDisruptionBudget", "spec.maxUnavailable", 1),
    ("a share must stay", {"podDisruptionBudget": {"minAvailable": "50%"}}, "PodDisruptionBudget", "spec",
     {"minAvailable": "50%", "selector": {"matchLabels": SELECTOR}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}),
    ("scrapes only from there", {"networkPolicy": {"metricsFrom": [{"podSelector": {}}]}}, "NetworkPolicy",
     "spec.ingress.0.from", [{"podSelector": {}}]),
    ("a way out", {"networkPolicy": {"neighbourPorts": [6222]}}, "NetworkPolicy", "spec.egress.1.ports",
     [{"port": port, "protocol": "TCP"} for port in (443, 6443, 6222)]),
    # Monitoring
    ("metrics behind a Service", {}, "Service/mmpipe-operator-metrics", "spec.ports.0.port", 9464),
    ("a ServiceMonitor that Prometheus picks", {"metrics": {"serviceMonitor": MONITOR}}, "ServiceMonitor",
     "metadata.labels.release", "prometheus"),
    ("its pace", {"metrics": {"serviceMonitor": MONITOR}}, "ServiceMonitor", "spec.endpoints",
     [{"port": "metrics", "interval": "30s"}]),
    ("a PodMonitor instead", {"metrics": {"podMonitor": MONITOR}}, "PodMonitor", "spec.selector.matchLabels", SELECTOR),
    ("one for all pipelines", {"pipelines": {"podMonitor": MONITOR}}, "PodMonitor", "spec.namespaceSelector",
     {"any": True}),
    ("or for those of the watched namespaces", {"pipelines": {"podMonitor": MONITOR}, "watchNamespaces": ["a"]},
     "PodMonitor", "spec.namespaceSelector", {"matchNames": ["a"]}),
    ("the operator makes monitors", {"pipelines": {"serviceMonitors": True}}, "Deployment", "env.SERVICE_MONITORS",
     "true"),
    ("alerts know the namespace", {"prometheusRule": {"enabled": True}}, "PrometheusRule", "spec.groups.0.rules.0.expr",
     f'absent(mmpipe_operator_leader{{namespace="{SYSTEM}"}})'),
    ("alerts have runbooks", {"prometheusRule": {"enabled": True, "runbookUrl": "https://r.example/"}},
     "PrometheusRule",
     "spec.groups.0.rules.0.annotations.runbook_url", "https://r.example/MmpipeOperatorAbsent.md"),
    ("alerts have labels of one's own", {"prometheusRule": {"enabled": True, "alertLabels": {"severity": "page"}}},
     "PrometheusRule", "spec.groups.0.rules.0.labels", {"severity": "page"}),
    ("an alert is left out", {"prometheusRule": {"enabled": True, "disabled": ["MmpipeOperatorAbsent"]}},
     "PrometheusRule", "spec.groups.0.rules.0.alert", "MmpipeOperatorNoLeader"),
    ("groups of one's own", {"prometheusRule": {"enabled": True, "additionalGroups": [{"name": "own", "rules": []}]}},
     "PrometheusRule", "spec.groups.3.name", "own"),
    ("no alert about an adapter that is not there",
     {"prometheusRule": {"enabled": True}, "metricsAdapter": {"enabled": False}}, "PrometheusRule",
     "spec.groups.1.name", "mmpipe-pipelines"),
    ("dashboards where Grafana looks", {"dashboards": {"enabled": True, "namespace": "grafana"}},
     "ConfigMap/mmpipe-dashboard-operator", "metadata.namespace", "grafana"),
    ("with the label it looks for", {"dashboards": {"enabled": True}}, "ConfigMap/mmpipe-dashboard-pipelines",
     "metadata.labels.grafana_dashboard", "1"),
    # Hooks
    ("helm test in the release's namespace", {}, "Pod", "spec.containers.0.args", ["round-trip", "--namespace",
     SYSTEM]),
    ("or in one that is kept", {"watchNamespaces": ["a", "b"]}, "Pod", "spec.containers.0.args",
     ["round-trip", "--namespace", "a"]),
    ("the last hook ends in time", {"uninstall": {"timeoutSeconds": 7}}, "Job", "spec.activeDeadlineSeconds", 7),
    ("objects of one's own, with templates", {"extraObjects": [{"apiVersion": "v1", "kind": "Secret",
     "metadata": {"name": "{{ .Release.Name }}-own"}}]}, "Secret/mmpipe-own", "metadata.name", "mmpipe-own"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "which", "path", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_value_is_where_it_should_be(values: Values, which: str, path: str, expected: object) -> None:
    assert at(one(render(values), which), path) == expected


GONE: tuple[tuple[str, Values, str], ...] = (
    ("no CRD", {"crds": {"enabled": False}}, "CustomResourceDefinition"),
    ("no account", {"serviceAccount": {"create": False, "name": "own"}}, "ServiceAccount/mmpipe-operator"),
    ("no rights", {"rbac": {"create": False}}, f"ClusterRole/{SYSTEM}:mmpipe-operator"),
    ("no aggregation", {"rbac": {"aggregate": False}}, f"ClusterRole/{SYSTEM}:mmpipe-view"),
    ("no budget where there is none", {"podDisruptionBudget": {"enabled": False}},
     "PodDisruptionBudget/mmpipe-operator"),
    ("no budget for one replica", {"replicaCount": 1}, "PodDisruptionBudget/mmpipe-operator"),
    ("no network policy", {"networkPolicy": {"enabled": False}}, "NetworkPolicy"),
    ("no Service", {"metrics": {"service": {"enabled": False}}}, "Service/mmpipe-operator-metrics"),
    ("no test", {"tests": {"enabled": False}}, "Pod"),
    ("no Job at the end", {"uninstall": {"releasePipelines": False}}, "Job"),
    ("no ServiceMonitor by default", {}, "ServiceMonitor"),
    ("no PodMonitor by default", {}, "PodMonitor"),
    ("no alerts by default", {}, "PrometheusRule"),
    ("no dashboards by default", {}, "ConfigMap"),
    ("no ClusterRole of its own in namespaced mode", {"watchNamespaces": ["a"]},
     f"ClusterRole/{SYSTEM}:mmpipe-operator"),
    ("none for finalizers where the operator has the whole cluster", {}, f"ClusterRole/{SYSTEM}:mmpipe-finalizers"),
    ("no ClusterRole at all where none is wanted",
     {"watchNamespaces": ["a"], "rbac": {"aggregate": False, "finalizers": False},
      "metricsAdapter": {"enabled": False}}, "ClusterRole"),
)  # fmt: skip


@pytest.mark.parametrize(("values", "which"), [row[1:] for row in GONE], ids=[row[0] for row in GONE])
def test_an_object_that_is_not_wanted_is_not_there(values: Values, which: str) -> None:
    assert list(found(render(values), which)) == []


REFUSED: tuple[tuple[str, Values, str], ...] = (
    ("an unknown value", {"replicas": 3}, "additional properties 'replicas' not allowed"),
    ("an unknown value inside", {"image": {"name": "x"}}, "at '/image': additional properties 'name' not allowed"),
    ("a word for a number", {"replicaCount": "two"}, "at '/replicaCount': got string, want integer"),
    ("a word that is none of them", {"settings": {"logLevel": "debug"}},
     "at '/settings/logLevel': value must be one of"),
    ("a digest that is none", {"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
    ("a toleration with a slip", {"tolerations": [{"kye": "gpu"}]}, "at '/tolerations/0': additional properties 'kye'"),
    ("no account to use", {"serviceAccount": {"create": False}}, "serviceAccount.name: found nothing"),
    ("a monitor of no Service", {"metrics": {"service": {"enabled": False}, "serviceMonitor": MONITOR}},
     "metrics.serviceMonitor.enabled: found true without a Service"),
    ("an alert that is none", {"prometheusRule": {"enabled": True, "disabled": ["Mistyped"]}},
     "prometheusRule.disabled: found Mistyped, expected one of MmpipeOperatorAbsent"),
)  # fmt: skip


@pytest.mark.parametrize(("values", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_value_is_refused_with_its_path(values: Values, message: str) -> None:
    with pytest.raises(RenderError) as error:
        render(values)

    assert message in str(error.value)


def test_a_parent_charts_own_globals_are_let_be() -> None:
    assert render({"global": {"theirs": {"a": 1}}}) == render()


def test_rights_have_no_star_and_none_over_crds_roles_or_lists_of_secrets() -> None:
    rules = [rule for role in _roles(render({"pipelines": {"keda": True, "serviceMonitors": True}})) for rule in role]

    assert not [rule for rule in rules if "*" in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]]
    assert not [rule for rule in rules if "apiextensions.k8s.io" in rule["apiGroups"]]
    own = {"resourceNames": [f"{SYSTEM}:{ADAPTER}"], "verbs": ["get"]}
    assert all(own.items() <= rule.items() for rule in rules if "rbac.authorization.k8s.io" in rule["apiGroups"])
    of_secrets = [rule for rule in rules if "secrets" in rule["resources"] and rule["verbs"] != ["get"]]
    assert [rule["resourceNames"] for rule in of_secrets] == [[f"{ADAPTER}-tls"]]


@pytest.mark.parametrize(("value", "resource"), [("keda", "scaledobjects"), ("serviceMonitors", "servicemonitors")])
def test_rights_over_other_projects_kinds_come_only_when_asked_for(value: str, resource: str) -> None:
    def may(values: Values) -> bool:
        return any(resource in rule["resources"] for role in _roles(render(values)) for rule in role)

    assert not may({})
    assert may({"pipelines": {value: True}})


def test_namespaced_rights_are_the_same_in_each_namespace() -> None:
    objects = render({"watchNamespaces": ["a", "b"]})
    wide = one(render(), f"ClusterRole/{SYSTEM}:mmpipe-operator")["rules"]

    roles = {each["metadata"]["namespace"]: each["rules"] for each in found(objects, f"Role/{SYSTEM}:mmpipe-operator")}

    assert roles == {"a": wide, "b": wide}


def test_the_operator_takes_every_variable_that_the_chart_sets() -> None:
    variables = one(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]

    settings = from_environment({each["name"]: each.get("value", "a-pod") for each in variables})

    assert settings == Settings(
        namespace="a-pod",
        identity="a-pod",
        image=f"mmpipe:{VERSION}",
        lease_name="mmpipe-operator",
        metrics_service=ADAPTER,
    )


def test_all_objects_are_labelled_with_the_release() -> None:
    monitors = {"metrics": {"serviceMonitor": MONITOR, "podMonitor": MONITOR}, "pipelines": {"podMonitor": MONITOR}}
    objects = render({**monitors, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}})

    labels = [each["metadata"]["labels"] for each in objects]

    assert {each["app.kubernetes.io/instance"] for each in labels} == {"mmpipe"}
    assert {each["app.kubernetes.io/part-of"] for each in labels} == {"mmpipe"}
    assert {each["helm.sh/chart"] for each in labels} == {f"mmpipe-{VERSION}"}


def _roles(objects: list[Manifest]) -> Iterator[list[Manifest]]:
    return (each["rules"] for each in objects if each["kind"] in ("Role", "ClusterRole"))
