"""Calls over real loopback connections, in both flavours of grpc and all four shapes, with bytes as messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from threading import Event
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan

from mmpipe import telemetry
from mmpipe.adapters.health import Health
from mmpipe.adapters.interceptors import (
    InFlight,
    aio_client_interceptors,
    aio_server_interceptors,
    client_interceptors,
    server_interceptors,
)
from mmpipe.adapters.interceptors.calls import server_of
from mmpipe.telemetry.testing import Emitted, capture

type Behaviours = dict[str, Callable[..., Any]]

SERVICE = "test.Words"
SHAPES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    with capture() as captured:
        yield captured


def _handlers(behaviours: Behaviours) -> grpc.GenericRpcHandler:
    made = {name: getattr(grpc, f"{shape}_rpc_method_handler")(each) for (name, shape), each in _shaped(behaviours)}
    return grpc.method_handlers_generic_handler(SERVICE, made)


def _shaped(behaviours: Behaviours) -> Iterator[tuple[tuple[str, str], Callable[..., Any]]]:
    """A behaviour's name begins with its shape, and is the name of its method."""
    for name, behaviour in behaviours.items():
        yield (name, next(shape for shape in SHAPES if name.startswith(shape))), behaviour


@contextmanager
def _served(behaviours: Behaviours, in_flight: InFlight | None = None) -> Iterator[Any]:
    """A channel to a server; when the block ends, its last handler has ended too."""
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, interceptors=server_interceptors(in_flight))
        server.add_generic_rpc_handlers((_handlers(behaviours),))
        health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        with grpc.insecure_channel(target) as channel:
            yield grpc.intercept_channel(channel, *client_interceptors(target))
        server.stop(None).wait()


@asynccontextmanager
async def _aio_served(behaviours: Behaviours, in_flight: InFlight | None = None) -> AsyncIterator[Any]:
    server = grpc.aio.server(interceptors=aio_server_interceptors(in_flight))
    server.add_generic_rpc_handlers((_handlers(behaviours),))
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with grpc.aio.insecure_channel(target, interceptors=aio_client_interceptors(target)) as channel:
        yield channel
    await server.stop(None)


