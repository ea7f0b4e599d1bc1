"""The rights that the chart gives the operator or its adapter, for tests that run one without its Deployment."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from e2e.cluster import binaries
from e2e.cluster.client import Client

from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import Kind, Manifest

_GROUP = "rbac.authorization.k8s.io/v1"
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLE = Kind(_GROUP, "Role", "roles")
CLUSTER_ROLE = Kind(_GROUP, "ClusterRole", "clusterroles")
ROLE_BINDING = Kind(_GROUP, "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = Kind(_GROUP, "ClusterRoleBinding", "clusterrolebindings")
_ADMISSION = "admissionregistration.k8s.io/v1"
_GUARD = (
    Kind(_ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    Kind(_ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
)
_ALL = (SERVICE_ACCOUNT, ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING, LEASE, *_GUARD)
_KINDS = {kind.kind: kind for kind in _ALL}
_CHART = Path(__file__).parents[2] / "charts" / "mmpipe"

type Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rights:
    """One installation's account, roles and lease, as the chart renders them."""

    client: Client
    namespace: str
    objects: tuple[Manifest, ...]

    @property
    def account(self) -> str:
        return self._name_of(SERVICE_ACCOUNT)

    @property
    def lease(self) -> str:
        return self._name_of(LEASE)

    @property
    def rules(self) -> list[Rule]:
        """All that is granted."""
        return [rule for each in self.objects if each["kind"].endswith("Role") for rule in each["rules"]]

    def grant(self) -> None:
        """Give all of it, also what was taken away."""
        for each in self.objects:
            self.client.apply(_KINDS[each["kind"]], each)

    def take(self, resource: str, verb: str) -> None:
        """Take one verb on one resource away."""
        for each in self.objects:
            if each["kind"].endswith("Role"):
                rules = [rule for given in each["rules"] for rule in _without(given, resource, verb)]
                self.client.apply(_KINDS[each["kind"]], each | {"rules": rules})

    def remove(self) -> None:
        """What of it is not in a namespace of a test."""
        for each in self.objects:
            metadata = each["metadata"]
            self.client.delete(_KINDS[each["kind"]], metadata.get("namespace", ""), metadata["name"])

    def _name_of(self, kind: Kind) -> str:
        return next(str(each["metadata"]["name"]) for each in self.objects if each["kind"] == kind.kind)


def rights(
    client: Client, namespace: str, served: tuple[str, ...], component: str = "operator", *, keda: bool = False
) -> Rights:
    """Those of an installation in a namespace over these namespaces, or over the whole cluster; not granted yet.

    ``component`` is ``operator`` or ``metrics-adapter``, as its objects are labelled; ``keda`` lets pipelines have it.
    """
    values = {"watchNamespaces": list(served), "rbac": {"aggregate": False}, "pipelines": {"keda": keda}}
    command = [str(binaries.program("helm")), "template", "mmpipe", str(_CHART), "--namespace", namespace, "--values=-"]
    rendered = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=True).stdout
    found = (each for each in yaml.safe_load_all(rendered) if each and each["kind"] in _KINDS)
    return Rights(client, namespace, tuple(each for each in found if _is_of(each, component)))


def _is_of(manifest: Manifest, component: str) -> bool:
    metadata = manifest["metadata"]
    is_hook = "helm.sh/hook" in metadata.get("annotations", {})
    return not is_hook and metadata["labels"]["app.kubernetes.io/component"] == component


def _without(rule: Rule, resource: str, verb: str) -> Iterator[Rule]:
    for each in rule["resources"]:
        verbs = [given for given in rule["verbs"] if (each, given) != (resource, verb)]
        yield rule | {"resources": [each], "verbs": verbs}
