"""The CustomResourceDefinition as part of a release: it comes, changes, stays or goes with it, and is there once.

The control plane is the module's own, without our CRD before and after each test.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from e2e.cluster.client import CRD, NAMESPACE, ApiError
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.releases import (
    CHART,
    OPERATOR_IMAGE,
    Release,
    everything,
    names_of,
    operator_image,
    succeeded,
)

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE

CRD_NAME = f"{names.PLURAL}.{names.GROUP}"
TIMEOUT = "60s"
LEARNT_S = 90.0
"""An API server's admission learns of a new kind within 30 s; until then it refuses the objects of its pipelines."""


@pytest.fixture
def release(fresh_cluster: Cluster) -> Iterator[Release]:
    """Not installed yet, of the whole cluster."""
    fresh_cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    yield from _release(fresh_cluster)
    _without_crd(fresh_cluster)


@pytest.fixture
def second(release: Release) -> Iterator[Release]:
    """Another of the same name, in a namespace of its own."""
    yield from _release(release.cluster)


def _release(cluster: Cluster) -> Iterator[Release]:
    release = Release(cluster, cluster.new_namespace("mmpipe-system"))
    yield release
    release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait")
    cluster.client.delete(NAMESPACE, "", release.namespace)
    wait_for(lambda: cluster.client.find(NAMESPACE, "", release.namespace) is None, 60)


def _without_crd(cluster: Cluster) -> None:
    with suppress(ApiError):  # 404, or 429 while it is being deleted
        for each in cluster.client.list(PIPELINE):
            metadata = each["metadata"]
            cluster.client.patch(PIPELINE, metadata["namespace"], metadata["name"], {"metadata": {"finalizers": None}})
    cluster.client.delete(CRD, "", CRD_NAME)
    wait_for(lambda: cluster.client.find(CRD, "", CRD_NAME) is None, 60)


@pytest.fixture
def pipeline(release: Release) -> Iterator[Pipeline]:
    """In a namespace that is not the release's; not applied yet."""
    namespace = release.cluster.new_namespace("kept")
    yield Pipeline(release.cluster, namespace, "media")
    release.cluster.client.delete(NAMESPACE, "", namespace)


def test_a_default_install_is_all_that_a_pipeline_needs(release: Release, pipeline: Pipeline) -> None:
    succeeded(release.install())

    pipeline.apply().settle(LEARNT_S)
    printed = succeeded(release.do("test", "--timeout", TIMEOUT))

    assert "Failed" not in printed
    assert wait_for(release.leader) in names_of(release.pods())


def test_an_upgrade_brings_the_new_crd_and_a_rollback_the_old_one(
    release: Release, pipeline: Pipeline, tmp_path: Path
) -> None:
    old = Release(release.cluster, release.namespace, chart=_older(tmp_path))
    succeeded(old.install())
    pipeline.apply()
    pipeline.wait("SpecValid")
    before = pipeline.get()["metadata"]["uid"]
    assert "Queue" not in _columns(release.cluster)

    succeeded(release.upgrade())
    assert "Queue" in _columns(release.cluster)

    succeeded(release.do("rollback", "1", "--wait"))
    assert "Queue" not in _columns(release.cluster)
    assert pipeline.get()["metadata"]["uid"] == before


def test_an_uninstall_leaves_the_crd_and_the_pipelines_and_nothing_else(release: Release, pipeline: Pipeline) -> None:
    before = everything(release.cluster)
    succeeded(release.install())
    pipeline.apply().wait("SpecValid")

    printed = succeeded(release.do("uninstall", "--wait", "--timeout", TIMEOUT))

    assert CRD_NAME in printed
    kept = {f"CustomResourceDefinition//{CRD_NAME}", f"APIService//v1alpha1.{names.GROUP}"}

    def beyond() -> set[str]:
        left = everything(release.cluster) - before - kept
        return {each for each in left if each.split("/")[1] != pipeline.namespace}

    wait_for(lambda: not beyond(), 60, beyond)
    assert pipeline.exists
    pipeline.delete()
    wait_for(lambda: not pipeline.exists)


def test_after_an_uninstall_a_pipeline_that_was_held_can_still_be_deleted(release: Release, pipeline: Pipeline) -> None:
    succeeded(release.install())
    _hold(pipeline)

    succeeded(release.do("uninstall", "--wait", "--timeout", TIMEOUT))

    assert "finalizers" not in pipeline.get()["metadata"]
    pipeline.delete()
    wait_for(lambda: not pipeline.exists)


@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_without_keep_an_uninstall_takes_the_crd_and_every_pipeline(
    release: Release,
    pipeline: Pipeline,
    is_held: bool,  # noqa: FBT001  # a column of the table
) -> None:
    succeeded(release.install({"crds": {"keep": False}}))
    if is_held:
        _hold(pipeline)
    else:
        pipeline.apply().wait("SpecValid")

    succeeded(release.do("uninstall", "--timeout", TIMEOUT))

    wait_for(lambda: release.cluster.client.find(CRD, "", CRD_NAME) is None)


def test_a_second_release_is_told_that_the_crd_is_anothers(release: Release, second: Release) -> None:
    succeeded(release.install({"watchNamespaces": [release.namespace]}))

    own = {"watchNamespaces": [second.namespace], "metricsAdapter": {"enabled": False}}
    refused = second.install(own)

    assert refused.returncode != 0
    assert f'CustomResourceDefinition "{CRD_NAME}"' in refused.stderr
    assert "invalid ownership metadata" in refused.stderr
    assert f'current value is "{release.namespace}"' in refused.stderr
    second.do("uninstall", "--ignore-not-found", "--no-hooks")
    succeeded(second.install(own | {"crds": {"enabled": False}}))


def test_a_crd_that_somebody_applied_by_hand_is_taken_over_only_when_asked_to(release: Release) -> None:
    kubectl = release.cluster.tool("kubectl")
    kubectl("apply", "--server-side", "--filename", CHART / "files" / "crd.yaml")

    assert "invalid ownership metadata" in release.install({"replicaCount": 0}).stderr

    release.do("uninstall", "--ignore-not-found", "--no-hooks")
    succeeded(release.install({"replicaCount": 0}, "--take-ownership"))
    labels = release.cluster.client.get(CRD, "", CRD_NAME)["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "Helm"


def _hold(pipeline: Pipeline) -> None:
    """Give it the operator's finalizer, by what the spec says."""
    pipeline.apply(lifecycle={"deletionPolicy": "Delete"})
    wait_for(lambda: pipeline.get()["metadata"].get("finalizers") == [names.FINALIZER])


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
    version["additionalPrinterColumns"] = [column for column in columns if column["name"] != "Queue"]
    path.write_text(yaml.safe_dump(crd, sort_keys=False), encoding="utf-8")
    return chart
