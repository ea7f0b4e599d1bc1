"""The operator's rights, for tests that run it without its Deployment."""

from __future__ import annotations

from typing import Any

from mmpipe_operator.kinds import Kind, Manifest

from e2e.cluster.session import Cluster

ACCOUNT = "mmpipe-operator"
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings")
_GROUP = "rbac.authorization.k8s.io"
_OWN = ["get", "list", "watch", "create", "patch", "delete"]
_SEE = ["get", "list", "watch"]

RULES: tuple[dict[str, Any], ...] = (
    {"apiGroups": ["mmpipe.dev"], "resources": ["multimodalpipelines"], "verbs": [*_SEE, "patch"]},
    {"apiGroups": ["mmpipe.dev"], "resources": ["multimodalpipelines/status"], "verbs": ["patch"]},
    {"apiGroups": ["mmpipe.dev"], "resources": ["multimodalpipelines/finalizers"], "verbs": ["update"]},
    {"apiGroups": [""], "resources": ["services", "serviceaccounts", "configmaps"], "verbs": _OWN},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": _OWN},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _OWN},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _OWN},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _OWN},
    {"apiGroups": [""], "resources": ["pods"], "verbs": _SEE},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
)
LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]}


def install(cluster: Cluster, namespace: str, served: tuple[str, ...]) -> None:
    """An account in a namespace, with rights over these namespaces, or over the whole cluster."""
    client = cluster.client
    client.create(SERVICE_ACCOUNT, _object(SERVICE_ACCOUNT, ACCOUNT, namespace))
    client.create(ROLE, _object(ROLE, ACCOUNT, namespace) | {"rules": [LEASES]})
    client.create(ROLE_BINDING, _binding(ROLE_BINDING, namespace, ROLE, ACCOUNT, namespace))
    client.create(CLUSTER_ROLE, _object(CLUSTER_ROLE, namespace) | {"rules": list(RULES)})
    for each in served:
        client.create(ROLE_BINDING, _binding(ROLE_BINDING, each, CLUSTER_ROLE, namespace, namespace))
    if not served:
        client.create(CLUSTER_ROLE_BINDING, _binding(CLUSTER_ROLE_BINDING, "", CLUSTER_ROLE, namespace, namespace))


def remove(cluster: Cluster, namespace: str) -> None:
    """What of it is not in the namespace."""
    cluster.client.delete(CLUSTER_ROLE_BINDING, "", namespace)
    cluster.client.delete(CLUSTER_ROLE, "", namespace)


def without(cluster: Cluster, namespace: str, resource: str, verb: str) -> None:
    """Take one right away from the installation of a namespace."""
    rules = [
        rule | {"verbs": [each for each in rule["verbs"] if each != verb]} if resource in rule["resources"] else rule
        for rule in RULES
    ]
    _grant(cluster, namespace, rules)


def restore(cluster: Cluster, namespace: str) -> None:
    """Give all of them back."""
    _grant(cluster, namespace, list(RULES))


def _grant(cluster: Cluster, namespace: str, rules: list[dict[str, Any]]) -> None:
    cluster.client.patch(CLUSTER_ROLE, "", namespace, {"rules": rules})


def _object(kind: Kind, name: str, namespace: str = "") -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _binding(kind: Kind, where: str, role: Kind, name: str, account_in: str) -> Manifest:
    return _object(kind, name, where) | {
        "roleRef": {"apiGroup": _GROUP, "kind": role.kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": account_in}],
    }
