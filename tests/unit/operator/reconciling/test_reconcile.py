from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Events, NotLeading, Refused, Unavailable
from mmpipe_operator.kinds import CONFIG_MAP, DEPLOYMENT, PIPELINE, SECRET, SERVICE, Manifest, Ref, ref_of
from mmpipe_operator.neighbours import NeighbourError, Neighbours
from mmpipe_operator.reconciling.finalizer import DROP_AGAIN_S
from mmpipe_operator.reconciling.reconcile import Defaults, NotApplied, Reconciler, World
from mmpipe_operator.status import Probe, Report
from mmpipe_operator.watching.cache import Cache
from mmpipe_operator.watching.contents import ContentReader

KEY = ("team", "media")
REACHABLE = Report(queue=Probe("Reachable"), vectors=Probe("Reachable"), dead_letters=0, backlog=0)


class FakeNeighbours:
    def __init__(self) -> None:
        self.dropped: list[str] = []
        self.forgotten: list[str] = []
        self.asked = 0
        self.fault: NeighbourError | None = None

    def report(self, _: MultimodalPipeline, __: Mapping[tuple[str, str], str]) -> Report:
        self.asked += 1
        return REACHABLE

    def heard(self, _: str, __: str) -> Report | None:
        return REACHABLE

    def forget(self, _: str, name: str) -> None:
        self.forgotten.append(name)

    async def drop_vectors(self, dropped: MultimodalPipeline, _: Mapping[tuple[str, str], str]) -> None:
        if self.fault:
            raise self.fault
        self.dropped.append(dropped.metadata.name)


class Scene:
    """One pipeline in a fake cluster, with the operator's cache fed as its watches would."""

    def __init__(self, raw: Manifest) -> None:
        self.cluster, self.neighbours, self.cache = FakeCluster(), FakeNeighbours(), Cache()
        self.see(raw)
        cluster = cast("Cluster", self.cluster)
        self.world = World(
            cluster=cluster,
            cache=self.cache,
            contents=ContentReader(cluster, 60),
            neighbours=cast("Neighbours", self.neighbours),
            events=Events(cluster, "operator-0"),
            defaults=Defaults(image="mmpipe:1"),
        )
        self.reconciler = Reconciler(self.world)

    def see(self, manifest: Manifest) -> None:
        self.cache.put(self.cluster.put(manifest))

    def reconcile(self) -> float | None:
        self.cluster.writes.clear()
        return asyncio.run(self.reconciler.reconcile(KEY))

    def reconcile_in_vain(self) -> None:
        """As ``reconcile``, where something is refused: it is to be tried again."""
        with pytest.raises(NotApplied):
            self.reconcile()

    def edit(self, **changed: object) -> None:
        raw = self.raw
        self.see({**raw, "spec": {**raw["spec"], **changed}})

    def roll_out(self, process: str) -> None:
        """As its controller does."""
        deployment = self.cluster.objects[Ref(DEPLOYMENT, "team", f"media-{process}")]
        done = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        self.see({**deployment, "status": done})

    @property
    def raw(self) -> Manifest:
        return self.cluster.objects[Ref(PIPELINE, *KEY)]

    def condition(self, kind: str) -> Manifest:
        return next(each for each in self.raw["status"]["conditions"] if each["type"] == kind)

    def names(self, kind: str) -> set[str]:
        return {ref.name for ref in self.cluster.objects if ref.kind.kind == kind}


def test_a_pipeline_gets_its_children_and_then_its_status() -> None:
    scene = Scene(pipeline())

    scene.reconcile()

    assert scene.names("Deployment") == {"media-gateway", "media-worker", "media-text", "media-fuse"}
    assert scene.cluster.writes[-1] == ("status", "MultimodalPipeline media")
    assert scene.condition("Reconciling")["status"] == "True"


def test_nothing_is_written_when_nothing_has_changed() -> None:
    scene = Scene(pipeline())
    scene.reconcile()

    scene.reconcile()

    assert scene.cluster.writes == []


def test_a_new_operator_over_the_same_cluster_writes_nothing() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    scene.reconciler = Reconciler(scene.world)

    scene.reconcile()

    assert scene.cluster.writes == []


