"""The chart in a real cluster: install, upgrade, rollback, test and uninstall, and what they say when they can't."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from e2e.cluster.client import CRD, NAMESPACE
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.releases import CHART, OPERATOR_IMAGE, Release, operator_image, succeeded

from mmpipe_operator import names
from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE, POD

CRD_NAME = f"{names.PLURAL}.{names.GROUP}"
BOUND_S = 60
"""More than any of this takes, less than a person would wait."""
SETTLED_S = 90
"""An API server's admission learns of a new kind within 30 s; until then it refuses the objects of its pipelines."""


@pytest.fixture
def cluster(fresh_cluster: Cluster) -> Iterator[Cluster]:
    """A control plane without our CRD, before and after each test."""
    fresh_cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    yield fresh_cluster
    for each in fresh_cluster.client.list(PIPELINE) if fresh_cluster.client.find(CRD, "", CRD_NAME) else ():
        metadata = each["metadata"]
        fresh_cluster.client.patch(
            PIPELINE, metadata["namespace"], metadata["name"], {"metadata": {"finalizers": None}}
        )
    fresh_cluster.client.delete(CRD, "", CRD_NAME)
    wait_for(lambda: fresh_cluster.client.find(CRD, "", CRD_NAME) is None)


@pytest.fixture
def release(cluster: Cluster) -> Iterator[Release]:
    """Not installed yet; its namespace enforces the restricted profile."""
    yield from _released(cluster)


@pytest.fixture
def second(cluster: Cluster) -> Iterator[Release]:
    """Another of the same name, in a namespace of its own."""
    yield from _released(cluster)


def _released(cluster: Cluster) -> Iterator[Release]:
    release = Release(cluster, cluster.new_namespace("mmpipe-system"))
    yield release
    release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait")
    cluster.client.delete(NAMESPACE, "", release.namespace)


def test_an_installed_release_is_ready_leads_once_and_keeps_a_pipeline(release: Release) -> None:
    printed = succeeded(release.install())

    assert f"helm test mmpipe --namespace {release.namespace}" in printed
    status = release.cluster.client.get(DEPLOYMENT, release.namespace, "mmpipe-operator")["status"]
    assert (status["readyReplicas"], status["updatedReplicas"]) == (2, 2)
    holder = wait_for(lambda: _holder(release))
    assert holder in {pod["metadata"]["name"] for pod in _pods(release)}
    Pipeline(release.cluster, release.namespace, "media").apply().settle(SETTLED_S)


def test_helm_test_makes_a_round_trip_and_leaves_nothing(release: Release) -> None:
    succeeded(release.install())
    before = _everything(release.cluster)

    printed = succeeded(release.do("test", "--timeout", f"{BOUND_S}s"))

    assert "Succeeded" in printed
    assert "Failed" not in printed
    assert release.cluster.client.list(PIPELINE, release.namespace) == []
    wait_for(lambda: _everything(release.cluster) <= before, 90, lambda: _everything(release.cluster) - before)


def test_helm_test_fails_where_no_operator_runs(release: Release) -> None:
    succeeded(release.install({"replicaCount": 0}))

    ended = release.do("test", "--timeout", "6s")

    assert ended.returncode != 0
    assert "mmpipe-test" in ended.stderr


def test_an_upgrade_rolls_the_operator_and_pipelines_do_not_notice(release: Release) -> None:
    succeeded(release.install())
    pipeline = Pipeline(release.cluster, release.namespace, "media").apply().settle(SETTLED_S)
    before, old = _names(pipeline.pods()), _names(_pods(release))

    succeeded(release.upgrade({"settings": {"logLevel": "DEBUG"}, "replicaCount": 1}))

    wait_for(lambda: len(_pods(release)) == 1)
    assert not _names(_pods(release)) & old
    wait_for(lambda: _holder(release) in _names(_pods(release)))
    pipeline.apply(lifecycle={"state": "Running", "deletionPolicy": "Retain"}).settle(SETTLED_S)
    assert _names(pipeline.pods()) == before


def test_an_upgrade_brings_the_new_crd_and_a_rollback_the_old_one(release: Release, tmp_path: Path) -> None:
    old = Release(release.cluster, release.namespace, chart=_older(tmp_path))
    succeeded(old.install())
    pipeline = Pipeline(release.cluster, release.namespace, "media").apply().settle(SETTLED_S)
    assert "QUEUE" not in _columns(release.cluster)

    succeeded(release.upgrade())
    assert "QUEUE" in _columns(release.cluster)
    pipeline.apply(lifecycle={"state": "Paused"})
    pipeline.wait("Ready", "True", "Paused")

    succeeded(release.do("rollback", "1", "--wait"))
    assert "QUEUE" not in _columns(release.cluster)
    pipeline.apply().settle(SETTLED_S)


