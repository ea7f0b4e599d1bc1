"""What the metrics adapter reads of NATS, at the moment when it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, gate_to
from tests.servers.nats import NatsServer, nats_running

from mmpipe.adapters.queue import Envelope
from mmpipe.adapters.queue.jetstream import JetStream
from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline
from mmpipe.v1 import sample_pb2
from mmpipe_operator.neighbours import NeighbourError
from mmpipe_operator.neighbours.queue_depths import QueueDepths

pytestmark = pytest.mark.server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = {"name": "nats", "key": "token"}
HIDDEN = "open-sesame-7"


def over_nats(name: str, url: str, **changed: object) -> MultimodalPipeline:
    return a_pipeline(name, queue={"url": url, **changed})


@asynccontextmanager
async def asked(timeout_s: float = 1.0) -> AsyncIterator[QueueDepths]:
    depths = QueueDepths(timeout_s)
    try:
        yield depths
    finally:
        await depths.close()


async def publish(queue: JetStream, lane: str, *ids: str) -> None:
    for id_ in ids:
        await queue.publish(Envelope(sample_pb2.Sample(id=id_), NOW), lane, id_)


@asynchronous
async def test_each_sample_counts_once_in_all_and_once_for_each_modality_also_in_flight(nats_url: str) -> None:
    pipeline = over_nats("depths", nats_url)
    queue = await JetStream.open(nats_url, "prod", "depths")
    try:
        async with asked() as depths:
            await publish(queue, "text", "a", "b")
            await publish(queue, "text-image", "c")
            (delivery,) = await queue.pull("text", 1, 5.0)
            found = await depths.of(pipeline, {})
            assert found.total == 3
            assert {m: count for m, count in found.parts.items() if count} == {Modality.TEXT: 3, Modality.IMAGE: 1}
            await delivery.ack()
            assert (await depths.of(pipeline, {})).total == 2
    finally:
        await queue.close()


@asynchronous
async def test_a_pipeline_without_a_stream_has_nothing_that_waits(nats_url: str) -> None:
    async with asked() as depths:
        found = await depths.of(over_nats("no-depths", nats_url), {})
    assert found.total == 0
    assert set(found.parts.values()) == {0}


@asynchronous
async def test_a_server_that_is_away_is_an_error_at_once_for_a_moment_and_read_again_after_it(
    nats_server: NatsServer,
) -> None:
    pipeline = over_nats("away", nats_server.url)
    async with asked() as depths:
        await depths.of(pipeline, {})
        await asyncio.to_thread(nats_server.kill)
        with pytest.raises(NeighbourError, match="see that the NATS server runs"):
            await depths.of(pipeline, {})
        async with asyncio.timeout(0.2):  # who is silent is left alone: autoscalers of other pipelines must not wait
            with pytest.raises(NeighbourError):
                await depths.of(pipeline, {})
        await asyncio.to_thread(nats_server.start)
        async with asyncio.timeout(20):
            while (found := await tried(depths, pipeline)) is None:  # noqa: ASYNC110  # it tells nobody that it is back
                await asyncio.sleep(0.1)
    assert found == 0


async def tried(depths: QueueDepths, pipeline: MultimodalPipeline) -> int | None:
    try:
        return (await depths.of(pipeline, {})).total
    except NeighbourError:
        return None


@asynchronous
async def test_a_server_that_accepts_and_never_answers_takes_no_more_than_the_time_limit(nats_url: str) -> None:
    async with gate_to(nats_url) as gate, asked(0.3) as depths:
        pipeline = over_nats("swallowed", f"nats://127.0.0.1:{gate.port}")
        await depths.of(pipeline, {})
        gate.swallow()
        async with asyncio.timeout(3):
            with pytest.raises(NeighbourError):
                await depths.of(pipeline, {})


@asynchronous
async def test_wrong_credentials_are_an_error_that_shows_none() -> None:
    with nats_running(f'authorization {{ token: "{HIDDEN}" }}\n') as server:
        pipeline = over_nats("wrong-token", server.url, credentialsSecretRef=TOKEN)
        async with asked() as depths:
            with pytest.raises(NeighbourError, match="see that the credentials fit") as refused:
                await depths.of(pipeline, {("nats", "token"): "wrong-sesame"})
            assert "sesame" not in str(refused.value)
            assert (await depths.of(pipeline, {("nats", "token"): HIDDEN})).total == 0


@asynchronous
async def test_a_secret_that_is_not_there_is_an_error_by_name_and_key(nats_url: str) -> None:
    async with asked() as depths:
        with pytest.raises(NeighbourError, match="Secret nats, key token: found none"):
            await depths.of(over_nats("no-secret", nats_url, credentialsSecretRef=TOKEN), {})


@asynchronous
async def test_two_hundred_pipelines_share_one_connection_which_is_given_back_when_idle(nats_url: str) -> None:
    async with gate_to(nats_url) as gate, asked() as depths:
        pipelines = [over_nats(f"depths-{number}", f"nats://127.0.0.1:{gate.port}") for number in range(200)]
        found = await asyncio.gather(*(depths.of(pipeline, {}) for pipeline in pipelines))
        assert {depth.total for depth in found} == {0}
        assert gate.opened == 1
        await depths.let_go()
        assert not gate.left.is_set()
        await depths.let_go(idle_s=0)
        async with asyncio.timeout(10):
            await gate.left.wait()
