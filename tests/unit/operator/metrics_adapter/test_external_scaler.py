"""KEDA's side of the contract, over TLS, with a client such as KEDA's; e2e/keda has KEDA itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.message import Message
from tests.asynchronous import asynchronous
from tests.servers.process import free_port

from mmpipe_operator.externalscaler import externalscaler_pb2 as keda
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.external_scaler import question_of, serve, target_of
from mmpipe_operator.metrics_adapter.issuing import Lifetimes, renewed
from mmpipe_operator.metrics_adapter.problems import ApiProblem, BadQuestion, Unknown, Unreadable
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.values import Reading

HOST = "mmpipe-metrics-adapter.mmpipe-system.svc"
WORKER = {"pipeline": "media", "metric": "queue_depth", "targetDepth": "9"}
IMAGE = {**WORKER, "modality": "image"}


def pair() -> Serving:
    """One of an authority of its own."""
    day = timedelta(days=1)
    made = renewed(None, HOST, Lifetimes(day, day), datetime.now(UTC))
    return Serving(made.chain, made.key, made.authority)


@dataclass(slots=True)
class Scaler:
    """Served at a port of this machine; the next answers are ``found``."""

    port: int = field(default_factory=free_port)
    found: int | ApiProblem = 0
    asked: list[Question] = field(default_factory=list)
    serving: Serving = field(default_factory=pair)
    _again: asyncio.Event = field(default_factory=asyncio.Event)

    async def is_asked(self, times: int) -> None:
        for _ in range(times):
            self._again.clear()
            await self._again.wait()

    async def answer(self, question: Question) -> Reading:
        self.asked.append(question)
        self._again.set()
        if isinstance(self.found, ApiProblem):
            raise type(self.found)(str(self.found))  # a fresh one: it would keep the frames of its call
        return Reading(self.found, datetime.now(UTC))

    def channel(self, authority: bytes) -> grpc.aio.Channel:
        known = (("grpc.ssl_target_name_override", HOST),)
        return grpc.aio.secure_channel(f"127.0.0.1:{self.port}", grpc.ssl_channel_credentials(authority), known)


@dataclass(slots=True)
class Client:
    """As KEDA asks."""

    channel: grpc.aio.Channel

    async def is_active(self, **metadata: str) -> bool:
        return (await self._ask("IsActive", ref(metadata), keda.IsActiveResponse)).result

    async def metric_spec(self, **metadata: str) -> list[tuple[str, int, float]]:
        answer = await self._ask("GetMetricSpec", ref(metadata), keda.GetMetricSpecResponse)
        return [(each.metricName, each.targetSize, each.targetSizeFloat) for each in answer.metricSpecs]

    async def metrics(self, **metadata: str) -> list[tuple[str, int, float]]:
        request = keda.GetMetricsRequest(scaledObjectRef=ref(metadata), metricName=metadata["metric"])
        answer = await self._ask("GetMetrics", request, keda.GetMetricsResponse)
        return [(each.metricName, each.metricValue, each.metricValueFloat) for each in answer.metricValues]

    def activity(self, **metadata: str) -> AsyncIterator[keda.IsActiveResponse]:
        asked = self.channel.unary_stream(
            "/externalscaler.ExternalScaler/StreamIsActive",
            request_serializer=keda.ScaledObjectRef.SerializeToString,
            response_deserializer=keda.IsActiveResponse.FromString,
        )
        return aiter(asked(ref(metadata)))

    async def _ask[A: Message](self, method: str, request: Message, answer: type[A]) -> A:
        call: grpc.aio.UnaryUnaryMultiCallable[Message, A] = self.channel.unary_unary(
            f"/externalscaler.ExternalScaler/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return await call(request)


def ref(metadata: dict[str, str]) -> keda.ScaledObjectRef:
    return keda.ScaledObjectRef(name="media-image", namespace="team", scalerMetadata=metadata)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Scaler, Client]]:
    scaler = Scaler()
    task = asyncio.create_task(serve(f"127.0.0.1:{scaler.port}", scaler.answer, lambda: scaler.serving, 0.01))
    try:
        async with scaler.channel(scaler.serving.authority) as channel:
            await asyncio.wait_for(channel.channel_ready(), 10)
            yield scaler, Client(channel)
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynchronous
async def test_a_trigger_is_told_the_depth_and_how_much_a_pod_should_have() -> None:
    async with serving() as (scaler, client):
        scaler.found = 35

        assert await client.metric_spec(**IMAGE) == [("queue_depth", 9, 9.0)]
        assert await client.metrics(**IMAGE) == [("queue_depth", 35, 35.0)]
        assert await client.is_active(**IMAGE)
        assert set(map(repr, scaler.asked)) == {repr(Question("team", "media", "queue_depth", {"modality": "image"}))}

        scaler.found = 0
        assert not await client.is_active(**WORKER)
        assert await client.metrics(**WORKER) == [("queue_depth", 0, 0.0)]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Unreadable("nats: found it away"), grpc.StatusCode.UNAVAILABLE),
        (Unknown("team/media: found no such pipeline"), grpc.StatusCode.NOT_FOUND),
    ],
)
@asynchronous
async def test_a_reading_that_fails_is_an_error_and_never_0(problem: ApiProblem, code: grpc.StatusCode) -> None:
    async with serving() as (scaler, client):
        scaler.found = problem

        for ask in (client.metrics, client.is_active):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await ask(**WORKER)
            assert (error.value.code(), error.value.details()) == (code, str(problem))


@asynchronous
async def test_a_trigger_that_is_not_ours_is_refused_in_words() -> None:
    async with serving() as (_, client):
        with pytest.raises(grpc.aio.AioRpcError, match="targetDepth: found 'many', expected a whole number") as error:
            await client.metric_spec(**WORKER | {"targetDepth": "many"})
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@asynchronous
async def test_what_waits_is_pushed_once_and_what_fails_is_not() -> None:
    async with serving() as (scaler, client):
        told: asyncio.Queue[bool] = asyncio.Queue()
        listening = asyncio.create_task(_listen(client.activity(**WORKER), told))
        assert not await told.get()

        scaler.found = 3
        assert await told.get()
        scaler.found = Unreadable("nats: found it away")
        await scaler.is_asked(3)
        assert told.empty(), "expected no word of what is not known"
        scaler.found = 4
        await scaler.is_asked(3)
        scaler.found = 0

        assert not await told.get(), "expected nothing between, as nothing had changed"
        assert told.empty()
        listening.cancel()
        await asyncio.wait([listening])


async def _listen(activity: AsyncIterator[keda.IsActiveResponse], told: asyncio.Queue[bool]) -> None:
    async for each in activity:
        told.put_nowait(each.result)


@asynchronous
async def test_a_new_pair_is_served_from_the_next_handshake_on() -> None:
    async with serving() as (scaler, client):
        old = scaler.serving
        assert not await client.is_active(**WORKER)

        scaler.serving = pair()

        assert not await client.is_active(**WORKER), "a connection that is open goes on"
        async with scaler.channel(scaler.serving.authority) as channel:
            assert not await Client(channel).is_active(**WORKER)
        async with scaler.channel(old.authority) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await Client(channel).is_active(**WORKER)


@asynchronous
async def test_whoever_listens_is_told_when_a_replica_stops() -> None:
    scaler = Scaler()
    serves = asyncio.create_task(serve(f"127.0.0.1:{scaler.port}", scaler.answer, lambda: scaler.serving, 0.01))
    async with scaler.channel(scaler.serving.authority) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        activity = Client(channel).activity(**WORKER)
        assert not (await anext(activity)).result

        serves.cancel()

        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(activity), 10)
        await asyncio.wait([serves])


@asynchronous
async def test_a_port_that_is_taken_is_said() -> None:
    async with serving() as (scaler, _):
        with pytest.raises(OSError, match=f"127.0.0.1:{scaler.port}: found it taken"):
            await serve(f"127.0.0.1:{scaler.port}", scaler.answer, lambda: scaler.serving, 1)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"metric": "queue_depth"}, "pipeline: found none"),
        ({"pipeline": "media", "metric": "lag"}, "metric: found 'lag', expected queue_depth or service_depth"),
        ({"pipeline": "media", "metric": "service_depth"}, "process: found none"),
    ],
)
def test_a_trigger_names_what_it_asks_for(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(BadQuestion, match=message):
        question_of("team", metadata)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "x"])
def test_a_target_is_a_whole_number_above_0(text: str) -> None:
    with pytest.raises(BadQuestion, match="targetDepth: found"):
        target_of({"targetDepth": text})
