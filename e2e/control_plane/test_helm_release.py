"""A release of the chart in a cluster that has the CRD: install, upgrade, test, and what they say when they can't.

``test_helm_crd`` has the CRD come with the chart. Each release keeps its own namespace, which enforces Pod Security's
restricted profile.
"""

import time
from collections.abc import Iterator

import pytest
from e2e.cluster.client import NAMESPACE
from e2e.cluster.fixtures import discard
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, names_of, operator_image, succeeded

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE, POD, Manifest

TIMEOUT = "60s"
BOUND_S = 60.0
"""More than a failing install with a timeout of 8 s takes."""
ACCOUNT = "mmpipe-operator"


@pytest.fixture
def release(cluster: Cluster, crd: None, namespace: str) -> Iterator[Release]:  # noqa: ARG001  # it must be there
    """Not installed yet."""
    yield from _release(cluster, namespace)


@pytest.fixture
def second(cluster: Cluster, crd: None) -> Iterator[Release]:  # noqa: ARG001  # as above
    """Another of the same name, in a namespace of its own; a cluster has one metrics adapter."""
    namespace = cluster.new_namespace("second")
    yield from _release(cluster, namespace, has_adapter=False)
    discard(cluster, namespace)


def _release(cluster: Cluster, namespace: str, *, has_adapter: bool = True) -> Iterator[Release]:
    cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    adapter = {"enabled": has_adapter}
    values = {"watchNamespaces": [namespace], "crds": {"enabled": False}, "metricsAdapter": adapter}
    release = Release(cluster, namespace, values=values)
    yield release
    succeeded(release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait"))


@pytest.fixture
def pipeline(release: Release) -> Pipeline:
    """In the release's namespace; not applied yet."""
    return Pipeline(release.cluster, release.namespace, "media")


def test_an_installed_release_is_ready_and_one_replica_leads(release: Release, pipeline: Pipeline) -> None:
    printed = succeeded(release.install())

    assert f"helm test mmpipe --namespace {release.namespace}" in printed
    assert len(_ready(release)) == 2
    assert wait_for(release.leader) in names_of(release.pods())
    pipeline.apply().settle()


def test_helm_test_makes_a_round_trip_and_leaves_nothing(release: Release) -> None:
    succeeded(release.install())

    printed = succeeded(release.do("test", "--timeout", TIMEOUT))

    assert "Succeeded" in printed
    assert "Failed" not in printed
    client = release.cluster.client
    assert client.list(PIPELINE, release.namespace) == []
    assert [pod for pod in names_of(client.list(POD, release.namespace)) if pod.startswith("mmpipe-test")] == []


def test_helm_test_fails_where_no_operator_runs(release: Release) -> None:
    succeeded(release.install({"replicaCount": 0}))

    ended = release.do("test", "--timeout", "6s")

    assert ended.returncode != 0
    assert "mmpipe-test" in ended.stderr


def test_an_upgrade_rolls_the_operator_and_pipelines_do_not_notice(release: Release, pipeline: Pipeline) -> None:
    succeeded(release.install())
    pipeline.apply().settle()
    before, old = names_of(pipeline.pods()), names_of(release.pods())

    succeeded(release.upgrade({"settings": {"logLevel": "DEBUG"}, "replicaCount": 1}))

    wait_for(lambda: len(release.pods()) == 1)
    assert not names_of(release.pods()) & old
    wait_for(lambda: release.leader() in names_of(release.pods()))
    pipeline.apply(lifecycle={"state": "Running", "deletionPolicy": "Retain"}).settle()
    assert names_of(pipeline.pods()) == before


def test_a_failed_upgrade_that_is_rolled_back_leaves_the_old_operator_at_work(
    release: Release, pipeline: Pipeline
) -> None:
    succeeded(release.install())
    release.cluster.kubelet.treat(release.namespace, Behaviour.BAD_IMAGE, "*:absent")

    ended = release.upgrade({"image": {"tag": "absent"}}, "--rollback-on-failure", "--timeout", "8s")

    assert ended.returncode != 0
    images = {pod["spec"]["containers"][0]["image"] for pod in wait_for(lambda: _ready(release))}
    assert images == {OPERATOR_IMAGE}
    pipeline.apply().settle()


def test_an_install_whose_image_is_not_there_ends_with_an_error_in_time(release: Release) -> None:
    release.cluster.kubelet.treat(release.namespace, Behaviour.BAD_IMAGE)
    began = time.monotonic()

    ended = release.install({"image": {"tag": "absent"}}, "--timeout", "8s")

    assert ended.returncode != 0
    assert f"Deployment/{release.namespace}/mmpipe-operator not ready" in ended.stderr
    assert time.monotonic() - began < BOUND_S


def test_a_wrong_value_is_refused_with_its_path_and_nothing_is_installed(release: Release) -> None:
    ended = release.install({"settings": {"workers": "many"}})

    assert ended.returncode != 0
    assert "at '/settings/workers': got string, want integer" in ended.stderr
    assert release.do("status").returncode != 0


def test_two_releases_keep_to_their_namespaces(release: Release, second: Release, pipeline: Pipeline) -> None:
    succeeded(release.install())
    succeeded(second.install())
    theirs = Pipeline(second.cluster, second.namespace, "theirs").apply().settle()
    pipeline.apply().settle()

    succeeded(release.do("uninstall", "--wait"))

    theirs.apply(lifecycle={"state": "Paused"})
    theirs.wait("Ready", "True", "Paused")
    pipeline.apply(lifecycle={"state": "Paused"})
    theirs.apply()
    theirs.settle()
    assert pipeline.status["observedGeneration"] < pipeline.get()["metadata"]["generation"]


def test_a_watched_namespace_with_held_pipelines_can_be_deleted(release: Release, second: Release) -> None:
    settings = {"dropTimeoutSeconds": 1}
    succeeded(release.install({"watchNamespaces": [release.namespace, second.namespace], "settings": settings}))
    held = Pipeline(second.cluster, second.namespace, "held").apply(lifecycle={"deletionPolicy": "Delete"})
    wait_for(lambda: held.get()["metadata"].get("finalizers") == [names.FINALIZER])

    release.cluster.client.delete(NAMESPACE, "", second.namespace)

    wait_for(lambda: release.cluster.client.find(NAMESPACE, "", second.namespace) is None, 60)


def test_a_namespaced_release_has_no_right_over_objects_elsewhere(release: Release) -> None:
    succeeded(release.install({"replicaCount": 0}))
    account = f"system:serviceaccount:{release.namespace}:{ACCOUNT}"

    assert _may(release, account, "create", "deployments.apps")
    assert _may(release, account, "get", "secrets")
    assert not _may(release, account, "list", "secrets")
    for verb, resource in (
        ("create", "deployments.apps"),
        ("get", "secrets"),
        ("update", "leases.coordination.k8s.io"),
    ):
        assert not _may(release, account, verb, resource, "default")


def test_the_clusters_own_roles_get_rights_over_pipelines(release: Release) -> None:
    succeeded(release.install({"replicaCount": 0}))
    kubectl = release.cluster.tool("kubectl")
    for role in ("view", "edit", "admin"):
        who = (f"--clusterrole={role}", f"--user={role}er")
        kubectl("create", "rolebinding", role, *who, "--namespace", release.namespace)

    wait_for(lambda: _may(release, "viewer", "list", "multimodalpipelines.mmpipe.dev"))
    assert not _may(release, "viewer", "create", "multimodalpipelines.mmpipe.dev")
    wait_for(lambda: _may(release, "editer", "patch", "multimodalpipelines.mmpipe.dev"))
    wait_for(lambda: _may(release, "adminer", "delete", "multimodalpipelines.mmpipe.dev"))


def _ready(release: Release) -> list[Manifest]:
    """The operator's pods, once all of them are ready."""
    pods = release.pods()
    conditions = [each for pod in pods for each in pod["status"].get("conditions", ()) if each["type"] == "Ready"]
    return pods if all(each["status"] == "True" for each in conditions) else []


def _may(release: Release, who: str, verb: str, resource: str, namespace: str = "") -> bool:
    where = ("--namespace", namespace or release.namespace)
    return release.cluster.tool("kubectl").run("auth", "can-i", verb, resource, f"--as={who}", *where).returncode == 0
