"""Fixtures of autoscaling: a release with its metrics adapter, once for each module that asks for it."""

from collections.abc import Iterator

import pytest
from e2e.cluster.session import Cluster
from e2e.control_plane.scaled import Autoscaling, autoscaling


@pytest.fixture(scope="module")
def scaling(cluster: Cluster, crd: None) -> Iterator[Autoscaling]:  # noqa: ARG001  # it must be there
    """Keeps a namespace of its own; pipelines of several tests are in it."""
    with autoscaling(cluster) as found:
        yield found
