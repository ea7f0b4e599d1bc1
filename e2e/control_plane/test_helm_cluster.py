"""What the chart renders is taken by a real API server, to the last field; and Helm's own lint has nothing to say."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.cluster.client import CRD, NAMESPACE
from e2e.cluster.prometheus import KINDS, definitions
from e2e.cluster.rbac import SERVICE_ACCOUNT
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.releases import CHART, Values, rendered

from mmpipe_operator.kinds import POD

MONITOR = {
    "enabled": True,
    "labels": {"release": "prometheus"},
    "interval": "30s",
    "scrapeTimeout": "10s",
    "relabelings": [{"action": "labeldrop", "regex": "pod_template_hash"}],
    "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}],
}
EVERYTHING: dict[str, Any] = {
    "global": {"imageRegistry": "registry.example", "imagePullSecrets": [{"name": "mirror"}]},
    "commonLabels": {"team": "search"},
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "own"}],
    "serviceImage": {"pullPolicy": "Always", "pullSecrets": [{"name": "theirs"}]},
    "deploymentAnnotations": {"example.com/a": "b"},
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"example.com/a": "b"},
    "serviceAccount": {"annotations": {"example.com/role": "r"}},
    "crds": {"annotations": {"example.com/a": "b"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "only", "operator": "Equal", "value": "system", "effect": "NoSchedule"}],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "mmpipe-operator"}},
                    },
                }
            ]
        }
    },
    "priorityClassName": "system-cluster-critical",
    "extraEnv": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "metricsAdapter": {
        "settings": {"logLevel": "DEBUG", "freshSeconds": 0.5},
        "certificates": {"existingSecret": "own"},
        "serviceAccount": {"annotations": {"example.com/role": "r"}},
        "deploymentAnnotations": {"example.com/a": "b"},
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"example.com/a": "b"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "other", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "topologySpreadConstraints": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "mmpipe-metrics-adapter"}},
            }
        ],
        "priorityClassName": "system-node-critical",
        "extraEnv": [{"name": "A", "value": "b"}],
        "podDisruptionBudget": {"minAvailable": 1},
    },
    "podDisruptionBudget": {"minAvailable": "50%"},
    "metrics": {"service": {"annotations": {"a": "b"}}, "serviceMonitor": MONITOR, "podMonitor": MONITOR},
    "pipelines": {"keda": True, "serviceMonitors": True, "podMonitor": MONITOR},
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "alertLabels": {"team": "search"},
        "disabled": ["MmpipeSearchSlow"],
        "additionalGroups": [{"name": "own", "rules": [{"record": "mmpipe:up", "expr": "up"}]}],
    },
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "mmpipe"}},
    "networkPolicy": {
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "extraIngress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-a"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-b\n",
    ],
}
NOTHING: dict[str, Any] = {
    "replicaCount": 1,
    "metricsAdapter": {"enabled": False},
    "crds": {"enabled": False},
    "rbac": {"create": False, "aggregate": False},
    "serviceAccount": {"create": False, "name": "default"},
    "metrics": {"service": {"enabled": False}},
    "podDisruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "tests": {"enabled": False},
    "uninstall": {"releasePipelines": False},
}
SETS: dict[str, Values] = {
    "as it comes": {},
    "everything on": EVERYTHING,
    "everything off": NOTHING,
    "in namespaces": {"watchNamespaces": ["default", "kube-public"]},
    "everything on, in namespaces": EVERYTHING | {"watchNamespaces": ["default", "kube-public"]},
    "no roles, and an adapter": {"rbac": {"create": False}},
    "named otherwise": {
        "fullnameOverride": "s",
        "commonLabels": {"a": "b"},
        "podDisruptionBudget": {"maxUnavailable": "40%"},
    },
}


@pytest.fixture(scope="module")
def monitored(fresh_cluster: Cluster) -> Cluster:
    """A cluster that has the Prometheus operator's kinds."""
    for definition in definitions():
        fresh_cluster.client.apply(CRD, definition)
    kubectl = fresh_cluster.tool("kubectl")
    names = [f"crd/{kind}.monitoring.coreos.com" for kind in KINDS]
    kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
    wait_for(
        lambda: (
            len(kubectl("api-resources", "--api-group=monitoring.coreos.com", "--output=name").split()) == len(KINDS)
        )
    )
    return fresh_cluster


@pytest.fixture
def system(monitored: Cluster) -> Iterator[str]:
    """A namespace that enforces the restricted profile, and warns of what would break it."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace = monitored.new_namespace("mmpipe-system", level)
    yield namespace
    monitored.client.delete(NAMESPACE, "", namespace)


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_lint_has_nothing_to_say(values: Values, monitored: Cluster, tmp_path: Path) -> None:
    given = tmp_path / "values.yaml"
    given.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")

    printed = monitored.tool("helm")("lint", "--strict", CHART, "--values", given)

    assert "1 chart(s) linted, 0 chart(s) failed" in printed
    assert "[WARNING]" not in printed


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_the_api_server_takes_every_object_with_every_field(values: Values, monitored: Cluster, system: str) -> None:
    manifests = rendered(values, namespace=system)

    ended = _tried(monitored, system, manifests)

    assert (ended.returncode, ended.stderr) == (0, "")
    objects = sum(1 for each in yaml.load_all(manifests, yaml.CSafeLoader) if each)
    assert ended.stdout.count("serverside-applied (server dry run)") == objects
    assert monitored.client.list(POD, system) == []


def test_a_field_that_is_none_would_be_refused(monitored: Cluster, system: str) -> None:
    """What the test above looks for is found: it is no dry run that takes anything."""
    manifests = rendered({"prometheusRule": {"enabled": True}}, namespace=system)
    assert "summary:" in manifests

    ended = _tried(monitored, system, manifests.replace("for: ", "fro: "))

    assert ended.returncode != 0
    assert "fro: field not declared in schema" in ended.stderr


def _tried(cluster: Cluster, namespace: str, manifests: str) -> subprocess.CompletedProcess[str]:
    """How the API server answers, without keeping anything."""
    for each in yaml.load_all(manifests, yaml.CSafeLoader):
        if each and each["kind"] == "Pod":  # a pod is taken only where its account is there
            metadata = {"name": each["spec"]["serviceAccountName"], "namespace": namespace}
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            cluster.client.apply(SERVICE_ACCOUNT, account)
    words = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=strict")
    return cluster.tool("kubectl").run(*words, "--filename", "-", stdin=manifests)
