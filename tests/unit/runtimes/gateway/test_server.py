"""The server over loopback: who may call what, faults as statuses, TLS, health, and an end that fails nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.unit.runtimes.gateway.authority import Authority
from tests.unit.runtimes.gateway.conftest import Ground, a_text, nouns

from mmpipe.adapters.channels import Credentials, aio_channel
from mmpipe.adapters.queue.protocol import Published
from mmpipe.adapters.rpc_faults import CallFault, read
from mmpipe.runtimes.gateway import authentication
from mmpipe.runtimes.gateway.interception import Surrounding
from mmpipe.runtimes.gateway.server import SERVICE, Gateway, Listening
from mmpipe.telemetry.testing import capture
from mmpipe.v1 import error_pb2, gateway_pb2, gateway_pb2_grpc

TIMEOUT_S = 20.0
METHODS = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].methods
BEARER = (("authorization", "Bearer one"),)


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that listens, and a channel to it."""

    gateway: Gateway
    port: int
    channel: grpc.aio.Channel

    @property
    def stub(self) -> gateway_pb2_grpc.GatewayServiceAsyncStub:
        return gateway_pb2_grpc.GatewayServiceStub(self.channel)


@asynccontextmanager
async def serving(
    ground: Ground, listening: Listening | None = None, credentials: Credentials | None = None
) -> AsyncIterator[Running]:
    stopping = asyncio.Event()
    listening = listening or Listening("127.0.0.1:0", authentication.anyone, drain_s=5.0, lame_duck_s=0.0)
    gateway = Gateway(nouns(ground, ground.door(), stopping), listening, stopping)
    port = await gateway.start()
    host = "localhost" if credentials else "127.0.0.1"
    async with aio_channel(f"{host}:{port}", credentials) as channel:
        yield Running(gateway, port, channel)
    await gateway.stop()


def served(ground: Ground, scenario: Callable[[Running], Awaitable[None]], listening: Listening | None = None) -> None:
    async def run() -> None:
        async with serving(ground, listening) as running:
            await scenario(running)

    asyncio.run(asyncio.wait_for(run(), TIMEOUT_S))


async def fault_of(call: Awaitable[Any]) -> CallFault:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return read(failed.value)


async def first_of(method: Any, name: str, metadata: Sequence[tuple[str, str]] = ()) -> object:  # noqa: ANN401  # of four kinds
    """The first answer of any method to an empty request."""
    description = next(each for each in METHODS if each.name == name)
    request = getattr(gateway_pb2, description.input_type.name)()
    call = method(iter([request]) if description.client_streaming else request, metadata=metadata, timeout=TIMEOUT_S)
    return await anext(aiter(call)) if description.server_streaming else await call


WITH_TOKENS = Listening(
    "127.0.0.1:0", authentication.by_token(authentication.digests("acme:one")), drain_s=5.0, lame_duck_s=0.0
)


@pytest.mark.parametrize("name", [method.name for method in METHODS])
def test_no_method_answers_a_call_without_a_token(ground: Ground, name: str) -> None:
    async def scenario(running: Running) -> None:
        for metadata in ((), (("authorization", "Bearer wrong"),)):
            fault = await fault_of(first_of(getattr(running.stub, name), name, metadata))
            assert fault.code is grpc.StatusCode.UNAUTHENTICATED
            assert fault.reason == error_pb2.REASON_NOT_AUTHENTICATED

    served(ground, scenario, WITH_TOKENS)


def test_a_known_token_is_let_in_and_names_the_tenant_of_the_sample(ground: Ground) -> None:
    async def scenario(running: Running) -> None:
        request = gateway_pb2.SubmitRequest(sample=a_text("a red bell", "bell"))
        await running.stub.Submit(request, metadata=BEARER, timeout=TIMEOUT_S)
        pack = gateway_pb2.IngestRequest(samples=[a_text("a blue bell", "blue")])
        [answer async for answer in running.stub.Ingest(iter([pack]), metadata=BEARER, timeout=TIMEOUT_S)]

    served(ground, scenario, WITH_TOKENS)

    async def tenants() -> set[str]:
        return {delivery.envelope.tenant for delivery in await ground.queue.pull("text", 10, 0.0)}

    assert asyncio.run(tenants()) == {"acme"}


