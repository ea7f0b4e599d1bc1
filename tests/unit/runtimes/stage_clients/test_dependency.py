"""One service that is called: what its faults mean, what is tried again, and when it is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from tests.servers.process import HOST, free_port

from mmpipe.adapters import rpc_faults
from mmpipe.resilience import deadline
from mmpipe.resilience.breaker import Breaker
from mmpipe.runtimes.stage_clients import StageError, StageRefused, StageUnavailable
from mmpipe.runtimes.stage_clients.dependency import Dependency
from mmpipe.spec.delivery import Breaker as BreakerOptions
from mmpipe.spec.delivery import Reliability, Retry
from mmpipe.telemetry.testing import capture
from mmpipe.v1 import fuse_pb2, fuse_pb2_grpc
from mmpipe.v1.error_pb2 import Reason

QUICK = Reliability(
    retry=Retry(attempts=3, initial_backoff_seconds=0.001, max_backoff_seconds=0.002),
    breaker=BreakerOptions(window_calls=4, open_seconds=60),
)
FULL = rpc_faults.fault(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.REASON_QUEUE_FULL, "full", retry_after_s=0.01)
BAD = rpc_faults.fault(grpc.StatusCode.INVALID_ARGUMENT, Reason.REASON_BAD_FIELD, "inputs: found none", "inputs")
BUG = rpc_faults.fault(grpc.StatusCode.INTERNAL, Reason.REASON_BUG, "a bug")

type Context = grpc.aio.ServicerContext[fuse_pb2.FuseRequest, fuse_pb2.FuseResponse]


class Scripted(fuse_pb2_grpc.FuseServiceServicer):
    """Faults one after the other, then answers; counts its calls."""

    def __init__(self, *faults: rpc_faults.CallFault) -> None:
        self.faults, self.calls = list(faults), 0

    async def Fuse(self, request: fuse_pb2.FuseRequest, context: Context) -> fuse_pb2.FuseResponse:  # noqa: N802
        del request
        self.calls += 1
        if self.faults:
            await rpc_faults.abort(context, self.faults.pop(0))
        return fuse_pb2.FuseResponse()


def test_a_full_service_is_asked_again_and_the_retry_is_counted() -> None:
    service = Scripted(FULL)

    with capture() as emitted:
        asyncio.run(_call(service))
        retries = emitted.total("mmpipe.retries", {"dependency": "fuse"})

    assert service.calls == 2
    assert retries == 1


def test_a_service_that_stays_full_is_away_and_not_to_blame() -> None:
    service = Scripted(*[FULL] * 9)

    fault = _fault(service)

    assert isinstance(fault, StageUnavailable)
    assert not fault.reached
    assert fault.retry_after_s == pytest.approx(0.01)
    assert service.calls == 3


def test_a_request_that_cannot_be_meant_is_refused_at_once() -> None:
    service = Scripted(BAD)

    fault = _fault(service)

    assert isinstance(fault, StageRefused)
    assert "inputs: found none" in str(fault)
    assert service.calls == 1


def test_a_request_over_the_limit_of_a_message_is_refused_at_once() -> None:
    async def scenario(service: Scripted) -> StageError:
        async with _served(service, ("grpc.max_receive_message_length", 1_000)) as port:
            dependency = _dependency(port)
            try:
                with pytest.raises(StageError) as caught:
                    await dependency.call(_fuse, fuse_pb2.FuseRequest(inputs=[fuse_pb2.FuseInput()] * 2_000))
                return caught.value
            finally:
                await dependency.close()

    assert isinstance(asyncio.run(scenario(Scripted())), StageRefused)


def test_what_the_server_fell_over_had_reached_it() -> None:
    fault = _fault(Scripted(*[BUG] * 3))

    assert isinstance(fault, StageUnavailable)
    assert fault.reached


def test_a_service_that_nobody_could_connect_to_was_not_reached() -> None:
    async def scenario() -> StageError:
        dependency = _dependency(free_port())
        try:
            with pytest.raises(StageError) as caught:
                await dependency.call(_fuse, fuse_pb2.FuseRequest())
            return caught.value
        finally:
            await dependency.close()

    fault = asyncio.run(scenario())
    assert isinstance(fault, StageUnavailable)
    assert not fault.reached


@pytest.mark.parametrize(
    "cause",
    [
        "DNS server returned answer with no data",  # a headless Service without a ready pod
        "Domain name not found",
        "Could not contact DNS servers",
        "Timeout while contacting DNS servers",
    ],
)
def test_a_service_whose_name_does_not_resolve_was_not_reached(cause: str) -> None:
    details = (
        "errors resolving media-text.team:50051: "
        f"[field:hostname lookup error:address lookup failed for media-text.team:50051: {cause}]"
    )

    async def unresolved(_: fuse_pb2.FuseRequest, *, timeout: float | None) -> fuse_pb2.FuseResponse:  # noqa: ASYNC109  # gRPC's word
        del timeout
        nothing = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, details)

    async def scenario() -> StageError:
        dependency = _dependency(free_port())
        try:
            with pytest.raises(StageError) as caught:
                await dependency.call(lambda _: cast("Any", unresolved), fuse_pb2.FuseRequest())
            return caught.value
        finally:
            await dependency.close()

    fault = asyncio.run(scenario())
    assert isinstance(fault, StageUnavailable)
    assert not fault.reached


def test_a_service_that_only_fails_is_left_alone() -> None:
    async def scenario(service: Scripted) -> StageError:
        async with _served(service) as port:
            dependency = _dependency(port)
            for _ in range(2):
                with pytest.raises(StageUnavailable):
                    await dependency.call(_fuse, fuse_pb2.FuseRequest())
            before = service.calls
            with pytest.raises(StageError) as caught:
                await dependency.call(_fuse, fuse_pb2.FuseRequest())
            await dependency.close()
            assert service.calls == before
            return caught.value

    fault = asyncio.run(scenario(Scripted(*[BUG] * 20)))
    assert isinstance(fault, StageUnavailable)
    assert not fault.reached
    assert fault.retry_after_s == pytest.approx(60, abs=5)


def test_refused_requests_never_open_the_breaker() -> None:
    async def scenario(service: Scripted) -> None:
        async with _served(service) as port:
            dependency = _dependency(port)
            for _ in range(8):
                with pytest.raises(StageRefused):
                    await dependency.call(_fuse, fuse_pb2.FuseRequest())
            await dependency.call(_fuse, fuse_pb2.FuseRequest())
            await dependency.close()

    asyncio.run(scenario(Scripted(*[BAD] * 8)))


def test_the_callers_deadline_goes_along() -> None:
    class Slow(Scripted):
        async def Fuse(self, request: fuse_pb2.FuseRequest, context: Context) -> fuse_pb2.FuseResponse:  # noqa: N802
            del request
            self.left_s = context.time_remaining()
            return fuse_pb2.FuseResponse()

    async def scenario(service: Slow) -> float:
        with deadline.within(5):
            await _call(service)
        return service.left_s

    assert 0 < asyncio.run(scenario(Slow())) <= 5


def _fault(service: Scripted) -> StageError:
    with pytest.raises(StageError) as caught:
        asyncio.run(_call(service))
    return caught.value


async def _call(service: Scripted) -> None:
    async with _served(service) as port:
        dependency = _dependency(port)
        try:
            await dependency.call(_fuse, fuse_pb2.FuseRequest())
        finally:
            await dependency.close()


def _dependency(port: int) -> Dependency:
    return Dependency("fuse", f"{HOST}:{port}", QUICK, Breaker(QUICK.breaker, name="fuse"))


def _fuse(
    channel: grpc.aio.Channel,
) -> grpc.aio.UnaryUnaryMultiCallable[fuse_pb2.FuseRequest, fuse_pb2.FuseResponse]:
    return fuse_pb2_grpc.FuseServiceStub(channel).Fuse


@asynccontextmanager
async def _served(service: Scripted, *options: tuple[str, int]) -> AsyncIterator[int]:
    server = grpc.aio.server(options=options)
    fuse_pb2_grpc.add_FuseServiceServicer_to_server(service, server)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace=None)
