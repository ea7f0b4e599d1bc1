"""What an operator believes of a pipeline is asked for before it writes: lists and watches may be behind."""

from __future__ import annotations

import pytest
from tests.unit.operator.fake_cluster import merged, pipeline
from tests.unit.operator.reconciling.test_reconcile import KEY, Scene, deleted

from mmpipe_operator import names
from mmpipe_operator.cluster import Conflict
from mmpipe_operator.kinds import PIPELINE, Manifest, Ref


def meanwhile(scene: Scene, **metadata: object) -> None:
    """The pipeline changes, and no watch has told it yet."""
    scene.cluster.put({**scene.raw, "metadata": {**scene.raw["metadata"], **metadata}})


def edited(raw: Manifest, generation: int, **spec: object) -> Manifest:
    return {**raw, "metadata": {**raw["metadata"], "generation": generation}, "spec": {**raw["spec"], **spec}}


def test_an_old_spec_is_not_made_true_again() -> None:
    scene = Scene(pipeline())
    scene.cluster.put(edited(scene.raw, 2, topology="PerStage"))

    with pytest.raises(Conflict, match="another generation"):
        scene.reconcile()

    assert scene.cluster.writes == []


def test_after_that_the_present_spec_is_made_true() -> None:
    scene = Scene(pipeline())
    scene.cluster.put(edited(scene.raw, 2, topology="PerStage"))
    with pytest.raises(Conflict):
        scene.reconcile()

    scene.reconcile()

    assert "media-text-embed" in scene.names("Deployment")


def test_what_the_present_spec_has_is_not_deleted_for_an_old_one() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    for process in ("gateway", "worker"):
        scene.roll_out(process)
    old = scene.raw
    scene.see(edited(old, 2, topology="PerStage"))
    scene.reconcile()
    before = set(scene.cluster.objects)
    behind = Scene(old)
    behind.cluster.objects = scene.cluster.objects
    for manifest in tuple(scene.cluster.objects.values()):
        if manifest["kind"] != names.KIND:
            behind.cache.put(manifest)

    behind.cluster.objects[Ref(PIPELINE, *KEY)] = scene.raw
    with pytest.raises(Conflict):
        behind.reconcile()

    assert behind.cluster.writes == []
    assert set(behind.cluster.objects) == before


def test_nothing_is_made_for_a_pipeline_that_has_gone() -> None:
    scene = Scene(pipeline())
    del scene.cluster.objects[Ref(PIPELINE, *KEY)]

    with pytest.raises(Conflict, match="gone"):
        scene.reconcile()

    assert scene.cluster.writes == []
    assert scene.cache.pipeline(KEY) is None


def test_the_collection_of_a_namesake_is_not_dropped() -> None:
    """It was deleted and made anew while the operator saw no more than the deletion."""
    scene = Scene(deleted())
    meanwhile(scene, uid="another", deletionTimestamp=None)

    with pytest.raises(Conflict):
        scene.reconcile()

    assert scene.neighbours.dropped == []


def test_a_pod_whose_end_was_missed_does_not_hold_a_deleted_pipeline() -> None:
    scene = Scene(deleted())
    metadata = {"namespace": "team", "name": "p", "uid": "p", "resourceVersion": "1"}
    labels = names.labels("media", "worker")
    scene.cache.put({"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": labels}, "status": {}})
    assert scene.cache.pods(KEY)

    scene.reconcile()

    assert scene.neighbours.dropped == ["media"]


@pytest.mark.parametrize(
    "wish",
    [
        {"spec": {"topology": "PerStage"}, "metadata": {"generation": 2}},
        {"metadata": {"annotations": {names.RECONCILE: "Paused"}}},
        {"metadata": {"generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
    ids=["edited", "paused", "deleted"],
)
def test_what_the_answer_to_a_status_brings_is_looked_at(wish: Manifest) -> None:
    """The watch will bring nothing newer of it."""
    scene = Scene(pipeline())
    apply_status = scene.cluster.apply_status

    async def meanwhile_wished(ref: Ref, status: Manifest) -> Manifest:
        scene.cluster.put(merged(scene.raw, wish))
        return await apply_status(ref, status)

    scene.cluster.apply_status = meanwhile_wished  # type: ignore[method-assign]  # a user acts in between

    with pytest.raises(Conflict, match="looking again"):
        scene.reconcile()

    known = scene.cache.pipeline(KEY)
    assert known is not None
    assert known["metadata"]["resourceVersion"] == scene.raw["metadata"]["resourceVersion"]
    assert scene.condition("Reconciling")["observedGeneration"] == 1


def test_one_reconcile_asks_once() -> None:
    scene = Scene(pipeline())
    asked: list[Ref] = []
    get = scene.cluster.get

    async def counted(ref: Ref) -> Manifest | None:
        asked.append(ref)
        return await get(ref)

    scene.cluster.get = counted  # type: ignore[method-assign]  # it counts

    scene.reconcile()

    assert asked.count(Ref(PIPELINE, *KEY)) == 1
