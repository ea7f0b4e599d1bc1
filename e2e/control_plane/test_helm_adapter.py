"""What the chart makes of the metrics adapter: rows as in ``test_helm_templates``. No cluster is asked."""

from typing import Any

import pytest
from e2e.control_plane.looking import ABSENT, at, found, one
from e2e.control_plane.releases import SYSTEM, RenderError, Values, render

from mmpipe_operator.metrics_adapter.settings import AdapterSettings, from_environment

ADAPTER = "mmpipe-metrics-adapter"
API = f"ClusterRole/{SYSTEM}:{ADAPTER}"
PODS = "spec.template.spec"
CONTAINER = f"{PODS}.containers.0"
SELECTOR = {
    "app.kubernetes.io/name": ADAPTER,
    "app.kubernetes.io/instance": "mmpipe",
    "app.kubernetes.io/component": "metrics-adapter",
}
MONITOR = {"enabled": True, "interval": "30s"}

ROWS: tuple[tuple[str, Values, str, str, Any], ...] = (
    ("the adapter is the operator's image, told otherwise", {}, f"Deployment/{ADAPTER}", f"{CONTAINER}.args",
     ["adapter"]),
    ("two of them", {}, f"Deployment/{ADAPTER}", "spec.replicas", 2),
    ("one answers at any time", {}, f"Deployment/{ADAPTER}", "spec.strategy.rollingUpdate",
     {"maxUnavailable": 0, "maxSurge": 1}),
    ("its selector is its own", {}, f"Deployment/{ADAPTER}", "spec.selector.matchLabels",
     SELECTOR),
    ("it is placed as the operator", {"nodeSelector": {"a": "b"}}, f"Deployment/{ADAPTER}", f"{PODS}.nodeSelector",
     {"a": "b"}),
    ("unless it has a place of its own", {"nodeSelector": {"a": "b"}, "metricsAdapter": {"nodeSelector": {"c": "d"}}},
     f"Deployment/{ADAPTER}", f"{PODS}.nodeSelector", {"c": "d"}),
    ("a setting of it", {"metricsAdapter": {"settings": {"timeoutSeconds": 9}}}, f"Deployment/{ADAPTER}",
     "env.TIMEOUT_SECONDS", "9"),
    ("a variable of one's own for it", {"metricsAdapter": {"extraEnv": [{"name": "A", "value": "b"}]}},
     f"Deployment/{ADAPTER}", f"{CONTAINER}.env.-1", {"name": "A", "value": "b"}),
    ("what it is asked at", {}, f"Service/{ADAPTER}", "spec.ports.0.port", 443),
    ("KEDA asks at a port beside it", {"pipelines": {"keda": True}}, f"Service/{ADAPTER}", "spec.ports.1.port", 6444),
    ("the operator tells KEDA where", {"pipelines": {"keda": True}}, "Deployment", "env.SCALER_ADDRESS",
     f"{ADAPTER}.{SYSTEM}.svc:6444"),
    ("and whom to trust", {"pipelines": {"keda": True}}, "Deployment", f"{PODS}.volumes.1.secret.items",
     [{"key": "ca.crt", "path": "ca.crt"}]),
    ("a Secret that it fills in", {}, f"Secret/{ADAPTER}-tls", "data", ABSENT),
    ("which it alone may change", {}, f"Role/{ADAPTER}-tls", "rules.0.resourceNames", [f"{ADAPTER}-tls"]),
    ("a certificate of one's own", {"metricsAdapter": {"certificates": {"existingSecret": "own"}}},
     f"Deployment/{ADAPTER}", f"{PODS}.volumes.1.secret.secretName", "own"),
    ("which it reads as files", {"metricsAdapter": {"certificates": {"existingSecret": "own"}}},
     f"Deployment/{ADAPTER}", "env.TLS_FOLDER", "/etc/mmpipe/tls"),
    ("the APIService goes with this role", {}, f"Deployment/{ADAPTER}", "env.OWNER", f"{SYSTEM}:{ADAPTER}"),
    ("where there are no roles it goes with none", {"rbac": {"create": False}}, f"Deployment/{ADAPTER}", "env.OWNER",
     ABSENT),
    ("no APIService but one may be changed", {}, API, "rules.2.resourceNames", ["v1beta2.custom.metrics.k8s.io"]),
    ("whom the API server shows itself by", {}, f"RoleBinding/{SYSTEM}:{ADAPTER}", "metadata.namespace", "kube-system"),
    ("an account of one's own for it", {"metricsAdapter": {"serviceAccount": {"create": False, "name": "own"}}},
     f"ClusterRoleBinding/{SYSTEM}:{ADAPTER}", "subjects.0.name", "own"),
    ("it reads in the watched namespaces", {"watchNamespaces": ["a"]}, f"RoleBinding/{SYSTEM}:{ADAPTER}-reader",
     "metadata.namespace", "a"),
    ("the operator looks after it", {}, "Deployment", "env.METRICS_SERVICE", ADAPTER),
    ("and may take its APIService away", {}, f"ClusterRole/{SYSTEM}:mmpipe-withdrawal", "rules.0.verbs",
     ["get", "delete"]),
    ("who may see pipelines may see their metrics", {}, f"ClusterRole/{SYSTEM}:mmpipe-view", "rules.2.apiGroups",
     ["custom.metrics.k8s.io"]),
    ("a budget of its own", {"metricsAdapter": {"podDisruptionBudget": {"minAvailable": 1}}},
     f"PodDisruptionBudget/{ADAPTER}", "spec.minAvailable", 1),
    ("pods of pipelines are read", {}, f"NetworkPolicy/{ADAPTER}", "spec.egress.1.ports.-1",
     {"port": 9464, "protocol": "TCP"}),
    ("its monitor", {"metrics": {"podMonitor": MONITOR}}, f"PodMonitor/{ADAPTER}", "spec.podMetricsEndpoints",
     [{"port": "metrics", "interval": "30s"}]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "which", "path", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_value_is_where_it_should_be(values: Values, which: str, path: str, expected: object) -> None:
    assert at(one(render(values), which), path) == expected


GONE: tuple[tuple[str, Values, str], ...] = (
    ("no budget for one replica", {"metricsAdapter": {"replicaCount": 1}}, f"PodDisruptionBudget/{ADAPTER}"),
    *((f"no {which} of an adapter that is off", {"metricsAdapter": {"enabled": False}}, f"{which}/{name}")
      for which, name in (("Deployment", ADAPTER), ("Service", ADAPTER), ("Secret", f"{ADAPTER}-tls"),
                          ("ServiceAccount", ADAPTER), ("ClusterRole", f"{SYSTEM}:{ADAPTER}"),
                          ("RoleBinding", f"{SYSTEM}:{ADAPTER}"), ("NetworkPolicy", ADAPTER),
                          ("PodDisruptionBudget", ADAPTER), ("ClusterRole", f"{SYSTEM}:mmpipe-withdrawal"))),
    ("no Secret of ours beside one's own", {"metricsAdapter": {"certificates": {"existingSecret": "own"}}}, "Secret"),
    ("nor a right over it", {"metricsAdapter": {"certificates": {"existingSecret": "own"}}}, f"Role/{ADAPTER}-tls"),
)  # fmt: skip


@pytest.mark.parametrize(("values", "which"), [row[1:] for row in GONE], ids=[row[0] for row in GONE])
def test_an_object_that_is_not_wanted_is_not_there(values: Values, which: str) -> None:
    assert list(found(render(values), which)) == []


def test_an_account_that_is_not_named_is_refused_with_its_path() -> None:
    with pytest.raises(RenderError, match=r"metricsAdapter.serviceAccount.name: found nothing"):
        render({"metricsAdapter": {"serviceAccount": {"create": False}}})


def test_the_adapter_takes_every_variable_that_the_chart_sets() -> None:
    adapter = one(render(), f"Deployment/{ADAPTER}")
    variables = adapter["spec"]["template"]["spec"]["containers"][0]["env"]

    settings = from_environment({each["name"]: each.get("value", "a-pod") for each in variables})

    assert settings == AdapterSettings(
        namespace="a-pod", identity="a-pod", service=ADAPTER, owner=f"{SYSTEM}:{ADAPTER}", tls_secret=f"{ADAPTER}-tls"
    )
