"""An API server that lets no autoscaler go to zero, as those before Kubernetes 1.37 do unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.fixtures import establish
from e2e.cluster.operators import installed
from e2e.cluster.session import Cluster, own_cluster
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER

OFF = {"feature-gates": "HPAScaleToZero=false"}


@pytest.fixture(scope="module")
def older_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if request.config.getoption("--kubeconfig"):
        pytest.skip("needs an API server of our own; --kubeconfig names another")
    with own_cluster({"kube-apiserver": OFF, "kube-controller-manager": OFF}) as made:
        establish(made)
        yield made


@pytest.fixture
def pipeline(older_cluster: Cluster) -> Iterator[Pipeline]:
    """Its own namespace, which an operator keeps; not applied yet."""
    namespace = older_cluster.new_namespace("older")
    with installed(older_cluster, [namespace]) as operators:
        operators()
        yield Pipeline(older_cluster, namespace, "media")


def test_a_pipeline_that_may_go_to_zero_runs_unscaled_and_says_what_to_do(pipeline: Pipeline) -> None:
    pipeline.apply(scaling={"minReplicas": 0})

    said = pipeline.wait("ScalingActive", "False", "ScaleToZeroRefused")
    assert names.child("media", "image") in said["message"]
    assert "set `minReplicas` to 1" in said["message"]
    pipeline.wait("Stalled", "True", "ScaleToZeroRefused")
    pipeline.wait("StagesAvailable")
    assert _autoscaled(pipeline) == {names.child("media", "gateway")}
    assert pipeline.deployment("image")["spec"]["replicas"] == 1

    pipeline.apply(scaling={"minReplicas": 1})

    pipeline.wait("Stalled", "False")
    assert _autoscaled(pipeline) == {names.child("media", each) for each in ("gateway", "worker", "image", "fuse")}


def _autoscaled(pipeline: Pipeline) -> set[str]:
    return {each["metadata"]["name"] for each in pipeline.children([AUTOSCALER]).values()}
