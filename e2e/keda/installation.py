"""KEDA 2.21 in a test cluster: its operator, its metrics API server and its admission webhooks, built from source.

They are processes at an address of the cluster's network, with KEDA's own rights, and the API server reaches them by
their Services. They find others' Services by a hosts file of their own, as nothing here answers DNS. A port of the
webhooks and one of the metrics API server can't be told an address: those two listen on all, on free ports.
"""

from __future__ import annotations

import base64
import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.binaries import program
from e2e.cluster.certificates import Authority, kubeconfig
from e2e.cluster.children import Child
from e2e.cluster.client import CRD
from e2e.cluster.client import NAMESPACE as NAMESPACES
from e2e.cluster.pod_files import token
from e2e.cluster.ports import free_ports
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.keda import manifests
from e2e.keda.manifests import NAMESPACE

from mmpipe_operator.kinds import API_SERVICE, SERVICE, Kind, Manifest

OPERATOR, METRICS, WEBHOOKS = "keda-operator", "keda-metrics-apiserver", "keda-admission-webhooks"
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
WEBHOOK = Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations")
_RIGHTS = "rbac.authorization.k8s.io/v1"
_KINDS = {
    kind.kind: kind
    for kind in (
        NAMESPACES,
        Kind("v1", "ServiceAccount", "serviceaccounts"),
        SERVICE,
        Kind(_RIGHTS, "ClusterRole", "clusterroles"),
        Kind(_RIGHTS, "ClusterRoleBinding", "clusterrolebindings"),
        Kind(_RIGHTS, "Role", "roles"),
        Kind(_RIGHTS, "RoleBinding", "rolebindings"),
        API_SERVICE,
        WEBHOOK,
    )
}
_ACCOUNT = "keda-operator"
_START_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Keda:
    """An installation in its folder; ``programs`` are those that run."""

    cluster: Cluster
    folder: Path
    address: str
    webhooks: int
    """Port of the webhooks."""
    metrics: int
    """Port of the metrics API server's own metrics."""
    programs: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one of its programs, also one that was killed."""
        inside = f'mount --bind {self.folder / "hosts"} /etc/hosts && exec "$0" "$@"'
        flags = [f"--{flag}={value}" for flag, value in self._flags(name).items()]
        variables = {
            "KUBECONFIG": str(self._own("kubeconfig")),
            "POD_NAMESPACE": NAMESPACE,
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            "WATCH_NAMESPACE": "",
        }
        command = ["unshare", "--mount", "sh", "-c", inside, program(name), *flags]
        self.programs[name] = Child(command, self.folder / f"{name}.log", os.environ | variables)

    def knows(self, host: str, *addresses: str) -> None:
        """From now on its programs find a host there: what is written into a file is seen where it is mounted."""
        with (self.folder / "hosts").open("a") as hosts:
            hosts.writelines(f"{address} {host}\n" for address in addresses)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.programs.pop(name).kill()

    @property
    def works(self) -> bool:
        """The operator answers, and the API server has the metrics. AssertionError where one of them has ended."""
        ended = [name for name, child in self.programs.items() if child.exit_code is not None]
        assert not ended, f"{', '.join(ended)} ended"
        return _answers(f"http://{self.address}:8081/readyz") and _available(self.cluster)

    def log(self) -> str:
        """The last words of all."""
        return "\n".join(f"{name}:\n{child.said()}" for name, child in self.programs.items())

    def _own(self, name: str) -> Path:
        return self.folder / name

    def _flags(self, name: str) -> dict[str, object]:
        certificates = self._own("certs")
        if name == OPERATOR:
            return {
                "metrics-bind-address": f"{self.address}:8080",
                "health-probe-bind-address": f"{self.address}:8081",
                "metrics-service-bind-address": f"{self.address}:9666",
                "cert-dir": certificates,
            }
        if name == WEBHOOKS:
            return {
                "metrics-bind-address": f"{self.address}:8090",
                "health-probe-bind-address": f"{self.address}:8091",
                "port": self.webhooks,
                "cert-dir": certificates,
            }
        own = self._own("kubeconfig")
        return {
            "bind-address": self.address,
            "secure-port": 6443,
            "port": self.metrics,
            "metrics-service-address": f"{self.address}:9666",
            "metrics-service-grpc-authority": f"{OPERATOR}.{NAMESPACE}.svc",
            "client-ca-file": certificates / "ca.crt",
            "tls-cert-file": certificates / "tls.crt",
            "tls-private-key-file": certificates / "tls.key",
            "cert-dir": certificates,
            "lister-kubeconfig": own,
            "authentication-kubeconfig": own,
            "authorization-kubeconfig": own,
        }


@contextmanager
def installed(cluster: Cluster) -> Iterator[Keda]:
    """KEDA that works, until the block ends."""
    folder = cluster.folder / "keda"
    (folder / "certs").mkdir(parents=True)
    webhooks, metrics = free_ports(2)
    keda = Keda(cluster, folder, cluster.kubelet.addresses.of("keda"), webhooks, metrics)
    keda.knows("localhost", "127.0.0.1")
    authority = _certify(folder / "certs")
    for definition in manifests.crds():
        cluster.client.apply(CRD, definition)
    for each in manifests.everything_else():
        cluster.client.apply(_KINDS[each["kind"]], _trusting(each, authority))
    for name, ports in {METRICS: {"https": 6443}, WEBHOOKS: {"https": webhooks}}.items():
        cluster.client.apply(ENDPOINT_SLICE, _endpoints(name, ports, keda.address))
    access = cluster.client.access
    signed = token(cluster.client, NAMESPACE, _ACCOUNT)
    kubeconfig(folder / "kubeconfig", access.server, access.authority, {"token": signed})
    try:
        for name in (OPERATOR, METRICS, WEBHOOKS):
            keda.start(name)
        wait_for(lambda: keda.works, _START_TIMEOUT_S, keda.log)
        yield keda
    finally:
        for child in keda.programs.values():
            child.stop()
        cluster.client.delete(API_SERVICE, "", "v1beta1.external.metrics.k8s.io")
        cluster.client.delete(WEBHOOK, "", "keda-admission")
        cluster.kubelet.addresses.give_back("keda")


def _certify(folder: Path) -> bytes:
    """One pair for all three, as KEDA itself makes it; the authority that signed it."""
    authority = Authority(folder, "ca").create()
    names = ",".join(f"DNS:{name}.{NAMESPACE}.svc" for name in (OPERATOR, METRICS, WEBHOOKS))
    authority.sign("tls", "/CN=keda", f"subjectAltName={names}")
    return authority.certificate.read_bytes()


def _trusting(manifest: Manifest, authority: bytes) -> Manifest:
    """With the authority where KEDA itself would patch it in, and webhooks that may not be passed by."""
    bundle = base64.b64encode(authority).decode()
    if manifest["kind"] == "APIService":
        manifest["spec"]["caBundle"] = bundle
    for webhook in manifest.get("webhooks", ()):
        webhook["failurePolicy"] = "Fail"
        webhook["clientConfig"]["caBundle"] = bundle
    return manifest


def _endpoints(service: str, ports: Mapping[str, int], address: str) -> Manifest:
    return {
        "apiVersion": ENDPOINT_SLICE.api_version,
        "kind": ENDPOINT_SLICE.kind,
        "metadata": {
            "name": service,
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports.items()],
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # http, as ``works`` says
            return bool(answer.status == 200)
    except OSError:
        return False


def _available(cluster: Cluster) -> bool:
    registered = cluster.client.get(API_SERVICE, "", "v1beta1.external.metrics.k8s.io")
    conditions = registered.get("status", {}).get("conditions", ())
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
