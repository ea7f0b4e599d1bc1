"""Deleting namespaces and pipelines never hangs, whoever is there to see it.

The bounds are the promise. The cluster itself takes its time over a namespace: at one whose pods have a
grace period it looks again after half of that.
"""

from __future__ import annotations

import time

import pytest
from e2e.cluster.client import NAMESPACE
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline, Stores

from mmpipe_operator import names

DROP_TIMEOUT_S = 3
NAMESPACE_BOUND_S = 60 + DROP_TIMEOUT_S
"""From ``kubectl delete namespace`` to its end, with a Milvus that does not answer."""
DELETE = {"lifecycle": {"state": "Running", "deletionPolicy": "Delete"}}
POLICIES = pytest.mark.parametrize("policy", ["Retain", "Delete"])


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    return Pipeline(cluster, namespace, "media")


@POLICIES
def test_a_namespace_with_pipelines_goes_while_the_operator_runs(
    pipeline: Pipeline, clusterwide_operator: Operators, policy: str
) -> None:
    clusterwide_operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    _settled(pipeline, policy)
    assert _gone_within(pipeline, NAMESPACE_BOUND_S)


def test_a_namespace_with_pipelines_that_keep_their_vectors_goes_without_an_operator(
    pipeline: Pipeline, operator: Operators
) -> None:
    replica = operator()
    _settled(pipeline, "Retain")
    replica.stop()
    assert _gone_within(pipeline, NAMESPACE_BOUND_S)


def test_a_namespace_whose_vectors_are_to_be_dropped_waits_for_an_operator_and_says_for_what(
    pipeline: Pipeline, clusterwide_operator: Operators
) -> None:
    replica = clusterwide_operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    _settled(pipeline, "Delete")
    replica.kill()
    pipeline.cluster.client.delete(NAMESPACE, "", pipeline.namespace)
    wait_for(lambda: names.FINALIZER in _remains(pipeline), NAMESPACE_BOUND_S, lambda: _remains(pipeline))

    clusterwide_operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    wait_for(lambda: not pipeline.exists, 30)
    wait_for(lambda: pipeline.cluster.client.find(NAMESPACE, "", pipeline.namespace) is None, NAMESPACE_BOUND_S)


def test_without_an_operator_one_command_of_the_user_lets_a_pipeline_go(
    pipeline: Pipeline, operator: Operators, kubectl: Tool
) -> None:
    replica = operator()
    _settled(pipeline, "Delete")
    replica.kill()
    pipeline.delete()
    assert pipeline.get()["metadata"]["finalizers"] == [names.FINALIZER]
    patch = '{"metadata":{"finalizers":null}}'
    kubectl("-n", pipeline.namespace, "patch", "mmp", "media", "--type=merge", "--patch", patch)
    wait_for(lambda: not pipeline.exists)
    wait_for(lambda: not pipeline.children())


def test_an_annotation_lets_a_pipeline_go_at_once(pipeline: Pipeline, operator: Operators) -> None:
    operator(drop_timeout_seconds=3600)
    _settled(pipeline, "Delete")
    pipeline.delete()
    wait_for(lambda: not pipeline.pods())
    assert pipeline.exists
    pipeline.annotate(abandon_vectors="true")
    wait_for(lambda: not pipeline.exists)


def test_a_milvus_that_does_not_answer_holds_a_pipeline_no_longer_than_the_bound(
    pipeline: Pipeline, operator: Operators
) -> None:
    operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    _settled(pipeline, "Delete")
    pipeline.delete()
    wait_for(lambda: not pipeline.exists, 30)
    assert [each["reason"] for each in pipeline.events()][-1] == "VectorsAbandoned"


def test_changing_the_policy_takes_the_finalizer_off(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    _settled(pipeline, "Delete")
    pipeline.apply()
    wait_for(lambda: not pipeline.get()["metadata"].get("finalizers"))


def test_vectors_are_dropped_with_their_pipeline(
    cluster: Cluster, namespace: str, operator: Operators, nats_url: str, milvus_uri: str
) -> None:
    operator()
    pipeline = Pipeline(cluster, namespace, f"gone-{namespace[-6:]}", Stores(nats_url, milvus_uri))
    pipeline.apply(**DELETE).wait("Ready", timeout_s=60)
    pipeline.delete()
    wait_for(lambda: not pipeline.exists, 60)
    assert [each["reason"] for each in pipeline.events()][-1] == "VectorsDropped"


def _settled(pipeline: Pipeline, policy: str) -> None:
    pipeline.apply(lifecycle={"state": "Running", "deletionPolicy": policy}).settle()
    held = pipeline.get()["metadata"].get("finalizers", [])
    assert held == ([names.FINALIZER] if policy == "Delete" else [])


def _gone_within(pipeline: Pipeline, bound_s: float) -> float:
    """How long the namespace took, which was no longer than the bound."""
    started = time.monotonic()
    pipeline.cluster.client.delete(NAMESPACE, "", pipeline.namespace)
    find = pipeline.cluster.client.find
    wait_for(lambda: find(NAMESPACE, "", pipeline.namespace) is None, bound_s, lambda: _remains(pipeline))
    return time.monotonic() - started


def _remains(pipeline: Pipeline) -> str:
    """What the namespace says it waits for."""
    found = pipeline.cluster.client.find(NAMESPACE, "", pipeline.namespace) or {"status": {}}
    conditions = found["status"].get("conditions", ())
    return "; ".join(f"{each['type']}={each['status']}: {each.get('message', '')}" for each in conditions)
