"""A pipeline as part of a Helm release: ``--wait`` ends when it is Ready, and says why when it won't be."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.cluster.client import NAMESPACE
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.control_plane.pipelines import Pipeline, Stores
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, operator_image, succeeded

from mmpipe_operator.kinds import PIPELINE, Manifest

BOUND_S = 60
"""More than any of this takes, less than a person would wait."""
ROOT = {"apiVersion": "v2", "name": "search", "version": "0.1.0"}
"""Chart.yaml of a user's own chart."""


@pytest.fixture(scope="module")
def operator(fresh_cluster: Cluster) -> Iterator[Release]:
    """The chart of the operator, installed for the whole cluster."""
    fresh_cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    release = Release(fresh_cluster, fresh_cluster.new_namespace("mmpipe-system"))
    succeeded(release.install({"settings": {"probeSeconds": 1}}))
    yield release
    for each in fresh_cluster.client.list(PIPELINE):
        fresh_cluster.client.delete(PIPELINE, each["metadata"]["namespace"], each["metadata"]["name"])
    succeeded(release.do("uninstall", "--wait", "--timeout", f"{BOUND_S}s"))


@pytest.fixture
def pipeline(operator: Release, nats_url: str, milvus_uri: str) -> Iterator[Pipeline]:
    """Not applied yet, in a restricted namespace of its own; its queue and its Milvus are real."""
    cluster = operator.cluster
    namespace = cluster.new_namespace("team")
    yield Pipeline(cluster, namespace, f"media-{uuid.uuid4().hex[:6]}", Stores(nats_url, milvus_uri))
    cluster.client.delete(NAMESPACE, "", namespace)


def test_a_release_with_a_pipeline_has_it_ready_when_the_command_ends(pipeline: Pipeline, tmp_path: Path) -> None:
    release = _release(pipeline, tmp_path, pipeline.document())

    succeeded(release.install(None, "--timeout", f"{BOUND_S}s"))
    assert pipeline.condition("Ready")["status"] == "True"
    before = {each["metadata"]["name"] for each in pipeline.pods("worker")}

    _write(release.chart, pipeline.document(worker={"template": {"labels": {"round": "second"}}}))
    succeeded(release.upgrade(None, "--timeout", f"{BOUND_S}s"))
    assert pipeline.condition("Ready")["status"] == "True"
    assert pipeline.template("worker")["metadata"]["labels"]["round"] == "second"
    now = [each for each in pipeline.pods("worker") if "deletionTimestamp" not in each["metadata"]]
    assert not {each["metadata"]["name"] for each in now} & before

    succeeded(release.do("uninstall", "--wait"))
    assert not pipeline.exists


def test_a_release_whose_pods_cannot_pull_ends_at_once_with_the_reason(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.cluster.kubelet.treat(pipeline.namespace, Behaviour.BAD_IMAGE)
    release = _release(pipeline, tmp_path, pipeline.document())
    began = time.monotonic()

    ended = release.install(None, "--timeout", f"{BOUND_S}s")

    assert ended.returncode != 0
    assert f"MultimodalPipeline/{pipeline.namespace}/{pipeline.name}" in ended.stderr
    assert time.monotonic() - began < BOUND_S / 2
    assert pipeline.condition("Stalled")["status"] == "True"


def test_a_release_whose_neighbour_is_away_ends_at_its_timeout(operator: Release, tmp_path: Path) -> None:
    """A queue that does not answer may be back by itself: that is not Stalled, so Helm waits as long as it may."""
    cluster = operator.cluster
    alone = Pipeline(cluster, cluster.new_namespace("team"), "media")
    release = _release(alone, tmp_path, alone.document())
    began = time.monotonic()

    ended = release.install(None, "--timeout", "8s")

    assert ended.returncode != 0
    assert "deadline exceeded" in ended.stderr
    assert 8 <= time.monotonic() - began < BOUND_S / 2
    assert alone.condition("Ready")["status"] == "False"
    assert alone.condition("Stalled")["status"] == "False"


def test_a_release_with_a_slip_in_its_pipeline_is_refused_with_the_field(pipeline: Pipeline, tmp_path: Path) -> None:
    release = _release(pipeline, tmp_path, pipeline.document(topology="PerPlanet"))

    ended = release.install()

    assert ended.returncode != 0
    assert "spec.topology" in ended.stderr
    assert not pipeline.exists


def test_a_failed_upgrade_of_a_pipeline_is_rolled_back_to_the_one_that_was_ready(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    release = _release(pipeline, tmp_path, pipeline.document())
    succeeded(release.install(None, "--timeout", f"{BOUND_S}s"))
    pipeline.cluster.kubelet.treat(pipeline.namespace, Behaviour.BAD_IMAGE, "absent:*")

    _write(release.chart, pipeline.document(worker={"template": {"image": "absent:1"}}))
    ended = release.upgrade(None, "--rollback-on-failure", "--timeout", f"{BOUND_S}s")

    assert ended.returncode != 0
    pipeline.wait("Ready", timeout_s=BOUND_S)
    images = {each["spec"]["containers"][0]["image"] for each in pipeline.pods("worker")}
    assert images == {pipeline.template("gateway")["spec"]["containers"][0]["image"]}


def test_extra_objects_of_the_operators_own_release_may_be_pipelines(operator: Release, pipeline: Pipeline) -> None:
    values = {"settings": {"probeSeconds": 1}, "extraObjects": [pipeline.document()]}

    succeeded(operator.upgrade(values, "--timeout", f"{BOUND_S}s"))
    assert pipeline.condition("Ready")["status"] == "True"

    succeeded(operator.do("rollback", "1", "--wait"))
    assert not pipeline.exists


def _release(pipeline: Pipeline, folder: Path, document: Manifest) -> Release:
    """A chart of the user's own, with the pipeline as its only template."""
    chart = folder / "search"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(yaml.safe_dump(ROOT), encoding="utf-8")
    _write(chart, document)
    return Release(pipeline.cluster, pipeline.namespace, "search", chart)


def _write(chart: Path, document: dict[str, Any]) -> None:
    (chart / "templates" / "pipeline.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
