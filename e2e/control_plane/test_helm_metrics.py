"""The metrics adapter as part of a release: it comes, is asked by the API server, and goes without leaving a trace.

What it answers is tested in ``test_hpa`` and ``test_adapter``; how an APIService without answers is withdrawn, in
``test_withdrawal``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.audit import AuditLog
from e2e.cluster.client import NAMESPACE
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.metrics_api import ADAPTER, ROOT, SELECTOR, foreign, holdup, pods_of, said, served
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, operator_image, succeeded

from mmpipe_operator.kinds import API_SERVICE, SECRET
from mmpipe_operator.scaling.api_service import OWN, SIBLING


@pytest.fixture
def release(cluster: Cluster, crd: None, namespace: str) -> Iterator[Release]:  # noqa: ARG001  # it must be there
    """Not installed yet; it looks after its own namespace."""
    cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    release = Release(
        cluster,
        namespace,
        values={"watchNamespaces": [namespace], "crds": {"enabled": False}, "rbac": {"guardPods": False}},
    )
    yield release
    for name in (OWN.name, SIBLING.name):
        cluster.client.delete(API_SERVICE, "", name)
    if cluster.client.find(NAMESPACE, "", namespace):
        succeeded(release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait"))


def test_an_install_brings_an_adapter_that_the_api_server_asks_and_an_uninstall_takes_it(
    release: Release, audit: AuditLog
) -> None:
    start = audit.mark()

    succeeded(release.install())

    found = wait_for(lambda: served(release.cluster))
    assert found["spec"]["service"] == {"namespace": release.namespace, "name": ADAPTER, "port": 443}
    owners = [(each["kind"], each["name"]) for each in found["metadata"]["ownerReferences"]]
    assert owners == [("ClusterRole", f"{release.namespace}:{ADAPTER}")]
    assert release.cluster.client.call("GET", ROOT)["kind"] == "APIResourceList"
    asked = audit.between(start, user=f"system:serviceaccount:{release.namespace}:{ADAPTER}")
    assert [each for each in asked if each.code == 403] == []

    succeeded(release.do("uninstall", "--wait", "--timeout", "60s"))

    wait_for(lambda: release.cluster.client.find(API_SERVICE, "", OWN.name) is None, 15)
    assert release.cluster.client.find(SECRET, release.namespace, f"{ADAPTER}-tls") is None


def test_an_upgrade_keeps_the_certificate_and_one_that_turns_the_adapter_off_takes_the_api_service(
    release: Release,
) -> None:
    succeeded(release.install())
    wait_for(lambda: served(release.cluster))
    before = release.cluster.client.get(SECRET, release.namespace, f"{ADAPTER}-tls")["data"]

    succeeded(release.upgrade({"metricsAdapter": {"settings": {"logLevel": "DEBUG"}}}))

    assert release.cluster.client.get(SECRET, release.namespace, f"{ADAPTER}-tls")["data"] == before
    assert wait_for(lambda: served(release.cluster))

    succeeded(release.upgrade({"metricsAdapter": {"enabled": False}}))

    wait_for(lambda: release.cluster.client.find(API_SERVICE, "", OWN.name) is None, 15)


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
def test_an_adapter_of_somebody_else_is_not_replaced_and_the_install_says_what_to_do(
    release: Release, version: str
) -> None:
    release.cluster.client.create(API_SERVICE, foreign(version))

    refused = release.install()

    assert refused.returncode != 0
    whose = f"found APIService {version}.custom.metrics.k8s.io served by Service monitoring/their-adapter"
    assert whose in refused.stderr
    assert "set metricsAdapter.enabled=false" in refused.stderr
    assert release.do("status").returncode != 0
    succeeded(release.install({"metricsAdapter": {"enabled": False}}))


def test_an_adapter_that_comes_later_is_left_alone_and_ours_says_whose_it_is(release: Release) -> None:
    client = release.cluster.client
    succeeded(release.install())
    wait_for(lambda: served(release.cluster))

    client.create(API_SERVICE, foreign("v1beta1"))

    says = "APIService v1beta1.custom.metrics.k8s.io: found it served by Service monitoring/their-adapter"
    wait_for(lambda: all(says in said(release, pod) for pod in pods_of(release, SELECTOR)), 20)
    wait_for(lambda: not any(_is_ready(pod) for pod in pods_of(release, SELECTOR)), 20)
    assert client.get(API_SERVICE, "", SIBLING.name)["spec"]["service"]["name"] == "their-adapter"

    client.delete(API_SERVICE, "", SIBLING.name)
    wait_for(lambda: all(_is_ready(pod) for pod in pods_of(release, SELECTOR)), 30)
    wait_for(lambda: served(release.cluster), 30)


def test_the_namespace_of_a_release_can_be_deleted_without_an_uninstall(release: Release) -> None:
    succeeded(release.install())
    wait_for(lambda: served(release.cluster))

    release.cluster.client.delete(NAMESPACE, "", release.namespace)

    wait_for(
        lambda: release.cluster.client.find(NAMESPACE, "", release.namespace) is None,
        90,
        lambda: holdup(release.cluster, release.namespace),
    )
    assert release.cluster.client.find(API_SERVICE, "", OWN.name) is None
    release.cluster.tool("kubectl")("delete", "clusterroles,clusterrolebindings", "--selector", _rights_of(release))
    release.cluster.tool("kubectl")("delete", "rolebindings", "-n", "kube-system", "--selector", _rights_of(release))


def _rights_of(release: Release) -> str:
    return f"app.kubernetes.io/instance={release.name},app.kubernetes.io/part-of=mmpipe"


def _is_ready(pod: dict[str, object]) -> bool:
    status = pod["status"]
    assert isinstance(status, dict)
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))