def test_an_uninstall_leaves_the_crd_and_the_pipelines_and_nothing_else(release: Release) -> None:
    before = _everything(release.cluster)
    succeeded(release.install())
    pipeline = Pipeline(release.cluster, "default", "kept").apply().settle(SETTLED_S)

    printed = succeeded(release.do("uninstall", "--wait", "--timeout", f"{BOUND_S}s"))

    assert CRD_NAME in printed
    assert pipeline.exists
    kept = {f"CustomResourceDefinition//{CRD_NAME}", f"APIService//v1alpha1.{names.GROUP}"}
    wait_for(lambda: _left(release.cluster, "kept") == before | kept, 60, lambda: _everything(release.cluster) ^ before)
    pipeline.delete()
    wait_for(lambda: not pipeline.exists)


def test_after_an_uninstall_a_pipeline_with_a_finalizer_can_still_be_deleted(release: Release) -> None:
    succeeded(release.install())
    pipeline = Pipeline(release.cluster, "default", "held").apply(lifecycle={"deletionPolicy": "Delete"}).settle(SETTLED_S)
    assert pipeline.get()["metadata"]["finalizers"] == [names.FINALIZER]

    succeeded(release.do("uninstall", "--wait", "--timeout", f"{BOUND_S}s"))

    assert "finalizers" not in pipeline.get()["metadata"]
    pipeline.delete()
    wait_for(lambda: not pipeline.exists)


def test_without_keep_an_uninstall_takes_the_crd_and_every_pipeline(release: Release) -> None:
    succeeded(release.install({"crds": {"keep": False}}))
    Pipeline(release.cluster, "default", "lost").apply().settle(SETTLED_S)

    succeeded(release.do("uninstall", "--timeout", f"{BOUND_S}s"))

    wait_for(lambda: release.cluster.client.find(CRD, "", CRD_NAME) is None)


def test_a_wrong_value_is_refused_with_its_path_before_anything_is_made(release: Release) -> None:
    before = _everything(release.cluster)

    ended = release.install({"settings": {"workers": "many"}})

    assert ended.returncode != 0
    assert "at '/settings/workers': got string, want integer" in ended.stderr
    assert _everything(release.cluster) == before


def test_an_install_whose_image_is_not_there_ends_with_an_error_in_time(release: Release) -> None:
    release.cluster.kubelet.treat(release.namespace, Behaviour.BAD_IMAGE)
    began = time.monotonic()

    ended = release.install({"image": {"tag": "absent"}}, "--timeout", "8s")

    assert ended.returncode != 0
    assert "Deployment" in ended.stderr
    assert "mmpipe-operator" in ended.stderr
    assert time.monotonic() - began < BOUND_S


def test_a_failed_upgrade_that_is_rolled_back_leaves_the_old_operator_at_work(release: Release) -> None:
    succeeded(release.install())
    release.cluster.kubelet.treat(release.namespace, Behaviour.BAD_IMAGE, "*:absent")

    ended = release.upgrade({"image": {"tag": "absent"}}, "--rollback-on-failure", "--timeout", "8s")

    assert ended.returncode != 0
    images = {pod["spec"]["containers"][0]["image"] for pod in wait_for(lambda: _ready(release))}
    assert images == {OPERATOR_IMAGE}
    Pipeline(release.cluster, release.namespace, "media").apply().settle(SETTLED_S)


def test_two_releases_share_the_crd_and_keep_to_their_namespaces(release: Release, second: Release) -> None:
    succeeded(release.install({"watchNamespaces": [release.namespace]}))

    refused = second.install({"watchNamespaces": [second.namespace]})
    assert refused.returncode != 0
    assert f'CustomResourceDefinition "{CRD_NAME}"' in refused.stderr
    assert "invalid ownership metadata" in refused.stderr

    succeeded(second.install({"watchNamespaces": [second.namespace], "crds": {"enabled": False}}))
    mine = Pipeline(release.cluster, release.namespace, "mine").apply().settle(SETTLED_S)
    theirs = Pipeline(second.cluster, second.namespace, "theirs").apply().settle(SETTLED_S)
    foreign = Pipeline(release.cluster, "default", "foreign").apply()
    succeeded(release.do("uninstall", "--wait"))
    theirs.apply(lifecycle={"state": "Paused"})
    theirs.wait("Ready", "True", "Paused")
    assert mine.exists
    assert "status" not in foreign.get()


