"""The right to patch pods is held to one annotation by the chart's ValidatingAdmissionPolicy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import yaml
from e2e.cluster.certificates import kubeconfig
from e2e.cluster.client import STRATEGIC, Client
from e2e.cluster.operators import Operators
from e2e.cluster.pod_files import token
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import refused

from mmpipe_operator.kinds import POD, Manifest
from mmpipe_operator.names import DELETION_COST

CHART = Path(__file__).parents[2] / "charts" / "mmpipe"
ROLE = "default:mmpipe-operator"
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
    tries = count()
    wait_for(lambda: REFUSAL in refused(as_operator.patch, *ref, _labelled(f"try-{next(tries)}")).message)

    for what, change in CHANGES.items():
        refusal = refused(partial(as_operator.patch, content=STRATEGIC), *ref, change)
        assert REFUSAL in refusal.message, what
    assert _cost(as_operator.patch(*ref, _costing("3"))) == "3"
    assert _cost(as_operator.patch(*ref, _costing(None))) is None

    cluster.client.patch(*ref, {"metadata": {"labels": {"app": "other"}}})
    assert cluster.client.get(*ref)["metadata"]["labels"]["app"] == "other", "others may do as they could"


def _labelled(value: str) -> Manifest:
    """Until the policy acts, each is a change: one that changes nothing is refused by nobody."""
    return {"metadata": {"labels": {"tried": value}}}


def _costing(cost: str | None) -> Manifest:
    return {"metadata": {"annotations": {DELETION_COST: cost}}}


def _cost(pod: Manifest) -> str | None:
    cost: str | None = pod["metadata"].get("annotations", {}).get(DELETION_COST)
    return cost


@pytest.mark.parametrize(
    ("values", "policies", "verbs"),
    [
        ("", 2, ["list", "watch", "patch"]),
        ("rbac.guardPods=false", 0, ["list", "watch", "patch"]),
        ("settings.sparingSeconds=0", 0, ["list", "watch"]),
    ],
)
def test_the_right_comes_with_its_policy_and_neither_without_need(
    helm: Tool, values: str, policies: int, verbs: list[str]
) -> None:
    rendered = list(yaml.safe_load_all(helm("template", "mmpipe", CHART, f"--set={values}")))

    roles = [
        each for each in rendered if each["kind"] == "ClusterRole" and each["metadata"]["name"].endswith("operator")
    ]
    rules = [rule for role in roles for rule in role["rules"] if rule["resources"] == ["pods"]]
    assert [rule["verbs"] for rule in rules] == [verbs]
    assert len([each for each in rendered if each["kind"].startswith("ValidatingAdmissionPolicy")]) == policies
