"""A new autoscaler never finds its Deployment at zero, and nobody else's replicas are touched."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.operator.fake_cluster import pipeline
from tests.unit.operator.reconciling.test_reconcile import Scene

from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, Ref
from mmpipe_operator.scaling.waking import target, waking

TEXT = Ref(DEPLOYMENT, "team", "media-text")
SCALER = Ref(AUTOSCALER, "team", "media-text")
WAKE = ("merge", "Deployment media-text")


def asleep(**spec: object) -> Scene:
    """Settled, and then somebody sets a Deployment to zero."""
    scene = Scene(pipeline(dict(spec)))
    scene.reconcile()
    scale(scene, 0)
    return scene


def scale(scene: Scene, replicas: int) -> None:
    """As an autoscaler or a person does, who then owns this field."""
    patch = {"metadata": {}, "spec": {"replicas": replicas}}
    scene.cache.put(asyncio.run(scene.cluster.merge(TEXT, patch)))


def test_an_autoscaler_that_comes_back_finds_one_replica() -> None:
    scene = asleep()
    scene.cache.drop(scene.cluster.objects.pop(SCALER))

    scene.reconcile()

    assert scene.cluster.writes.index(WAKE) < scene.cluster.writes.index(
        ("apply", "HorizontalPodAutoscaler media-text")
    )
    assert scene.cluster.objects[TEXT]["spec"]["replicas"] == 1


def test_a_first_autoscaler_after_nobody_scaled_finds_one_replica() -> None:
    scene = asleep(scaling={"mode": "None"})

    scene.edit(scaling={"mode": "HPA"})
    scene.reconcile()

    assert WAKE in scene.cluster.writes


@pytest.mark.parametrize("scaling", [{"mode": "None"}, {"mode": "HPA", "minReplicas": 0}])
def test_a_zero_stays_where_nobody_scales_or_an_autoscaler_is_there(scaling: dict[str, object]) -> None:
    scene = asleep(scaling=scaling)

    scene.reconcile()

    assert WAKE not in scene.cluster.writes


def test_replicas_of_a_deployment_that_is_awake_are_left_alone() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    scale(scene, 3)
    scene.cache.drop(scene.cluster.objects.pop(SCALER))

    scene.reconcile()

    assert WAKE not in scene.cluster.writes


def test_the_patch_holds_for_the_deployment_as_it_was_seen() -> None:
    patch = waking({"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 0}})

    assert patch == {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 1}}


def test_what_is_no_autoscaler_wakes_nothing() -> None:
    assert target({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "n", "name": "d"}}) is None
