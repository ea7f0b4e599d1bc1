"""Edits of a running pipeline while samples flow through real services: none is lost, none done twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.session import Cluster
from e2e.control_plane.served import Served, Servers, serving
from tests.servers.s3 import S3

TEXT_AND_IMAGE = [{"name": "text"}, {"name": "image"}]


@pytest.fixture(scope="module")
def served(
    cluster: Cluster,
    crd: None,  # noqa: ARG001  # it must be there
    nats_url: str,
    milvus_uri: str,
    postgres_uri: str,
    s3: S3,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    servers = Servers(nats_url, milvus_uri, postgres_uri, s3)
    with serving(cluster, servers, "live-edits", tmp_path_factory.mktemp("live-edits")) as pipeline:
        yield pipeline


def test_a_topology_changes_under_load(served: Served) -> None:
    served.apply(modalities=TEXT_AND_IMAGE).roll_out()
    with served.flowing("text,image,image+text") as flow:
        served.apply(modalities=TEXT_AND_IMAGE, topology="PerStage").roll_out()
        flow.end()
    print(flow.refused, len(flow.accepted))
    books = served.books()
    print(books.ends, books.twice, books.quarantined, books.deliveries, served.letters())
