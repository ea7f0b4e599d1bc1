"""An APIService that nobody answers for holds up every deletion of a namespace; the operator takes its own away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from e2e.cluster.client import NAMESPACE
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.metrics_api import ADAPTER, foreign, holdup, served
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, operator_image, succeeded

from mmpipe_operator.kinds import API_SERVICE, CONFIG_MAP, DEPLOYMENT
from mmpipe_operator.scaling.api_service import OWN, Backend, api_service, available

PATIENCE_S = 5.0
BOUND_S = 30.0
"""From the last adapter's end to the end of a namespace, with that patience: what the namespace's controller waits
between two tries grows with the time that it has waited."""


@pytest.fixture
def release(cluster: Cluster, crd: None, namespace: str) -> Iterator[Release]:  # noqa: ARG001  # it must be there
    cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    patience = {"name": "MMPIPE_OPERATOR_WITHDRAW_SECONDS", "value": str(PATIENCE_S)}
    values = {"watchNamespaces": [namespace], "crds": {"enabled": False}, "extraEnv": [patience], "replicaCount": 1}
    release = Release(cluster, namespace, values=values)
    yield release
    succeeded(release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait"))


@pytest.fixture
def theirs(cluster: Cluster) -> Iterator[None]:
    """An APIService of somebody else, without anybody who answers."""
    cluster.client.create(API_SERVICE, foreign("v1beta2"))
    wait_for(lambda: available(cluster.client.get(API_SERVICE, "", OWN.name)) is False)
    yield
    cluster.client.delete(API_SERVICE, "", OWN.name)


def test_while_no_adapter_answers_namespaces_can_be_deleted_and_it_comes_back_by_itself(release: Release) -> None:
    cluster = release.cluster
    succeeded(release.install())
    wait_for(lambda: served(cluster))
    victim = _namespace(cluster)

    _scale(release, 0)
    wait_for(lambda: not served(cluster))
    began = time.monotonic()
    cluster.client.delete(NAMESPACE, "", victim)

    wait_for(lambda: cluster.client.find(NAMESPACE, "", victim) is None, BOUND_S, lambda: holdup(cluster, victim))
    assert cluster.client.find(API_SERVICE, "", OWN.name) is None
    assert time.monotonic() - began < BOUND_S

    _scale(release, 2)
    wait_for(lambda: served(cluster))


@pytest.mark.usefixtures("theirs")
def test_one_of_somebody_else_is_not_taken_away_and_holds_up_namespaces(cluster: Cluster, operator: Operators) -> None:
    """What the API server of this version does is why the operator takes its own away."""
    operator(metrics_service=ADAPTER, withdraw_seconds=1)
    victim = _namespace(cluster)

    cluster.client.delete(NAMESPACE, "", victim)

    wait_for(lambda: "NamespaceDeletionDiscoveryFailure" in holdup(cluster, victim))
    wait_for(lambda: cluster.client.find(CONFIG_MAP, victim, "content") is None)
    assert cluster.client.find(NAMESPACE, "", victim)
    assert cluster.client.find(API_SERVICE, "", OWN.name)
    cluster.client.delete(API_SERVICE, "", OWN.name)
    wait_for(lambda: cluster.client.find(NAMESPACE, "", victim) is None, 60)


def test_a_withdrawal_is_counted_and_logged_with_what_to_look_at(cluster: Cluster, operator: Operators) -> None:
    cluster.client.create(API_SERVICE, api_service(Backend(operator.namespace, ADAPTER), b""))

    replica = operator(metrics_service=ADAPTER, withdraw_seconds=1)

    wait_for(lambda: cluster.client.find(API_SERVICE, "", OWN.name) is None)
    wait_for(lambda: replica.metric("mmpipe_operator_withdrawals_total") == 1)
    assert f"found nothing that answers behind {operator.namespace}/{ADAPTER}" in replica.log()


def _namespace(cluster: Cluster) -> str:
    """One with something in it."""
    name = cluster.new_namespace("victim")
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "content", "namespace": name}}
    cluster.client.create(CONFIG_MAP, content)
    return name


def _scale(release: Release, replicas: int) -> None:
    patch = {"spec": {"replicas": replicas}}
    release.cluster.client.patch(DEPLOYMENT, release.namespace, ADAPTER, patch)
