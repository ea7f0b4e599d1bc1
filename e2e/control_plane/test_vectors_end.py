"""What becomes of a pipeline's collection in a real Milvus when the pipeline is deleted.

Neighbours: ``test_deletion`` and ``test_deletion_ways`` have what Kubernetes sees of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline, Stores
from pymilvus import MilvusClient

_READY_S = 90
_GONE_S = 60


@pytest.fixture
def milvus(milvus_uri: str) -> Iterator[Any]:
    client = MilvusClient(milvus_uri, timeout=10)
    yield client
    client.close()


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str, operator: Operators, nats_url: str, milvus_uri: str) -> Pipeline:
    """Not applied yet; an operator keeps it, and its queue and its Milvus are real."""
    operator()
    return Pipeline(cluster, namespace, f"end-{uuid.uuid4().hex[:6]}", Stores(nats_url, milvus_uri))


def test_with_delete_collection_and_alias_go_and_those_of_others_stay(pipeline: Pipeline, milvus: Any) -> None:  # noqa: ANN401  # pymilvus has no types
    other = Pipeline(pipeline.cluster, pipeline.namespace, f"{pipeline.name}-too", pipeline.stores)
    collection, alias = _made(pipeline, "Delete")
    others, _ = _made(other, "Delete")
    assert _is_there(milvus, collection)
    assert alias in milvus.list_aliases(collection)["aliases"]

    pipeline.delete()
    wait_for(lambda: not pipeline.exists, _GONE_S)
    assert not _is_there(milvus, collection)
    assert not _is_there(milvus, alias)
    assert _is_there(milvus, others)
    assert not pipeline.pods()


def test_with_retain_no_child_stays_but_the_collection_does(pipeline: Pipeline, milvus: Any) -> None:  # noqa: ANN401  # as above
    collection, alias = _made(pipeline, "Retain")
    pipeline.delete()
    wait_for(lambda: not pipeline.exists)
    wait_for(lambda: not pipeline.children(), _GONE_S)
    assert _is_there(milvus, collection)
    assert alias in milvus.list_aliases(collection)["aliases"]


def _made(pipeline: Pipeline, policy: str) -> tuple[str, str]:
    """Apply it and wait; its collection and alias, as its status names them."""
    pipeline.apply(lifecycle={"state": "Running", "deletionPolicy": policy}).wait("Ready", timeout_s=_READY_S)
    vectors = pipeline.status["vectors"]
    return vectors["collection"], vectors["alias"]


def _is_there(milvus: Any, name: str) -> bool:  # noqa: ANN401  # as above
    """Whether a collection can be found by its name or by its alias."""
    return bool(milvus.has_collection(name))
