"""The right to patch pods is held to one annotation by the chart's ValidatingAdmissionPolicy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.certificates import kubeconfig
from e2e.cluster.client import Client
from e2e.cluster.operators import Operators
from e2e.cluster.pod_files import token
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import refused

from mmpipe_operator.kinds import POD, Manifest
from mmpipe_operator.names import DELETION_COST

OTHERS = "example.com/owner"
REFUSAL = "may change nothing of a pod but"
CHANGES: dict[str, Manifest] = {
    "an image": {"spec": {"containers": [{"name": "main", "image": "evil.example.com/miner:1"}]}},
    "a label": {"metadata": {"labels": {"app": "other"}}},
    "another annotation": {"metadata": {"annotations": {OTHERS: "me"}}},
    "another annotation, taken away": {"metadata": {"annotations": {OTHERS: None}}},
    "another annotation, beside its own": {"metadata": {"annotations": {DELETION_COST: "1", "example.com/new": ""}}},
    "a finalizer": {"metadata": {"finalizers": ["example.com/held"]}},
}


@pytest.fixture
def pod(cluster: Cluster, namespace: str) -> Manifest:
    """Somebody's pod, which the scheduler leaves alone."""
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {
        "name": "main",
        "image": "example.com/app:1",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    metadata = {"name": "app", "namespace": namespace, "labels": {"app": "own"}, "annotations": {OTHERS: "somebody"}}
    spec = {"containers": [container], "securityContext": security, "schedulerName": "nobody"}
    return cluster.client.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


@pytest.fixture
def as_operator(cluster: Cluster, operator: Operators) -> Iterator[Client]:
    """A client with the operator's account."""
    path = cluster.folder / operator.namespace / "guarded.kubeconfig"
    signed = token(cluster.client, operator.namespace, operator.rights.account)
    client = Client(kubeconfig(path, operator.api.server, operator.api.authority, {"token": signed}))
    try:
        yield client
    finally:
        client.close()


def test_the_operator_may_say_which_pods_are_busy_and_change_nothing_else_of_them(
    cluster: Cluster, as_operator: Client, pod: Manifest
) -> None:
    ref = POD, pod["metadata"]["namespace"], pod["metadata"]["name"]
    labelled = {"metadata": {"labels": {"app": "own", "policy": "absent"}}}
    wait_for(lambda: REFUSAL in refused(as_operator.patch, *ref, labelled).message)

    for what, change in CHANGES.items():
        refusal = refused(as_operator.patch, *ref, change)
        assert REFUSAL in refusal.message, what
    assert _cost(as_operator.patch(*ref, _costing("3"))) == "3"
    assert _cost(as_operator.patch(*ref, _costing(None))) is None

    cluster.client.patch(*ref, {"metadata": {"labels": {"app": "other"}}})
    assert cluster.client.get(*ref)["metadata"]["labels"]["app"] == "other", "others may do as they could"


def _costing(cost: str | None) -> Manifest:
    return {"metadata": {"annotations": {DELETION_COST: cost}}}


def _cost(pod: Manifest) -> str | None:
    cost: str | None = pod["metadata"].get("annotations", {}).get(DELETION_COST)
    return cost
