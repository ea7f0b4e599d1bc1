"""The cluster of a test session: a control plane of our own, or the user's, with the kubelet that we play on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from e2e.cluster.addresses import Addresses, claimed
from e2e.cluster.audit import AuditLog
from e2e.cluster.client import NAMESPACE, Client
from e2e.cluster.control_plane import Flags
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.supervisor import Plane, supervised
from e2e.cluster.tools import Tool

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What tests need of it. ``audit`` and ``plane`` are None on a cluster that is not ours."""

    name: str
    client: Client
    kubelet: Kubelet
    folder: Path
    audit: AuditLog | None
    plane: Plane | None = None

    @property
    def kubeconfig(self) -> Path:
        """A cluster administrator's."""
        return self.client.kubeconfig

    def tool(self, name: str) -> Tool:
        """``kubectl`` or ``helm``."""
        return Tool(name, self.kubeconfig, self.folder)

    def new_namespace(self, about: str, labels: dict[str, str] = RESTRICTED) -> str:
        """A namespace nobody else has; pods must be as Pod Security's restricted profile asks, unless labels differ."""
        name = f"{about[:40].strip('-')}-{uuid.uuid4().hex[:6]}"
        metadata = {"name": name, "labels": {"mmpipe.dev/e2e": self.name, **labels}}
        self.client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return name


@contextmanager
def own_cluster(flags: Flags | None = None) -> Iterator[Cluster]:
    """A fresh control plane, taken away after the block. It has no CRD of ours. ``flags``: see ``ControlPlane``."""
    with supervised(flags) as plane:
        folder = plane.folder
        (folder / "work").mkdir()
        client = Client(folder / "admin.kubeconfig")
        with _cluster(client, folder / "work", AuditLog(folder / "audit.log", client)) as cluster:
            yield replace(cluster, plane=plane)


@contextmanager
def users_cluster(kubeconfig: Path, folder: Path) -> Iterator[Cluster]:
    """A cluster that is there already; two nodes are added to it, with a taint, and taken away after the block."""
    with _cluster(Client(kubeconfig), folder, None) as cluster:
        yield cluster


@contextmanager
def _cluster(client: Client, folder: Path, audit: AuditLog | None) -> Iterator[Cluster]:
    session = uuid.uuid4().hex[:6]
    try:
        with claimed() as network:
            kubelet = Kubelet(client, folder / "pods", session, Addresses(network), tainted=audit is None)
            with kubelet.working():
                yield Cluster(session, client, kubelet, folder, audit)
    finally:
        client.close()
