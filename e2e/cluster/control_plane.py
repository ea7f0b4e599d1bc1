"""A real control plane on loopback: etcd, API server, controller manager and scheduler, without nodes.

Starts in seconds and stops in the order in which they need each other. Neighbours: ``binaries`` has the programs,
``certificates`` their keys, ``supervisor`` keeps a control plane for a test session, ``kubelet`` plays the nodes. Its
data are not durable: nothing is synced to disk.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from e2e.cluster.binaries import program
from e2e.cluster.certificates import Authority, kubeconfig, pair
from e2e.cluster.children import Child
from e2e.cluster.ports import HOST, free_ports

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 1.5
"""Nothing here is kept: an API server that waits for connections of its clients to end is killed."""
_SERVICES = "10.96.0.0/16"
_SYSTEM_USERS = ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"]
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "nonResourceURLs": ["/version*"]},
        {"level": "None", "users": _SYSTEM_USERS},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "None", "userGroups": ["system:masters"], "verbs": ["get", "list", "watch"]},
        {"level": "Metadata"},
    ],
}
"""What tests count: writes by anybody but Kubernetes itself, and reads by whom tests let in. ``/version`` is read to
see how far the log has come (``audit``)."""


type Flags = Mapping[str, Mapping[str, object]]
"""By server: ``{"kube-apiserver": {"feature-gates": "HPAScaleToZero=false"}}``."""


class ControlPlane:
    """Servers over one folder: ``pki``, ``log``, ``etcd``, ``audit.log``, ``admin.kubeconfig``."""

    def __init__(self, folder: Path, flags: Flags | None = None) -> None:
        """``flags`` go beside those that a server needs here, or in their place."""
        self.folder = folder
        self._given = dict(flags or {})
        self._children: dict[str, Child] = {}
        self._etcd, self._peers, self._api = free_ports(3)
        for name in ("pki", "log"):
            (folder / name).mkdir()

    @property
    def server(self) -> str:
        return f"https://{HOST}:{self._api}"

    @property
    def admin(self) -> Path:
        """Kubeconfig of a cluster administrator."""
        return self.folder / "admin.kubeconfig"

    def start(self) -> None:
        """Returns when the API server answers and the controllers work."""
        self._certify()
        self._start("etcd")
        # The API server waits for etcd by itself, and the controllers for the API server: they load meanwhile.
        self._start("kube-apiserver")
        self._wait(lambda: self._answers("/readyz"))
        self._start("kube-controller-manager")
        self._start("kube-scheduler")
        self._wait(lambda: self._answers("/api/v1/namespaces/default/serviceaccounts/default"))

    def stop(self) -> None:
        """Users before what they use: an API server without etcd would wait for it."""
        for child in reversed(self._children.values()):
            child.stop(_STOP_TIMEOUT_S)
        self._children.clear()

    def kill_server(self, name: str) -> None:
        """End ``etcd`` or another server as a lost machine does."""
        self._children[name].kill()

    def start_server(self, name: str) -> None:
        """Start a server again that was killed, on its own port and data; returns when the API server is ready."""
        self._start(name)
        if name in {"etcd", "kube-apiserver"}:
            self._wait(lambda: self._answers("/readyz"))

    def _certify(self) -> None:
        keys = self.folder / "pki"
        authority = Authority(keys, "ca").create()
        authority.sign_server("apiserver")
        Authority(keys, "front-ca").create().sign("front", "/CN=front-proxy-client")
        authority.sign("tokens", "/CN=service-account-tokens")
        self._user(authority, "admin", "/O=system:masters/CN=admin")
        self._user(authority, "controllers", "/CN=system:kube-controller-manager")
        self._user(authority, "scheduler", "/CN=system:kube-scheduler")

    def _user(self, authority: Authority, name: str, subject: str) -> None:
        shown = pair(authority.sign(name, subject))
        kubeconfig(self.folder / f"{name}.kubeconfig", self.server, authority.certificate, shown)

    def _etcd_flags(self) -> dict[str, object]:
        clients, peers = f"http://{HOST}:{self._etcd}", f"http://{HOST}:{self._peers}"
        return {
            "data-dir": self.folder / "etcd",
            "unsafe-no-fsync": "true",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
        }

    def _api_flags(self) -> dict[str, object]:
        keys = self.folder / "pki"
        policy = self.folder / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY), encoding="utf-8")
        return {
            "etcd-servers": f"http://{HOST}:{self._etcd}",
            "bind-address": HOST,
            "advertise-address": HOST,  # or it looks for a default route, and tests have none
            "secure-port": self._api,
            "endpoint-reconciler-type": "none",  # a Service's endpoint may not be on loopback
            "service-cluster-ip-range": _SERVICES,
            "authorization-mode": "RBAC",
            "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",
            "allow-privileged": "true",
            "client-ca-file": keys / "ca.crt",
            "tls-cert-file": keys / "apiserver.crt",
            "tls-private-key-file": keys / "apiserver.key",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": keys / "tokens.crt",
            "service-account-signing-key-file": keys / "tokens.key",
            "audit-policy-file": policy,
            "audit-log-path": self.folder / "audit.log",
            "audit-log-maxsize": 0,  # one file, which a reader can follow by offset
            **self._aggregation_flags(keys),
        }

    def _aggregation_flags(self, keys: Path) -> dict[str, object]:
        """Aggregated APIs are reached at their endpoints, since nothing here routes a Service's address."""
        return {
            "enable-aggregator-routing": "true",
            "requestheader-client-ca-file": keys / "front-ca.crt",
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "proxy-client-cert-file": keys / "front.crt",
            "proxy-client-key-file": keys / "front.key",
        }

    def _controllers_flags(self) -> dict[str, object]:
        keys = self.folder / "pki"
        return {
            **self._client_flags("controllers"),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": keys / "tokens.key",
            "root-ca-file": keys / "ca.crt",
            "cluster-signing-cert-file": keys / "ca.crt",
            "cluster-signing-key-file": keys / "ca.key",
            "horizontal-pod-autoscaler-sync-period": "2s",
            # Tests stop their kubelet's heart on busy machines: that must not evict pods.
            "node-monitor-grace-period": "15m",
            "concurrent-deployment-syncs": 20,
            "concurrent-replicaset-syncs": 20,
            "concurrent-namespace-syncs": 20,
        }

    def _scheduler_flags(self) -> dict[str, object]:
        return self._client_flags("scheduler")

    def _client_flags(self, user: str) -> dict[str, object]:
        own = self.folder / f"{user}.kubeconfig"
        return {
            "kubeconfig": own,
            "authentication-kubeconfig": own,
            "authorization-kubeconfig": own,
            "secure-port": 0,
            "leader-elect": "false",
            "kube-api-qps": 1000,
            "kube-api-burst": 2000,
        }

    def _flags(self, name: str) -> dict[str, object]:
        needed = {
            "etcd": self._etcd_flags,
            "kube-apiserver": self._api_flags,
            "kube-controller-manager": self._controllers_flags,
            "kube-scheduler": self._scheduler_flags,
        }
        return needed[name]() | dict(self._given.get(name, {}))

    def _start(self, name: str) -> None:
        command = [program(name), *(f"--{flag}={value}" for flag, value in self._flags(name).items())]
        self._children[name] = Child(command, self.folder / "log" / f"{name}.log")

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not ready():
            ended = [child for child in self._children.values() if child.exit_code is not None]
            if ended or time.monotonic() > deadline:
                unready = (ended or list(self._children.values()))[-1]
                raise TimeoutError(
                    f"{unready.name}: found it not ready, expected it to answer; it said:\n{unready.said()}"
                )
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.server + path, timeout=5, context=self._trust) as answer:  # noqa: S310  # https, as ``server`` says
                return bool(answer.status == 200)
        except OSError:
            return False

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        keys = self.folder / "pki"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        return context
