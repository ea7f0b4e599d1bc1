"""Pytest fixtures of the test cluster: ``cluster``, ``namespace``, ``kubectl``, ``helm``, ``operator`` and their like.

``pytest e2e --kubeconfig PATH`` (or ``MMPIPE_E2E_KUBECONFIG``) takes a cluster that is there, where what needs an API
server of our own (its audit log, a fresh one) is skipped with that reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from e2e.cluster.audit import AuditLog
from e2e.cluster.client import CRD, NAMESPACE, ApiError
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.operators import Operators, installed
from e2e.cluster.session import Cluster, own_cluster, users_cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for

from mmpipe_operator.kinds import CONFIG_MAP, PIPELINE

_KNOWN_AS_OWNER_S = 60.0
"""The API server's admission looks for new kinds every 30 s, and takes no object that one of them owns before."""
_OURS_ONLY = "needs an API server of our own; --kubeconfig names another"


def pytest_addoption(parser: pytest.Parser) -> None:
    known = os.environ.get("MMPIPE_E2E_KUBECONFIG")
    parser.addoption("--kubeconfig", default=known, help="run e2e against this cluster instead of one of our own")
    parser.addoption("--pipelines", type=int, default=500, help="how many pipelines the tests of many make")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The session's cluster. Tests share it: keep to your ``namespace``."""
    kubeconfig = request.config.getoption("--kubeconfig")
    if kubeconfig:
        with users_cluster(Path(kubeconfig), tmp_path_factory.mktemp("e2e")) as found:
            yield found
    else:
        with own_cluster() as made:
            yield made


@pytest.fixture(scope="module")
def fresh_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One of the module's own, without our CRD: for tests that install what a cluster has once."""
    if request.config.getoption("--kubeconfig"):
        pytest.skip(_OURS_ONLY)
    with own_cluster() as made:
        yield made


@pytest.fixture(scope="session")
def crd(cluster: Cluster) -> None:
    """The kind MultimodalPipeline, as this checkout defines it."""
    establish(cluster)


def establish(cluster: Cluster) -> None:
    """Have the kind in a cluster, known to all of its API server."""
    from mmpipe_operator.crd import document  # noqa: PLC0415  # fixtures that need no CRD work without it

    definition = document()
    cluster.client.apply(CRD, definition)
    name = definition["metadata"]["name"]

    def established() -> bool:
        conditions = cluster.client.get(CRD, "", name).get("status", {}).get("conditions") or []
        return {"Established": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()

    wait_for(established)
    wait_for(lambda: _serves(cluster))
    wait_for(lambda: _takes_owned(cluster), _KNOWN_AS_OWNER_S)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """The test's own, restricted; deleted in the background after it."""
    about = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    name = cluster.new_namespace(about)
    try:
        yield name
    finally:
        discard(cluster, name)


@pytest.fixture
def kubelet(cluster: Cluster) -> Kubelet:
    return cluster.kubelet


@pytest.fixture
def audit(cluster: Cluster) -> AuditLog:
    if cluster.audit is None:
        pytest.skip(_OURS_ONLY)
    return cluster.audit


@pytest.fixture
def kubectl(cluster: Cluster) -> Tool:
    return cluster.tool("kubectl")


@pytest.fixture
def helm(cluster: Cluster) -> Tool:
    return cluster.tool("helm")


@pytest.fixture
def operator(cluster: Cluster, crd: None, namespace: str) -> Iterator[Operators]:  # noqa: ARG001  # it must be there
    """An installation that keeps the test's namespace; call it to start a replica."""
    with installed(cluster, [namespace]) as operators:
        yield operators


@pytest.fixture
def clusterwide_operator(cluster: Cluster, crd: None) -> Iterator[Operators]:  # noqa: ARG001  # as above
    """An installation that keeps all namespaces; call it to start a replica."""
    with installed(cluster) as operators:
        yield operators


def discard(cluster: Cluster, namespace: str) -> None:
    """Delete a namespace without waiting for it; nobody is left who would take off its pipelines' finalizers."""
    with suppress(ApiError):  # 404: the test needs no CRD
        for pipeline in cluster.client.list(PIPELINE, namespace):
            if pipeline["metadata"].get("finalizers"):
                name = pipeline["metadata"]["name"]
                cluster.client.patch(PIPELINE, namespace, name, {"metadata": {"finalizers": None}})
    cluster.client.delete(NAMESPACE, "", namespace)


def _serves(cluster: Cluster) -> bool:
    try:
        cluster.client.list(PIPELINE)
    except ApiError:
        return False
    return True


def _takes_owned(cluster: Cluster) -> bool:
    owner = {"apiVersion": PIPELINE.api_version, "kind": PIPELINE.kind, "name": "none", "uid": "none"}
    metadata = {"namespace": "default", "name": "owned", "ownerReferences": [owner | {"blockOwnerDeletion": True}]}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    try:
        cluster.client.create(CONFIG_MAP, owned, dryRun="All")
    except ApiError as refusal:
        if refusal.reason != "Forbidden":
            raise
        return False
    return True