def test_a_child_that_somebody_has_changed_is_put_right() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    service = scene.cluster.objects[Ref(SERVICE, "team", "media-text")]
    scene.see({**service, "spec": {**service["spec"], "selector": {"app": "theirs"}}})

    scene.reconcile()

    assert ("apply", "Service media-text") in scene.cluster.writes
    assert scene.cluster.objects[Ref(SERVICE, "team", "media-text")]["spec"]["selector"] != {"app": "theirs"}


def test_a_modality_that_is_removed_takes_its_objects_with_it() -> None:
    scene = Scene(pipeline({"modalities": [{"name": "text"}, {"name": "image"}]}))
    scene.reconcile()

    scene.edit(modalities=[{"name": "text"}])
    scene.reconcile()
    assert "media-image" in scene.names("Deployment"), "the old worker still calls it"

    scene.roll_out("gateway")
    scene.roll_out("worker")
    scene.reconcile()

    assert ("delete", "Deployment media-image") in scene.cluster.writes
    assert "media-image" not in scene.names("Service")


def test_a_process_that_is_no_longer_planned_outlives_the_workers_that_are_still_finishing() -> None:
    scene = Scene(pipeline({"modalities": [{"name": "text"}, {"name": "image"}]}))
    scene.reconcile()
    scene.edit(modalities=[{"name": "text"}])
    scene.reconcile()
    scene.roll_out("gateway")
    scene.roll_out("worker")
    draining = pod_of("worker", deletionTimestamp="2026-01-01T00:00:00Z")
    scene.see(draining)

    scene.reconcile()
    assert "media-image" in scene.names("Deployment"), "its Deployment no longer counts it"

    del scene.cluster.objects[ref_of(draining)]
    scene.cache.drop(scene.cache.pods(KEY)[0])
    scene.reconcile()
    assert "media-image" not in scene.names("Deployment")


def pod_of(process: str, **metadata: object) -> Manifest:
    own = {
        "name": f"media-{process}-1",
        "namespace": "team",
        "uid": "uid-pod",
        "labels": names.labels("media", process),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**own, **metadata}, "status": {}}


def test_a_file_stays_until_the_pods_that_read_it_are_gone() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    old = {name for name in scene.names("ConfigMap") if name.startswith("media-text")}

    scene.edit(modalities=[{"name": "text", "decode": {"maxCharacters": 5}}])
    scene.reconcile()
    assert old < scene.names("ConfigMap")

    scene.roll_out("text")
    scene.reconcile()

    assert not old & scene.names("ConfigMap")


def test_a_spec_that_is_wrong_leaves_what_runs_alone_and_says_which_field() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    running = set(scene.cluster.objects)

    scene.edit(topology="PerPlanet")
    scene.reconcile()

    assert set(scene.cluster.objects) == running
    assert scene.cluster.writes == [("status", "MultimodalPipeline media")]
    assert scene.condition("Stalled")["status"] == "True"
    assert "spec.topology" in scene.condition("SpecValid")["message"]


def test_a_foreign_object_of_a_planned_name_is_not_taken_over() -> None:
    scene = Scene(pipeline())
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "team", "name": "media-text", "uid": "x"},
    }
    scene.cluster.put(foreign)

    scene.reconcile_in_vain()

    assert ("apply", "Service media-text") not in scene.cluster.writes
    assert ("apply", "Deployment media-text") in scene.cluster.writes
    assert "media-text" in scene.condition("Stalled")["message"]


def test_a_refusal_of_one_object_keeps_no_other_from_being_applied() -> None:
    scene = Scene(pipeline())
    scene.cluster.refuse = lambda verb, ref: (
        Refused("PATCH", "Forbidden", "no right to apply it") if (verb, ref.kind) == ("apply", SERVICE) else None
    )

    scene.reconcile_in_vain()

    assert ("apply", "Deployment media-text") in scene.cluster.writes
    assert "no right to apply it" in scene.condition("Stalled")["message"]


