from __future__ import annotations

import base64
from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe.records import Modality
from mmpipe_operator.cluster import Cluster, Refused
from mmpipe_operator.kinds import PIPELINE, SECRET, Ref
from mmpipe_operator.metrics_adapter.pipelines import Pipelines
from mmpipe_operator.metrics_adapter.problems import Unknown, Unreadable

MEDIA = Ref(PIPELINE, "team", "media")
CREDENTIALS = Ref(SECRET, "team", "nats")
WITH_CREDENTIALS = {
    "source": {"queue": {"nats": {"url": "nats://nats", "credentialsSecretRef": {"name": "nats", "key": "token"}}}}
}


class World:
    """A cluster with one pipeline, and a clock."""

    def __init__(self, **spec: object) -> None:
        self.now_s = 0.0
        self.cluster = FakeCluster()
        self.cluster.put(pipeline(dict(spec)))
        self.pipelines = Pipelines(cast("Cluster", self.cluster), 5, 60, lambda: self.now_s)


@asynchronous
async def test_a_pipeline_is_known_with_its_processes_and_modalities() -> None:
    world = World(modalities=[{"name": "image"}, {"name": "text"}], topology="PerStage")
    known = await world.pipelines.get("team", "media")
    assert known.modalities == {Modality.IMAGE, Modality.TEXT}
    stages = {f"{modality}-{stage}" for modality in ("image", "text") for stage in ("decode", "clean", "embed")}
    assert known.processes == {"gateway", "worker", "fuse"} | stages


@asynchronous
async def test_a_pipeline_is_read_again_after_a_while() -> None:
    world = World()
    await world.pipelines.get("team", "media")
    world.now_s = 4.9
    await world.pipelines.get("team", "media")
    assert world.cluster.reads == 1
    world.now_s = 5.0
    del world.cluster.objects[MEDIA]
    with pytest.raises(Unknown, match="MultimodalPipeline team/media: found none of that name"):
        await world.pipelines.get("team", "media")


@asynchronous
async def test_credentials_of_the_queue_are_read_and_shown_to_nobody() -> None:
    world = World(**WITH_CREDENTIALS)
    data = {"token": base64.b64encode(b"open-sesame").decode()}
    metadata = {"namespace": "team", "name": "nats"}
    world.cluster.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    known = await world.pipelines.get("team", "media")
    assert known.secrets == {("nats", "token"): "open-sesame"}
    assert "sesame" not in repr(known)


@asynchronous
async def test_a_right_that_is_lacking_is_an_unreadable_pipeline() -> None:
    world = World(**WITH_CREDENTIALS)
    world.cluster.refuse = lambda _, ref: Refused(str(ref), "Forbidden", "you may not") if ref.kind is SECRET else None
    with pytest.raises(Unreadable, match="Secret team/nats: you may not"):
        await world.pipelines.get("team", "media")


@asynchronous
async def test_a_spec_that_can_not_be_used_is_told_by_field() -> None:
    world = World(modalities=[{"name": "smell"}])
    with pytest.raises(Unreadable, match=r"team/media: its spec can't be used: .*spec.modalities"):
        await world.pipelines.get("team", "media")