def _parents(emitted: Emitted) -> tuple[ReadableSpan, ReadableSpan, ReadableSpan]:
    """The spans around, of the client, of the server."""
    by_kind = {span.kind.name: span for span in emitted.spans}
    return by_kind["INTERNAL"], by_kind["CLIENT"], by_kind["SERVER"]


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def _parent_id(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def _assert_one_trace(emitted: Emitted, method: str) -> None:
    around, client, server = _parents(emitted)
    assert (_parent_id(client), _parent_id(server)) == (_id(around), _id(client))
    assert len({span.context.trace_id for span in emitted.spans if span.context}) == 1
    for span in (client, server):
        assert span.name == f"{SERVICE}/{method}"
        assert span.attributes == _attributes(span, method, "OK")


def _attributes(span: ReadableSpan, method: str, status: str) -> dict[str, object]:
    where = {key: value for key, value in (span.attributes or {}).items() if key.startswith("server.")}
    named = {"rpc.system.name": "grpc", "rpc.method": f"{SERVICE}/{method}", "rpc.response.status_code": status}
    return {**named, **where}


def _calls(emitted: Emitted, status: str, method: str) -> list[float]:
    """How many calls of a method ended with the status, as the server and as the client counted."""
    wanted = {"rpc.response.status_code": status, "rpc.method": method}
    return [emitted.total(name, wanted) for name in ("rpc.server.call.duration", "rpc.client.call.duration")]


def _echo(request: bytes, _: object) -> bytes:
    return telemetry.traceparent().encode() or request


def _spell(request: bytes, _: object) -> Iterator[bytes]:
    yield from (bytes([letter]) for letter in request)


def _join(requests: Iterator[bytes], _: object) -> bytes:
    return b"".join(requests)


def _upper(requests: Iterator[bytes], _: object) -> Iterator[bytes]:
    yield from (request.upper() for request in requests)


SYNC: Behaviours = {"unary_unary": _echo, "unary_stream": _spell, "stream_unary": _join, "stream_stream": _upper}


async def _aio_echo(request: bytes, _: object) -> bytes:
    return telemetry.traceparent().encode() or request


async def _aio_spell(request: bytes, _: object) -> AsyncIterator[bytes]:
    for letter in request:
        yield bytes([letter])


async def _aio_join(requests: AsyncIterator[bytes], _: object) -> bytes:
    return b"".join([request async for request in requests])


async def _aio_upper(requests: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request.upper()


AIO: Behaviours = {
    "unary_unary": _aio_echo,
    "unary_stream": _aio_spell,
    "stream_unary": _aio_join,
    "stream_stream": _aio_upper,
}


def _requests(shape: str) -> bytes | Iterator[bytes]:
    return iter([b"a", b"b"]) if shape.startswith("stream") else b"ab"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_continues_the_trace_of_its_caller(emitted: Emitted, shape: str) -> None:
    with _served(SYNC) as channel, telemetry.span("mmpipe.sink.write"):
        answer = getattr(channel, shape)(f"/{SERVICE}/{shape}")(_requests(shape))
        assert answer if isinstance(answer, bytes) else list(answer)

    _assert_one_trace(emitted, shape)
    assert _calls(emitted, "OK", f"{SERVICE}/{shape}") == [1, 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_of_asyncio_continues_the_trace_of_its_caller(emitted: Emitted, shape: str) -> None:
    async def call() -> None:
        async with _aio_served(AIO) as channel:
            with telemetry.span("mmpipe.sink.write"):
                made = getattr(channel, shape)(f"/{SERVICE}/{shape}")(_requests(shape))
                assert [each async for each in made] if shape.endswith("stream") else await made

    asyncio.run(call())

    _assert_one_trace(emitted, shape)
    assert _calls(emitted, "OK", f"{SERVICE}/{shape}") == [1, 1]


def test_a_handler_runs_inside_the_span_of_its_call(emitted: Emitted) -> None:
    with _served(SYNC) as channel:
        seen = channel.unary_unary(f"/{SERVICE}/unary_unary")(b"")

    (server,) = (span for span in emitted.spans if span.kind.name == "SERVER")
    assert seen.decode().split("-")[2] == f"{_id(server):016x}"


def test_a_client_names_the_server_that_its_channel_was_given(emitted: Emitted) -> None:
    with _served(SYNC) as channel:
        channel.unary_unary(f"/{SERVICE}/unary_unary")(b"a")

    (client,) = (span for span in emitted.spans if span.kind.name == "CLIENT")
    assert (client.attributes or {})["server.address"] == "127.0.0.1"
    assert (client.attributes or {})["server.port"]


@pytest.mark.parametrize(
    ("target", "server"),
    [
        ("stages:50051", {"server_address": "stages", "server_port": 50051}),
        ("dns:///stages.media.svc:50051", {"server_address": "stages.media.svc", "server_port": 50051}),
        ("dns:stages:1", {"server_address": "stages", "server_port": 1}),
        ("ipv4:10.0.0.1:1,10.0.0.2:2", {"server_address": "10.0.0.1:1,10.0.0.2:2"}),
        ("[::1]:7", {"server_address": "::1", "server_port": 7}),
        ("unix:/run/mmpipe.sock", {"server_address": "/run/mmpipe.sock"}),
        ("", {}),
    ],
)
def test_a_target_is_read_as_a_server(target: str, server: dict[str, object]) -> None:
    assert server_of(target) == server


def _not_found(_: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.NOT_FOUND, "no such word")


def _bug(_: bytes, __: object) -> bytes:
    raise ValueError("b'payload'")


@pytest.mark.parametrize(
    ("behaviour", "status", "server_failed"), [(_not_found, "NOT_FOUND", False), (_bug, "UNKNOWN", True)]
)
def test_an_error_is_counted_with_its_code(
    emitted: Emitted, behaviour: Callable[..., bytes], status: str, *, server_failed: bool
) -> None:
    with _served({"unary_unary": behaviour}) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(f"/{SERVICE}/unary_unary")(b"")

    assert _calls(emitted, status, f"{SERVICE}/unary_unary") == [1, 1]
    by_kind = {span.kind.name: span for span in emitted.spans}
    assert by_kind["SERVER"].status.is_ok is not server_failed
    assert not by_kind["CLIENT"].status.is_ok
    assert "payload" not in "".join(span.to_json() for span in emitted.spans)


async def _aio_not_found(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such word")
    raise AssertionError


async def _aio_bug(_: bytes, __: object) -> bytes:
    raise ValueError("b'payload'")


@pytest.mark.parametrize(("behaviour", "status"), [(_aio_not_found, "NOT_FOUND"), (_aio_bug, "UNKNOWN")])
def test_an_error_of_asyncio_is_counted_with_its_code(
    emitted: Emitted, behaviour: Callable[..., Awaitable[bytes]], status: str
) -> None:
    async def call() -> None:
        async with _aio_served({"unary_unary": behaviour}) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/{SERVICE}/unary_unary")(b"")

    asyncio.run(call())

    assert _calls(emitted, status, f"{SERVICE}/unary_unary") == [1, 1]


def test_a_client_that_goes_away_is_counted_as_cancelled(emitted: Emitted) -> None:
    begun, gone = Event(), Event()

    def endless(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(gone.set)
        begun.set()
        yield b"first"
        gone.wait()
        yield b"for nobody"

    with _served({"unary_stream": endless}) as channel:
        call = channel.unary_stream(f"/{SERVICE}/unary_stream")(b"")
        begun.wait()
        next(call)
        call.cancel()
        gone.wait()

    assert _calls(emitted, "CANCELLED", f"{SERVICE}/unary_stream") == [1, 1]


def test_an_asyncio_client_that_goes_away_is_counted_as_cancelled(emitted: Emitted) -> None:
    ended = asyncio.Event()

    async def endless(_: bytes, __: object) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def call() -> None:
        async with _aio_served({"unary_stream": endless}) as channel:
            made = channel.unary_stream(f"/{SERVICE}/unary_stream")(b"")
            await made.read()
            made.cancel()
            await ended.wait()

    asyncio.run(call())

    assert _calls(emitted, "CANCELLED", f"{SERVICE}/unary_stream") == [1, 1]


def test_an_expired_call_is_counted_as_such_on_both_sides(emitted: Emitted) -> None:
    async def forever(_: bytes, __: object) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def call() -> None:
        async with _aio_served({"unary_unary": forever}) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/{SERVICE}/unary_unary")(b"", timeout=0.05)

    asyncio.run(call())

    assert _calls(emitted, "DEADLINE_EXCEEDED", f"{SERVICE}/unary_unary") == [1, 1]


def test_a_server_that_is_not_there_is_counted_by_the_client(emitted: Emitted) -> None:
    with grpc.insecure_channel("127.0.0.1:1") as plain:
        channel: Any = grpc.intercept_channel(plain, *client_interceptors())
        with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
            channel.unary_unary(f"/{SERVICE}/unary_unary")(b"")

    assert _calls(emitted, "UNAVAILABLE", f"{SERVICE}/unary_unary") == [0, 1]


def test_an_unknown_method_makes_no_series_of_its_own(emitted: Emitted) -> None:
    with _served({}) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary("/test.Words/made-up-by-a-caller")(b"")

    assert _calls(emitted, "UNIMPLEMENTED", "_OTHER") == [1, 0]


def test_health_checks_are_not_observed(emitted: Emitted) -> None:
    with _served({}) as channel:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    assert emitted.spans == ()
    assert emitted.metrics() == {}


def test_the_callers_own_metadata_stays_as_it_was(emitted: Emitted) -> None:
    def show(_: bytes, context: grpc.ServicerContext) -> bytes:
        return dict(context.invocation_metadata())["mmpipe-lane"].encode()  # type: ignore[union-attr]  # ours is text

    metadata = (("mmpipe-lane", "query"),)
    with _served({"unary_unary": show}) as channel:
        seen = channel.unary_unary(f"/{SERVICE}/unary_unary")(b"", metadata=metadata)

    assert seen == b"query"
    assert metadata == (("mmpipe-lane", "query"),)
    assert len(emitted.spans) == 2


def test_calls_work_while_telemetry_is_off() -> None:
    with _served(SYNC) as channel:
        assert channel.unary_unary(f"/{SERVICE}/unary_unary")(b"a") == b"a"


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_are_in_flight_while_they_are_answered_and_not_after(shape: str) -> None:
    in_flight, seen = InFlight(), []

    def counted(*_: object) -> Any:  # noqa: ANN401  # as its shape has it
        seen.extend(in_flight.read())
        return iter([b"a"]) if shape.endswith("stream") else b"a"

    assert in_flight.read() == [(0, {})]
    with _served({shape: counted}, in_flight) as channel:
        answer = getattr(channel, shape)(f"/{SERVICE}/{shape}")(_requests(shape))
        assert list(answer)
    assert seen == [(1, {})]
    assert in_flight.read() == [(0, {})]


def test_a_call_that_fails_is_in_flight_no_more() -> None:
    in_flight = InFlight()

    async def failing(*_: object) -> bytes:
        assert in_flight.read() == [(1, {})]
        raise ValueError("no")

    async def call() -> None:
        async with _aio_served({"unary_unary": failing}, in_flight) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/{SERVICE}/unary_unary")(b"a")

    asyncio.run(call())
    assert in_flight.read() == [(0, {})]


def test_who_watches_health_is_no_call_in_flight() -> None:
    in_flight = InFlight()
    with _served({}, in_flight) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watching = stub.Watch(health_pb2.HealthCheckRequest())
        next(watching)
        assert in_flight.read() == [(0, {})]
        watching.cancel()