def test_a_list_that_cannot_be_merged_is_replaced() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    service = scene.cluster.objects[Ref(SERVICE, "team", "media-text")]
    scene.see({**service, "spec": {**service["spec"], "ports": [{"name": "grpc", "port": 1, "protocol": "TCP"}]}})
    refusals = [Refused("PATCH", "Invalid", "duplicate port name")]
    scene.cluster.refuse = lambda verb, ref: (
        refusals.pop() if refusals and (verb, ref.kind) == ("apply", SERVICE) else None
    )

    scene.reconcile()

    assert scene.cluster.writes[:2] == [("merge", "Service media-text"), ("apply", "Service media-text")]
    assert scene.condition("Stalled")["status"] == "False"


def test_an_api_server_that_is_away_is_tried_again() -> None:
    scene = Scene(pipeline())
    scene.cluster.refuse = lambda verb, _: Unavailable("PATCH", "503", "not now") if verb == "apply" else None

    with pytest.raises(Unavailable):
        scene.reconcile()
    assert scene.condition("Reconciling")["status"] == "True"


def test_a_replica_that_no_longer_leads_stops_at_once() -> None:
    scene = Scene(pipeline())
    scene.cluster.refuse = lambda verb, _: NotLeading("PATCH", "NotLeading", "lost") if verb == "apply" else None

    with pytest.raises(NotLeading):
        scene.reconcile()
    assert scene.cluster.writes == []


def test_paused_by_annotation_nothing_is_touched_but_the_status_once() -> None:
    scene = Scene(pipeline(annotations={names.RECONCILE: "Paused"}))

    scene.reconcile()
    assert scene.cluster.writes == [("status", "MultimodalPipeline media")]
    scene.reconcile()

    assert scene.cluster.writes == []


def test_a_secret_that_changes_rolls_the_pods_that_read_it() -> None:
    sink = {**pipeline()["spec"]["sink"], "milvus": {"uri": "http://m:1", "tokenSecretRef": {"name": "m", "key": "t"}}}
    scene = Scene(pipeline({"sink": sink}))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "team", "name": "m"}}
    scene.cluster.put({**secret, "data": {"t": "b25l"}})
    again_s = scene.reconcile()
    assert again_s is not None

    scene.cluster.put({**secret, "data": {"t": "dHdv"}})
    scene.world.contents.fresh_s = 0
    scene.reconcile()

    rolled = {what for verb, what in scene.cluster.writes if verb == "apply"}
    assert rolled == {"Deployment media-gateway", "Deployment media-worker"}


def test_without_the_right_to_read_a_secret_nothing_is_applied() -> None:
    sink = {**pipeline()["spec"]["sink"], "milvus": {"uri": "http://m:1", "tokenSecretRef": {"name": "m", "key": "t"}}}
    scene = Scene(pipeline({"sink": sink}))
    scene.cluster.refuse = lambda _, ref: Refused("GET", "Forbidden", "no secrets") if ref.kind is SECRET else None

    scene.reconcile_in_vain()

    assert scene.cluster.writes == [("status", "MultimodalPipeline media")]
    assert "no secrets" in scene.condition("Stalled")["message"]


def test_a_pipeline_that_is_gone_is_forgotten() -> None:
    scene = Scene(pipeline())
    scene.reconcile()
    scene.cache.drop({**scene.raw, "metadata": {**scene.raw["metadata"], "resourceVersion": "999"}})

    assert scene.reconcile() is None
    assert scene.neighbours.forgotten == ["media"]


def deleted(**spec: object) -> Manifest:
    return pipeline(
        {"lifecycle": {"deletionPolicy": "Delete"}, **spec},
        deletionTimestamp="2999-01-01T00:00:00Z",
        finalizers=[names.FINALIZER],
    )


def test_only_a_pipeline_whose_vectors_go_with_it_is_held() -> None:
    scene = Scene(pipeline({"lifecycle": {"deletionPolicy": "Delete"}}))
    scene.reconcile()
    assert scene.raw["metadata"]["finalizers"] == [names.FINALIZER]

    scene.edit(lifecycle={"deletionPolicy": "Retain"})
    scene.reconcile()

    assert scene.raw["metadata"]["finalizers"] == []


def test_a_deleted_pipeline_is_let_go_when_its_collection_is_dropped() -> None:
    scene = Scene(deleted())

    assert scene.reconcile() is None

    assert scene.neighbours.dropped == ["media"]
    assert scene.raw["metadata"]["finalizers"] == []
    assert ("Normal", "VectorsDropped") in scene.cluster.events


