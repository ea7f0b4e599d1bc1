"""The operator as the real process that it is, with the rights that its chart gives it and no others (``rbac``).

Each test has an installation of its own: a namespace, a service account, its roles.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.cluster.certificates import kubeconfig
from e2e.cluster.children import Child
from e2e.cluster.client import NAMESPACE
from e2e.cluster.pod_files import token
from e2e.cluster.ports import HOST, free_ports
from e2e.cluster.rbac import Rights, rights
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from prometheus_client.parser import text_string_to_metric_families

from mmpipe_operator.cluster.lease import LEASE

_START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Api:
    """An API server's address, and the certificate of whoever signed its own."""

    server: str
    authority: bytes


@dataclass(slots=True)
class OperatorProcess:
    """One replica."""

    identity: str
    credential: str
    """By which the audit log tells it from other replicas of its account."""
    child: Child
    health_port: int
    metrics_port: int

    @property
    def healthy(self) -> bool:
        return self._get(self.health_port, "/healthz") is not None

    @property
    def ready(self) -> bool:
        return self._get(self.health_port, "/readyz") is not None

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there is none."""
        text = self._get(self.metrics_port, "/metrics") or ""
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def log(self) -> str:
        return self.child.output.read_text(encoding="utf-8")

    def stop(self) -> int:
        """SIGTERM, as a rollout does; its exit code."""
        return self.child.stop(30)

    def kill(self) -> None:
        """SIGKILL."""
        self.child.kill()

    def pause(self) -> None:
        """SIGSTOP: it does nothing, and does not know it."""
        self.child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.child.send(signal.SIGCONT)

    def _get(self, port: int, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return None


@dataclass(slots=True)
class Operators:
    """An installation and its replicas: call it to start one."""

    cluster: Cluster
    namespace: str
    rights: Rights
    served: tuple[str, ...]
    """Namespaces whose pipelines it keeps; none is the whole cluster."""
    api: Api
    """Where its replicas find the API server."""
    replicas: list[OperatorProcess] = field(default_factory=list)

    @property
    def user(self) -> str:
        """Who the API server takes it for."""
        return f"system:serviceaccount:{self.namespace}:{self.rights.account}"

    @property
    def holder(self) -> str:
        """Identity of the replica that leads; empty where none does."""
        lease = self.cluster.client.find(LEASE, self.namespace, self.rights.lease)
        return str((lease or {"spec": {}})["spec"].get("holderIdentity") or "")

    def __call__(self, **settings: object) -> OperatorProcess:
        """Start a replica with ``MMPIPE_OPERATOR_<NAME>`` settings, and wait until it is ready."""
        replica = self.start(**settings)
        child = replica.child
        wait_for(lambda: child.exit_code is not None or replica.ready, _START_TIMEOUT_S, replica.log)
        assert child.exit_code is None, f"the operator ended with {child.exit_code}; it said:\n{replica.log()}"
        return replica

    def start(self, **settings: object) -> OperatorProcess:
        """As a call, without the wait: for tests in which it may end before it is ready."""
        health, metrics = free_ports(2)
        identity = str(settings.get("identity", f"replica-{len(self.replicas)}"))
        own = self._settings(health, metrics) | {"identity": identity} | settings
        variables = {f"MMPIPE_OPERATOR_{name.upper()}": str(value) for name, value in own.items()}
        folder = self.cluster.folder / self.namespace
        signed = token(self.cluster.client, self.namespace, self.rights.account)
        signs_in = kubeconfig(folder / f"{identity}.kubeconfig", self.api.server, self.api.authority, {"token": signed})
        child = Child(
            [Path(sys.executable).parent / "mmpipe-operator", "run"],
            folder / f"{identity}.log",
            os.environ | variables | {"KUBECONFIG": str(signs_in)},
        )
        replica = OperatorProcess(identity, _credential(signed), child, health, metrics)
        self.replicas.append(replica)
        return replica

    def log(self) -> str:
        """What all replicas have said."""
        return "\n".join(replica.log() for replica in self.replicas)

    def _settings(self, health: int, metrics: int) -> dict[str, Any]:
        return {
            "namespace": self.namespace,
            "namespaces": ",".join(self.served),
            "host": HOST,
            "health_port": health,
            "metrics_port": metrics,
            "image": "mmpipe.test/services:1",
            "lease_name": self.rights.lease,
        }


@contextmanager
def installed(
    cluster: Cluster, served: Iterable[str] = (), api: Api | None = None, *, keda: bool = False
) -> Iterator[Operators]:
    """An installation that is taken away after the block, its replicas with it.

    ``api`` may be a proxy's; ``keda`` gives it the rights for pipelines that KEDA scales.
    """
    namespace, of, access = cluster.new_namespace("operator"), tuple(served), cluster.client.access
    reached = api or Api(access.server, access.authority)
    operators = Operators(cluster, namespace, rights(cluster.client, namespace, of, keda=keda), of, reached)
    operators.rights.grant()
    (cluster.folder / namespace).mkdir()
    try:
        yield operators
    finally:
        for replica in operators.replicas:
            replica.resume()
            replica.kill()
        operators.rights.remove()
        cluster.client.delete(NAMESPACE, "", namespace)


def _credential(signed: str) -> str:
    body = signed.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"JTI={claims['jti']}"
