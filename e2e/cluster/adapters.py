"""The metrics adapter as the real process that it is, behind a Service whose endpoint a test writes.

For tests of one adapter's answers; ``control_plane.scaled`` has one that the chart brings.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.certificates import kubeconfig
from e2e.cluster.children import Child
from e2e.cluster.client import NAMESPACE
from e2e.cluster.pod_files import token
from e2e.cluster.rbac import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from e2e.cluster.resolver import ENDPOINT_SLICE
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for

from mmpipe_operator.kinds import API_SERVICE, SERVICE, Kind, Manifest
from mmpipe_operator.scaling.api_service import OWN

NAME = "adapter"
_START_TIMEOUT_S = 30.0
_AUTHORIZATION = "authorization.k8s.io"
_RULES = (
    ("mmpipe.dev", "multimodalpipelines", ("get",)),
    ("", "pods", ("list",)),
    ("", "secrets", ("get",)),
    ("", "namespaces", ("get",)),
    (_AUTHORIZATION, "subjectaccessreviews", ("create",)),
    ("apiregistration.k8s.io", "apiservices", ("get", "create", "patch")),
)
"""Of the whole cluster; its own Secret it writes in its own namespace."""


@dataclass(slots=True)
class Adapter:
    """One replica, reached at ``address``."""

    cluster: Cluster
    namespace: str
    address: str
    child: Child

    def asked(self, path: str, port: int = 8080) -> tuple[int, str]:
        """Status and text of one of its plain ports."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{port}{path}", timeout=5) as answer:
                return answer.status, str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def log(self) -> str:
        return self.child.output.read_text(encoding="utf-8")


@contextmanager
def adapting(cluster: Cluster, **settings: object) -> Iterator[Adapter]:
    """An adapter that the API server asks, taken away after the block. ``settings`` are ``MMPIPE_ADAPTER_<NAME>``."""
    namespace = cluster.new_namespace("adapter")
    address = cluster.kubelet.addresses.of(namespace)
    (cluster.folder / namespace).mkdir()
    _reach(cluster, namespace, address)
    _let(cluster, namespace)
    adapter = Adapter(cluster, namespace, address, _start(cluster, namespace, address, settings))
    try:
        wait_for(lambda: _available(cluster, adapter), _START_TIMEOUT_S, adapter.log)
        yield adapter
    finally:
        adapter.child.kill()
        _remove(cluster, namespace)
        cluster.kubelet.addresses.give_back(namespace)


def _start(cluster: Cluster, namespace: str, address: str, settings: dict[str, object]) -> Child:
    own = {"namespace": namespace, "service": NAME, "host": address, "tls_secret": f"{NAME}-tls", "drain_seconds": 0}
    variables = {f"MMPIPE_ADAPTER_{name.upper()}": str(value) for name, value in (own | settings).items()}
    folder, access = cluster.folder / namespace, cluster.client.access
    user = {"token": token(cluster.client, namespace, NAME)}
    signs_in = kubeconfig(folder / "kubeconfig", access.server, access.authority, user)
    command = [Path(sys.executable).parent / "mmpipe-operator", "adapter"]
    return Child(command, folder / "adapter.log", os.environ | variables | {"KUBECONFIG": str(signs_in)})


def _available(cluster: Cluster, adapter: Adapter) -> bool:
    assert adapter.child.exit_code is None, f"the adapter ended; it said:\n{adapter.log()}"
    found = cluster.client.find(API_SERVICE, "", OWN.name) or {}
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any((each["type"], each["status"]) == ("Available", "True") for each in conditions)


def _reach(cluster: Cluster, namespace: str, address: str) -> None:
    """A Service without a selector, and where it leads."""
    port = {"name": "https", "port": 443, "protocol": "TCP"}
    meta = {"namespace": namespace, "name": NAME}
    cluster.client.create(SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [port]}})
    cluster.client.create(
        ENDPOINT_SLICE,
        {
            "apiVersion": ENDPOINT_SLICE.api_version,
            "kind": ENDPOINT_SLICE.kind,
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": NAME}},
            "addressType": "IPv4",
            "ports": [port | {"port": 6443}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
    )


def _let(cluster: Cluster, namespace: str) -> None:
    """An account with the rights that an adapter needs, and no others."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": NAME}}
    cluster.client.apply(SERVICE_ACCOUNT, account)
    rules = [{"apiGroups": [group], "resources": [what], "verbs": list(verbs)} for group, what, verbs in _RULES]
    secrets = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "update", "patch"]}]
    for kind, where, granted in ((CLUSTER_ROLE, "", rules), (ROLE, namespace, secrets)):
        cluster.client.apply(kind, _named(kind, where, namespace) | {"rules": granted})
    _bind(cluster, CLUSTER_ROLE_BINDING, "", namespace, ("ClusterRole", namespace))
    _bind(cluster, ROLE_BINDING, namespace, namespace, ("Role", namespace))
    _bind(cluster, ROLE_BINDING, "kube-system", namespace, ("Role", "extension-apiserver-authentication-reader"))


def _bind(cluster: Cluster, kind: Kind, where: str, namespace: str, role: tuple[str, str]) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role[0], "name": role[1]}
    subjects = [{"kind": "ServiceAccount", "namespace": namespace, "name": NAME}]
    cluster.client.apply(kind, _named(kind, where, namespace) | {"roleRef": reference, "subjects": subjects})


def _named(kind: Kind, where: str, name: str) -> Manifest:
    metadata = {"name": name} | ({"namespace": where} if where else {})
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _remove(cluster: Cluster, namespace: str) -> None:
    """What is in no namespace of the test, the APIService first: without an adapter it holds up deletions."""
    for kind, where, name in (
        (API_SERVICE, "", OWN.name),
        (CLUSTER_ROLE_BINDING, "", namespace),
        (CLUSTER_ROLE, "", namespace),
        (ROLE_BINDING, "kube-system", namespace),
        (NAMESPACE, "", namespace),
    ):
        cluster.client.delete(kind, where, name)
