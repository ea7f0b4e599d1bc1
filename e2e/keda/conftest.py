"""KEDA and our external scaler beside the cluster of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.session import Cluster
from e2e.keda import installation, scaler
from e2e.keda.installation import Keda
from e2e.keda.scaler import Scaler


@pytest.fixture(scope="session")
def scaler_address(cluster: Cluster) -> str:
    """Of the machine that ``scaler.HOST`` names to KEDA."""
    return cluster.kubelet.addresses.of("scaler")


@pytest.fixture(scope="session")
def keda(cluster: Cluster, scaler_address: str) -> Iterator[Keda]:
    """The session's; whoever stops one of its programs starts it again."""
    with installation.installed(cluster, {scaler.HOST: scaler_address}) as installed:
        yield installed


@pytest.fixture(scope="session")
def depths(cluster: Cluster, scaler_address: str) -> Iterator[Scaler]:
    """The external scaler; its depths are by namespace."""
    with scaler.serving(cluster.folder / "scaler", scaler_address) as serving:
        yield serving
