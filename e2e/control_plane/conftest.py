"""Fixtures that several modules here share: a release that scales, and a pipeline whose pods really serve."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.session import Cluster
from e2e.control_plane.scaled import Autoscaling, autoscaling
from e2e.control_plane.served import Served, Servers, serving
from tests.servers.s3 import S3

from mmpipe_operator.kinds import PIPELINE


@pytest.fixture(scope="module")
def scaling_release(cluster: Cluster, crd: None) -> Iterator[Autoscaling]:  # noqa: ARG001  # it must be there
    """Keeps a namespace of its own."""
    with autoscaling(cluster) as found:
        yield found


@pytest.fixture
def scaling(scaling_release: Autoscaling) -> Iterator[Autoscaling]:
    """The same, and afterwards without pipelines: their autoscalers would ask on."""
    yield scaling_release
    for pipeline in scaling_release.cluster.client.list(PIPELINE, scaling_release.namespace):
        scaling_release.cluster.client.delete(PIPELINE, scaling_release.namespace, pipeline["metadata"]["name"])


@pytest.fixture(scope="session")
def servers(nats_url: str, milvus_uri: str, postgres_uri: str, s3: S3) -> Servers:
    """Those that tests share."""
    return Servers(nats_url, milvus_uri, postgres_uri, s3)


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    crd: None,  # noqa: ARG001  # it must be there
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """One of the module's own, which an operator keeps; nothing is applied yet."""
    about = request.module.__name__.rpartition(".test_")[2].replace("_", "-")
    with serving(cluster, servers, about, tmp_path_factory.mktemp(about)) as pipeline:
        yield pipeline
