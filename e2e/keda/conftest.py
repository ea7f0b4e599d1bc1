"""KEDA, our external scaler and an operator whose pipelines KEDA may scale, beside the cluster of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster import operators
from e2e.cluster.backlog import Backlog
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.control_plane.pipelines import NOBODY, Pipeline
from e2e.control_plane.scaled import Autoscaled
from e2e.keda import installation, scaler
from e2e.keda.installation import Keda
from e2e.keda.scaler import Scaler


@pytest.fixture(scope="session")
def keda(cluster: Cluster) -> Iterator[Keda]:
    """The session's; whoever stops one of its programs starts it again."""
    with installation.installed(cluster) as installed:
        yield installed


@pytest.fixture(scope="session")
def depths(cluster: Cluster, keda: Keda) -> Iterator[Scaler]:
    """The external scaler; its depths are by namespace."""
    address = cluster.kubelet.addresses.of("scaler")
    keda.knows(scaler.HOST, address)
    with scaler.serving(cluster.folder / "scaler", address) as serving:
        yield serving


@pytest.fixture
def operator(cluster: Cluster, crd: None, namespace: str, depths: Scaler) -> Iterator[Operators]:  # noqa: ARG001  # it must be there
    """An installation that keeps the test's namespace, with one replica."""
    with operators.installed(cluster, [namespace], keda=True) as installed:
        address = f"{scaler.HOST}:{scaler.PORT}"
        installed(scaler_address=address, scaler_authority=depths.authority, secrets_seconds=1)
        yield installed


@pytest.fixture
def media(cluster: Cluster, namespace: str, operator: Operators) -> Autoscaled:  # noqa: ARG001  # it must run
    """A pipeline that is not applied yet; what waits for it is what ``depths`` says."""
    return Autoscaled(Pipeline(cluster, namespace, "media"), Backlog(f"nats://{NOBODY}", namespace, "media"))