def test_a_stream_is_in_flight_until_it_ends_and_nothing_is_told_of_a_gateway_that_has_stopped(ground: Ground) -> None:
    def told() -> float | None:
        return emitted.total("mmpipe.server.in_flight", {}) if "mmpipe.server.in_flight" in emitted.metrics() else None

    async def scenario(running: Running) -> None:
        assert told() == 0
        stream = running.stub.Ingest(timeout=TIMEOUT_S)
        await stream.write(gateway_pb2.IngestRequest(samples=[a_text("a red bell", "bell")]))
        await stream.read()
        assert told() == 1
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        while told():  # noqa: ASYNC110  # the handler ends after its last answer
            await asyncio.sleep(0.01)

    with capture() as emitted:
        served(ground, scenario)
        assert told() is None


def test_health_answers_everybody_and_reflection_only_whom_it_knows(ground: Ground) -> None:
    async def scenario(running: Running) -> None:
        health = health_pb2_grpc.HealthStub(running.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=TIMEOUT_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(running.channel)
        asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
        fault = await fault_of(anext(aiter(reflection.ServerReflectionInfo(iter(asked), timeout=TIMEOUT_S))))
        assert fault.reason == error_pb2.REASON_NOT_AUTHENTICATED
        known = reflection.ServerReflectionInfo(iter(asked), metadata=BEARER, timeout=TIMEOUT_S)
        services = (await anext(aiter(known))).list_services_response.service
        assert SERVICE in {service.name for service in services}

    served(ground, scenario, WITH_TOKENS)


def test_a_fault_is_a_status_with_its_reason_field_and_time_to_wait(ground: Ground) -> None:
    async def scenario(running: Running) -> None:
        bad = await fault_of(running.stub.Submit(gateway_pb2.SubmitRequest(), timeout=TIMEOUT_S))
        assert (bad.code, bad.reason) == (grpc.StatusCode.INVALID_ARGUMENT, error_pb2.REASON_BAD_FIELD)
        assert bad.field == "sample.parts"
        missing = await fault_of(running.stub.GetSample(gateway_pb2.GetSampleRequest(sample_id="x"), timeout=TIMEOUT_S))
        assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, error_pb2.REASON_NOT_FOUND)
        ground.queue.reachable = False
        request = gateway_pb2.SubmitRequest(sample=a_text("a red bell", "bell"))
        down = await fault_of(running.stub.Submit(request, timeout=TIMEOUT_S))
        assert (down.code, down.metadata) == (grpc.StatusCode.UNAVAILABLE, {"dependency": "queue"})

    served(ground, scenario)


