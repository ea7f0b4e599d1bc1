"""The servers of a measurement: API server and etcd alone, once the kind is known. Nobody makes pods, or removes any.

Objects are stored as JSON, so that ``copies`` can make more of them; clients see no difference.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from e2e.cluster.audit import AuditLog
from e2e.cluster.client import Client
from e2e.cluster.control_plane import Flags
from e2e.cluster.fixtures import establish
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.ports import HOST, free_ports
from e2e.cluster.session import Cluster
from e2e.cluster.supervisor import supervised

from bench.scale.etcd import Etcd


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs, and where its data are."""

    cluster: Cluster
    etcd: Etcd
    audit: AuditLog


@contextmanager
def servers() -> Iterator[Servers]:
    """Inside the block."""
    url = f"http://{HOST}:{free_ports(1)[0]}"
    flags: Flags = {
        "etcd": {"listen-client-urls": url, "advertise-client-urls": url, "quota-backend-bytes": 8 * 2**30},
        "kube-apiserver": {"etcd-servers": url, "storage-media-type": "application/json"},
    }
    with supervised(flags) as plane:
        work = plane.folder / "work"
        work.mkdir()
        client = Client(plane.folder / "admin.kubeconfig")
        audit = AuditLog(plane.folder / "audit.log", client)
        nobody = cast("Kubelet", _NoKubelet())
        cluster = Cluster(uuid.uuid4().hex[:6], client, nobody, Path(work), audit, plane)
        establish(cluster)
        for server in ("kube-scheduler", "kube-controller-manager"):
            plane.kill(server)
        try:
            yield Servers(cluster, Etcd(url), audit)
        finally:
            client.close()


class _NoKubelet:
    """Where there are no nodes, pods are placed nowhere in particular."""

    placement = None
