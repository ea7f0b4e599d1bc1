from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline
from mmpipe.telemetry.testing import capture
from mmpipe_operator.cluster import Cluster
from mmpipe_operator.metrics_adapter.pipelines import Pipelines
from mmpipe_operator.metrics_adapter.problems import Unknown, Unreadable
from mmpipe_operator.metrics_adapter.readings import Readings
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.neighbours import NeighbourError
from mmpipe_operator.neighbours.queue_depths import Depth

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Queues:
    """Two samples of text alone, three of text and image."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None

    async def of(self, pipeline: MultimodalPipeline, secrets: Mapping[tuple[str, str], str]) -> Depth:
        assert (pipeline.metadata.name, secrets) == ("media", {})
        self.asked += 1
        if self.fault:
            raise self.fault
        return Depth(5, dict.fromkeys(Modality, 0) | {Modality.TEXT: 5, Modality.IMAGE: 3})


class Pods:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def of(self, namespace: str, pipeline: str, process: str) -> int:
        assert (namespace, pipeline) == ("team", "media")
        self.asked.append(process)
        if process == "fuse":
            raise Unreadable("pod fuse: no answer")
        return 7


class World:
    def __init__(self) -> None:
        cluster = FakeCluster()
        cluster.put(pipeline({"modalities": [{"name": "text"}, {"name": "image"}]}))
        self.queues, self.pods = Queues(), Pods()
        pipelines = Pipelines(cast("Cluster", cluster), 60, 60)
        self.readings = Readings(pipelines, self.queues, self.pods, 60, lambda: NOW)

    async def value(self, metric: str, **labels: str) -> int:
        reading = await self.readings.answer(Question("team", "media", metric, labels))
        assert reading.at == NOW
        return reading.value


@asynchronous
async def test_the_queue_is_read_whole_and_by_modality_with_one_question() -> None:
    world = World()
    assert await world.value("queue_depth") == 5
    assert await world.value("queue_depth", modality="text") == 5
    assert await world.value("queue_depth", modality="image") == 3
    assert world.queues.asked == 1


@asynchronous
async def test_each_process_is_read_by_itself() -> None:
    world = World()
    assert await world.value("service_depth", process="image") == 7
    assert await world.value("service_depth", process="gateway") == 7
    assert await world.value("service_depth", process="image") == 7
    assert world.pods.asked == ["image", "gateway"]


@pytest.mark.parametrize(
    ("metric", "labels", "said"),
    [
        ("queue_depth", {"modality": "audio"}, "team/media: found no modality audio, expected one of image, text"),
        ("queue_depth", {"modality": "smell"}, "found no modality smell"),
        ("service_depth", {"process": "audio"}, "found no process audio, expected one of fuse, gateway, image, text"),
        ("service_depth", {"process": "worker"}, "found no process worker"),
    ],
)
@asynchronous
async def test_what_the_pipeline_does_not_have_is_never_0(metric: str, labels: dict[str, str], said: str) -> None:
    with pytest.raises(Unknown, match=said):
        await World().value(metric, **labels)


@asynchronous
async def test_a_pipeline_that_is_not_there_is_unknown() -> None:
    with pytest.raises(Unknown):
        await World().readings.answer(Question("team", "other", "queue_depth"))


@asynchronous
async def test_a_queue_that_does_not_answer_is_unreadable_and_asked_anew() -> None:
    world = World()
    world.queues.fault = NeighbourError("nats://nats: no answer")
    with pytest.raises(Unreadable, match="nats://nats: no answer"):
        await world.value("queue_depth")
    world.queues.fault = None
    assert await world.value("queue_depth") == 5


@asynchronous
async def test_readings_and_failures_are_counted_by_their_source() -> None:
    world = World()
    with capture() as emitted:
        await world.value("queue_depth")
        with pytest.raises(Unreadable):
            await world.value("service_depth", process="fuse")
        assert emitted.total("mmpipe.adapter.readings", {"source": "stream", "result": "done"}) == 1
        assert emitted.total("mmpipe.adapter.readings", {"source": "pods", "result": "failed"}) == 1
        assert emitted.total("mmpipe.adapter.reading.duration", {"source": "pods"}) == 1