def test_the_collection_is_dropped_only_after_the_pods_are_gone() -> None:
    scene = Scene(pipeline({"lifecycle": {"deletionPolicy": "Delete"}}))
    scene.reconcile()
    labels = names.labels("media", "worker")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "team", "name": "p", "labels": labels}}
    scene.see(pod)
    scene.see({**scene.raw, "metadata": {**scene.raw["metadata"], "deletionTimestamp": "2999-01-01T00:00:00Z"}})

    assert scene.reconcile() is not None

    assert ("delete", "Deployment media-worker") in scene.cluster.writes
    assert scene.neighbours.dropped == []


def test_a_milvus_that_is_away_holds_a_deleted_pipeline_for_a_while() -> None:
    scene = Scene(deleted())
    scene.neighbours.fault = NeighbourError("no answer")

    assert scene.reconcile() == DROP_AGAIN_S
    assert scene.raw["metadata"]["finalizers"] == [names.FINALIZER]


def test_the_last_try_to_drop_a_collection_is_not_later_than_the_bound() -> None:
    raw = deleted()
    scene = Scene(raw)
    deleted_at = datetime.now(UTC) - timedelta(seconds=scene.world.drop_limit_s - 3)
    scene.see({**raw, "metadata": {**raw["metadata"], "deletionTimestamp": deleted_at.isoformat()}})
    scene.neighbours.fault = NeighbourError("no answer")

    again_s = scene.reconcile()

    assert again_s is not None
    assert 0 <= again_s <= 3


def test_a_pipeline_that_is_held_says_why_once_until_another_has_its_name() -> None:
    scene = Scene(deleted())
    scene.neighbours.fault = NeighbourError("no answer")
    for _ in range(2):
        scene.reconcile()
    assert scene.cluster.events == [("Warning", "VectorsNotDropped")]

    raw = deleted()
    scene.see({**raw, "metadata": {**raw["metadata"], "uid": "uid-of-the-next"}})
    scene.reconcile()
    assert scene.cluster.events == [("Warning", "VectorsNotDropped")] * 2


@pytest.mark.parametrize(
    "metadata",
    [{"deletionTimestamp": "2020-01-01T00:00:00Z"}, {"annotations": {names.ABANDON: "true"}}],
    ids=["time is over", "somebody says so"],
)
def test_a_deleted_pipeline_never_hangs(metadata: dict[str, object]) -> None:
    raw = deleted()
    scene = Scene({**raw, "metadata": {**raw["metadata"], **metadata}})
    scene.neighbours.fault = NeighbourError("no answer")

    scene.reconcile()

    assert scene.raw["metadata"]["finalizers"] == []
    assert ("Warning", "VectorsAbandoned") in scene.cluster.events


def test_a_deleted_pipeline_whose_spec_nobody_can_read_is_let_go() -> None:
    scene = Scene(deleted(topology="PerPlanet"))

    scene.reconcile()

    assert scene.raw["metadata"]["finalizers"] == []


def test_the_finalizers_of_others_stay() -> None:
    raw = deleted()
    scene = Scene({**raw, "metadata": {**raw["metadata"], "finalizers": ["theirs/x", names.FINALIZER]}})

    scene.reconcile()

    assert scene.raw["metadata"]["finalizers"] == ["theirs/x"]


def test_a_config_map_of_the_spec_is_never_read_from_another_namespace() -> None:
    """A reference has no namespace: what it names is in the pipeline's own."""
    scene = Scene(pipeline({"modalities": [{"name": "text", "template": {"volumes": [MODELS]}}]}))
    asked: list[Ref] = []

    def note(verb: str, ref: Ref) -> ClusterError | None:
        if verb == "get" and ref.kind is CONFIG_MAP:
            asked.append(ref)
        return None

    scene.cluster.refuse = note
    scene.reconcile()

    assert Ref(CONFIG_MAP, "team", "models") in asked
    assert {ref.namespace for ref in asked} == {"team"}


MODELS = {"name": "models", "configMap": {"name": "models"}}