def test_a_bug_is_internal_and_says_nothing_of_our_insides(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("the secret")

    monkeypatch.setattr(type(ground.queue), "publish", broken)

    async def scenario(running: Running) -> None:
        request = gateway_pb2.SubmitRequest(sample=a_text("a red bell", "bell"))
        fault = await fault_of(running.stub.Submit(request, timeout=TIMEOUT_S))
        assert (fault.code, fault.reason) == (grpc.StatusCode.INTERNAL, error_pb2.REASON_BUG)
        assert "secret" not in fault.message

    served(ground, scenario)

    assert any(record.exc_info for record in caplog.records)


def test_what_is_somewhat_too_large_is_answered_with_the_remedy_and_what_is_far_too_large_is_not_read(
    ground: Ground,
) -> None:
    async def scenario(running: Running) -> None:
        somewhat = gateway_pb2.SubmitRequest(sample=a_text("x" * 4_000_000, "a"))
        fault = await fault_of(running.stub.Submit(somewhat, timeout=TIMEOUT_S))
        assert fault.reason == error_pb2.REASON_TOO_LARGE
        assert "upload" in fault.message
        far = gateway_pb2.SubmitRequest(sample=a_text("x" * 20_000_000, "a"))
        fault = await fault_of(running.stub.Submit(far, timeout=TIMEOUT_S))
        assert fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not fault.transient

    served(ground, scenario)


def test_the_common_name_of_a_clients_certificate_is_its_tenant(ground: Ground, tmp_path: Path) -> None:
    authority = Authority.founded(tmp_path / "authority")
    server = Credentials(authority.certificate, *authority.pair("localhost"))
    client = Credentials(authority.certificate, *authority.pair("acme"), server_name="localhost")
    listening = Listening("127.0.0.1:0", authentication.by_certificate, server, drain_s=5.0, lame_duck_s=0.0)

    async def scenario() -> str:
        async with serving(ground, listening, client) as running:
            request = gateway_pb2.SubmitRequest(sample=a_text("a red bell", "bell"))
            await running.stub.Submit(request, timeout=TIMEOUT_S)
            stranger = Credentials(authority.certificate, server_name="localhost")
            async with aio_channel(f"localhost:{running.port}", stranger) as channel:
                stub: Any = gateway_pb2_grpc.GatewayServiceStub(channel)
                fault = await fault_of(stub.Submit(request, timeout=2))
                assert fault.code is grpc.StatusCode.UNAVAILABLE
        (delivery,) = await ground.queue.pull("text", 1, 0.0)
        return delivery.envelope.tenant

    assert asyncio.run(asyncio.wait_for(scenario(), TIMEOUT_S)) == "acme"


def test_calls_that_have_begun_are_finished_when_the_gateway_stops(ground: Ground) -> None:
    release = asyncio.Event()
    original = ground.queue.publish

    listening = Listening("127.0.0.1:0", authentication.anyone, drain_s=5.0, lame_duck_s=0.5)

    async def scenario() -> gateway_pb2.SubmitResponse:
        async with serving(ground, listening) as running:
            reached = asyncio.Event()

            async def slowly(*arguments: Any) -> Published:  # noqa: ANN401  # as publish takes them
                reached.set()
                await release.wait()
                return await original(*arguments)

            request = gateway_pb2.SubmitRequest(sample=a_text("a red bell", "bell"))
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(type(ground.queue), "publish", lambda _, *arguments: slowly(*arguments))
                answering = asyncio.ensure_future(running.stub.Submit(request, timeout=TIMEOUT_S))
                await reached.wait()
                ending = asyncio.create_task(running.gateway.stop())
                health = health_pb2_grpc.HealthStub(running.channel)
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
                assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
                release.set()
                response = await answering
                await ending
            return response

    response = asyncio.run(asyncio.wait_for(scenario(), TIMEOUT_S))

    assert response.receipt.sample_id == "bell"


def test_clients_that_watch_the_health_of_a_gateway_do_not_hold_its_end_up(ground: Ground) -> None:
    listening = Listening("127.0.0.1:0", authentication.anyone, drain_s=10 * TIMEOUT_S, lame_duck_s=0.0)

    async def scenario(running: Running) -> None:
        watching = health_pb2_grpc.HealthStub(running.channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        said = aiter(watching)
        assert (await anext(said)).status == health_pb2.HealthCheckResponse.SERVING
        await running.gateway.stop()
        assert (await anext(said)).status == health_pb2.HealthCheckResponse.NOT_SERVING

    served(ground, scenario, listening)


def test_a_stream_whose_answer_cannot_be_written_is_closed_in_its_own_task() -> None:
    closed_in: list[asyncio.Task[Any] | None] = []

    async def answers(_: object, __: object) -> AsyncIterator[bytes]:
        try:
            yield b"answer"
        finally:
            closed_in.append(asyncio.current_task())

    class Gone:
        async def write(self, _: object) -> None:
            raise ConnectionError("the client is gone")

    @asynccontextmanager
    async def plainly(_: str, __: object) -> AsyncIterator[None]:
        yield

    async def scenario() -> None:
        async def found(_: object) -> grpc.RpcMethodHandler[Any, Any]:
            return grpc.unary_stream_rpc_method_handler(answers)

        details: Any = SimpleNamespace(method="/test/Answers")
        handler: Any = await Surrounding(plainly).intercept_service(found, details)
        with pytest.raises(ConnectionError):
            await handler.unary_stream(b"", Gone())
        assert closed_in == [asyncio.current_task()]

    asyncio.run(scenario())


def test_a_stream_that_its_client_leaves_is_closed_at_once(ground: Ground) -> None:
    def reading() -> bool:
        return any("_Stream.read" in repr(task.get_coro()) for task in asyncio.all_tasks())

    async def scenario(running: Running) -> None:
        call = running.stub.Ingest(timeout=TIMEOUT_S)
        await call.write(gateway_pb2.IngestRequest(pack=1, samples=[a_text("x", "a")]))
        answer: Any = await call.read()
        assert (answer.pack, reading()) == (1, True)
        call.cancel()
        async with asyncio.timeout(TIMEOUT_S / 2):
            while reading():  # noqa: ASYNC110  # nobody tells of the end of a task
                await asyncio.sleep(0.01)

    served(ground, scenario)