def test_a_namespaced_release_has_no_right_outside_its_namespaces(release: Release) -> None:
    succeeded(release.install({"watchNamespaces": [release.namespace]}))
    can = release.cluster.tool("kubectl")
    account = f"--as=system:serviceaccount:{release.namespace}:mmpipe-operator"

    def may(verb: str, resource: str, namespace: str) -> bool:
        return can.run("auth", "can-i", verb, resource, account, "--namespace", namespace).returncode == 0

    assert may("create", "deployments.apps", release.namespace)
    assert not may("create", "deployments.apps", "default")
    assert not may("get", "secrets", "default")
    assert may("patch", "multimodalpipelines.mmpipe.dev", "default")  # the finalizer, once a namespace's Roles are gone
    assert not may("get", "multimodalpipelines.mmpipe.dev", "default")
    succeeded(release.upgrade({"watchNamespaces": [release.namespace], "rbac": {"finalizers": False}}))
    assert not may("patch", "multimodalpipelines.mmpipe.dev", "default")


@pytest.mark.parametrize(
    ("role", "verb", "is_allowed"),
    [("view", "list", True), ("view", "create", False), ("edit", "patch", True), ("admin", "delete", True)],
)
def test_the_clusters_own_roles_get_rights_over_pipelines(
    release: Release,
    role: str,
    verb: str,
    is_allowed: bool,  # noqa: FBT001  # a column of the table
) -> None:
    succeeded(release.install({"replicaCount": 0}))
    kubectl = release.cluster.tool("kubectl")
    kubectl("create", "rolebinding", "jo", f"--clusterrole={role}", "--user=jo", "--namespace", release.namespace)

    def answer() -> bool:
        ask = ("auth", "can-i", verb, "multimodalpipelines.mmpipe.dev", "--as=jo", "--namespace", release.namespace)
        return kubectl.run(*ask).returncode == 0

    wait_for(lambda: answer() is is_allowed, 10)


def _pods(release: Release) -> list[dict]:  # type: ignore[type-arg]  # JSON
    selector = "app.kubernetes.io/name=mmpipe-operator"
    pods = release.cluster.client.list(POD, release.namespace, labelSelector=selector)
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def _names(objects: list[dict]) -> set[str]:  # type: ignore[type-arg]  # as above
    return {each["metadata"]["name"] for each in objects}


def _ready(release: Release) -> list[dict]:  # type: ignore[type-arg]  # as above
    """The operator's pods, once all of them are ready."""
    pods = _pods(release)
    conditions = [each for pod in pods for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    return pods if all(each["status"] == "True" for each in conditions) else []


def _holder(release: Release) -> str:
    lease = release.cluster.client.get(LEASE, release.namespace, "mmpipe-operator")
    return str(lease.get("spec", {}).get("holderIdentity", ""))


def _columns(cluster: Cluster) -> set[str]:
    version = cluster.client.get(CRD, "", CRD_NAME)["spec"]["versions"][0]
    return {column["name"] for column in version["additionalPrinterColumns"]}


def _older(folder: Path) -> Path:
    """The chart as it might have been a version ago: its CRD has a column less."""
    chart = folder / "mmpipe"
    shutil.copytree(CHART, chart)
    path = chart / "files" / "crd.yaml"
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    version = crd["spec"]["versions"][0]
    columns = version["additionalPrinterColumns"]
    version["additionalPrinterColumns"] = [column for column in columns if column["name"] != "QUEUE"]
    path.write_text(yaml.safe_dump(crd, sort_keys=False), encoding="utf-8")
    return chart


_COMINGS_AND_GOINGS = ("events", "events.events.k8s.io", "endpointslices.discovery.k8s.io")


def _left(cluster: Cluster, pipeline: str) -> set[str]:
    """Everything but a pipeline, and what belongs to it."""
    return {each for each in _everything(cluster) if not each.split("/")[2].startswith(pipeline)}


def _everything(cluster: Cluster) -> set[str]:
    """Every object of the cluster as ``Kind/namespace/name``, but for what comes and goes by itself."""
    kubectl = cluster.tool("kubectl")
    resources = kubectl("api-resources", "--verbs=list", "--output=name").split()
    asked = ",".join(each for each in resources if each not in _COMINGS_AND_GOINGS)
    form = 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
    found = kubectl("get", asked, "--all-namespaces", f"--output={form}").split()
    return {each for each in found if "/kube-" not in each and not each.endswith("/default")}
