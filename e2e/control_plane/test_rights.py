"""The operator asks for what its roles give and for nothing else, and says so when a right is missing."""

from __future__ import annotations

import pytest
from e2e.cluster.audit import AuditLog, Request
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import OWNED, Pipeline
from e2e.control_plane.saying import saying

from mmpipe_operator.kinds import API_SERVICE, DEPLOYMENT, SECRET, SERVICE
from mmpipe_operator.names import DELETION_COST, child
from mmpipe_operator.scaling.api_service import OWN, Backend, api_service

type Right = tuple[str, str]
"""Resource with its group, and verb."""
_CHECKED_WITHIN = {"create", "update"}
"""Verbs that the API server checks inside another request: an apply that makes an object needs ``create`` too, an owner
reference ``update`` of the owner's finalizers."""


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    return Pipeline(cluster, namespace, "media")


def test_every_right_is_used_and_nothing_is_asked_beyond_them(
    pipeline: Pipeline, operator: Operators, audit: AuditLog
) -> None:
    start = audit.mark()
    _live_through_everything(pipeline, operator)
    asked = audit.between(start, user=operator.user)

    assert [each for each in asked if each.code == 403] == []
    used = {_right(each) for each in asked if each.resource and not each.resource.startswith("/")}
    granted = _granted(operator)
    assert used - granted == set()
    unused = {right for right in granted - used if right[1] not in _CHECKED_WITHIN}
    # A list is streamed, which counts as a watch; one that can't be is asked for as such (``test_faults``).
    unused -= {(resource, "list") for resource, verb in used if verb == "watch"}
    assert unused == set()


def _live_through_everything(pipeline: Pipeline, operator: Operators) -> None:
    """A life of a pipeline in which each of the operator's deeds has its turn."""
    client, namespace = pipeline.cluster.client, pipeline.namespace
    metadata = {"name": "token", "namespace": namespace}
    client.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": "x"}})
    client.create(API_SERVICE, api_service(Backend(operator.namespace, "adapter"), b""))  # which nobody answers for
    replica = operator(
        resync_seconds=2, drop_timeout_seconds=1, metrics_service="adapter", withdraw_seconds=1, sparing_seconds=0.5
    )
    variable = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}
    placement = pipeline.cluster.kubelet.placement
    both = [{"name": "image", "template": {"env": [variable], **placement}}, {"name": "text", "template": placement}]
    pipeline.apply(modalities=both).settle()
    _have_a_busy_worker(pipeline)
    pipeline.apply(modalities=both[:1], lifecycle={"state": "Running", "deletionPolicy": "Delete"}).settle()
    wait_for(lambda: not [ref for ref in pipeline.children() if ref.name.startswith("media-text")])
    pipeline.delete()
    wait_for(lambda: not pipeline.exists, 60)
    wait_for(lambda: client.find(API_SERVICE, "", OWN.name) is None)
    looked = replica.metric("mmpipe_operator_api_requests_total", verb="list")
    wait_for(lambda: replica.metric("mmpipe_operator_api_requests_total", verb="list") > looked)


def _have_a_busy_worker(pipeline: Pipeline) -> None:
    """One of two, so that the operator says which."""
    scaled = {"spec": {"replicas": 2}}
    pipeline.cluster.client.patch(DEPLOYMENT, pipeline.namespace, child(pipeline.name, "worker"), scaled)
    wait_for(lambda: len([pod for pod in pipeline.pods("worker") if pod.get("status", {}).get("podIP")]) == 2)
    with saying(pipeline.pods("worker")[0], "mmpipe_worker_age_seconds 5\nmmpipe_worker_in_flight 1\n"):
        wait_for(
            lambda: any(DELETION_COST in each["metadata"].get("annotations", {}) for each in pipeline.pods("worker"))
        )


def test_a_missing_right_is_a_condition_that_goes_when_it_is_granted(pipeline: Pipeline, operator: Operators) -> None:
    operator.rights.take("services", "create")
    operator()
    pipeline.apply()
    stalled = pipeline.wait("Stalled", "True", "Forbidden")
    assert "services" in stalled["message"]
    assert len({ref.kind for ref in pipeline.children()}) == len(OWNED) - 1

    operator.rights.grant()
    pipeline.wait("Stalled", "False", timeout_s=75)
    assert pipeline.children([SERVICE])


def test_an_operator_of_one_namespace_asks_for_nothing_in_another(
    pipeline: Pipeline, operator: Operators, cluster: Cluster, audit: AuditLog
) -> None:
    elsewhere = Pipeline(cluster, cluster.new_namespace("elsewhere"), "media").apply()
    start = audit.mark()
    operator(resync_seconds=1)
    pipeline.apply().settle()
    asked = audit.between(start, user=operator.user)
    beyond = [each for each in asked if each.namespace not in (pipeline.namespace, operator.namespace, "")]
    assert beyond == []
    assert [each for each in asked if not each.namespace and not each.resource.startswith("/")] == []
    assert elsewhere.children() == {}
    elsewhere.delete()


def test_an_operator_of_the_whole_cluster_keeps_every_namespace(
    clusterwide_operator: Operators, cluster: Cluster, namespace: str
) -> None:
    clusterwide_operator()
    second = cluster.new_namespace("second")
    both = [Pipeline(cluster, each, "media").apply() for each in (namespace, second)]
    for pipeline in both:
        pipeline.settle()
        pipeline.delete()


def _granted(operator: Operators) -> set[Right]:
    return {
        (_named(resource, group), verb)
        for rule in operator.rights.rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _right(request: Request) -> Right:
    resource = f"{request.resource}/{request.subresource}" if request.subresource else request.resource
    return _named(resource, request.group), request.verb


def _named(resource: str, group: str) -> str:
    return f"{resource} of {group}" if group else resource
