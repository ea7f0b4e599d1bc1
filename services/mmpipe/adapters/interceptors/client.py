"""Calls that are made. A call ends in a callback, with its status, whoever waits for it and however it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol, cast

import grpc

from mmpipe.adapters.interceptors.calls import (
    TRACEPARENT,
    Method,
    Server,
    begin,
    carried,
    named,
    server_of,
    unobserved,
)


def client_interceptors(target: str = "") -> list[Client]:
    """For ``grpc.intercept_channel``; ``target`` is what the channel was given."""
    return [Client(server_of(target))]


def aio_client_interceptors(target: str = "") -> list[grpc.aio.ClientInterceptor]:
    """For the ``interceptors`` of a ``grpc.aio`` channel, which takes one for each shape of a call."""
    server = server_of(target)
    return [_UnaryUnary(server), _UnaryStream(server), _StreamUnary(server), _StreamStream(server)]


class _Ending(Protocol):
    """A call of grpc, as far as its end matters."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None: ...
    def code(self) -> grpc.StatusCode: ...


class _AioEnding(Protocol):
    """A call of grpc.aio, likewise."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None: ...
    def code(self) -> Coroutine[object, object, grpc.StatusCode]: ...


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    """What grpc is asked to do; its own type for this is private."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


@dataclass(frozen=True)
class Client(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """All four shapes by one function: they differ in what is sent and read, not in how they end."""

    server: Server

    def _call[R, C](
        self, continuation: Callable[[grpc.ClientCallDetails, R], C], details: grpc.ClientCallDetails, request: R
    ) -> C:
        if unobserved(details.method):
            return continuation(details, request)
        call = begin(Method("client", named(details.method), self.server))
        made = continuation(_traced(details, call.span.traceparent), request)
        ending = cast("_Ending", made)
        ending.add_done_callback(lambda _: call.end(ending.code()))
        return made

    # mypy compares names of arguments, which grpc gives by position.
    intercept_unary_unary = _call  # type: ignore[assignment]  # as above
    intercept_unary_stream = _call  # type: ignore[assignment]  # as above
    intercept_stream_unary = _call  # type: ignore[assignment]  # as above
    intercept_stream_stream = _call  # type: ignore[assignment]  # as above


@dataclass(frozen=True)
class _Aio:
    """As ``Client``; grpc.aio looks at the class, so each shape has its own below."""

    server: Server

    async def _call[R, C](
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, R], Awaitable[C]],
        details: grpc.aio.ClientCallDetails,
        request: R,
    ) -> C:
        if unobserved(details.method):
            return await continuation(details, request)
        call = begin(Method("client", named(details.method), self.server))
        try:
            made = await continuation(_aio_traced(details, call.span.traceparent), request)
        except BaseException:  # cancelled before there was a call whose end could be awaited
            call.end(grpc.StatusCode.CANCELLED)
            raise
        ending = cast("_AioEnding", made)
        ending.add_done_callback(lambda _: call.end(_at_once(ending.code())))
        return made


class _UnaryUnary(_Aio, grpc.aio.UnaryUnaryClientInterceptor):
    intercept_unary_unary = _Aio._call  # type: ignore[assignment]  # as above  # noqa: SLF001


class _UnaryStream(_Aio, grpc.aio.UnaryStreamClientInterceptor):
    intercept_unary_stream = _Aio._call  # type: ignore[assignment]  # as above  # noqa: SLF001


class _StreamUnary(_Aio, grpc.aio.StreamUnaryClientInterceptor):
    intercept_stream_unary = _Aio._call  # type: ignore[assignment]  # as above  # noqa: SLF001


class _StreamStream(_Aio, grpc.aio.StreamStreamClientInterceptor):
    intercept_stream_stream = _Aio._call  # type: ignore[assignment]  # as above  # noqa: SLF001


def _traced(details: grpc.ClientCallDetails, traceparent: str) -> grpc.ClientCallDetails:
    """The details with the trace among the metadata, unless the caller has put one there."""
    if not traceparent or carried(details.metadata):
        return details
    metadata = (*(details.metadata or ()), (TRACEPARENT, traceparent))
    compression = getattr(details, "compression", None)  # not in every version's details
    return _Details(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready, compression)


def _aio_traced(details: grpc.aio.ClientCallDetails, traceparent: str) -> grpc.aio.ClientCallDetails:
    if not traceparent or carried(details.metadata):
        return details
    metadata = grpc.aio.Metadata(*(details.metadata or ()), (TRACEPARENT, traceparent))
    return grpc.aio.ClientCallDetails(
        details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
    )


def _at_once[T](answer: Coroutine[object, object, T]) -> T:
    """What a coroutine answers that has nothing to wait for: the status of a call that is done."""
    try:
        answer.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    answer.close()
    raise RuntimeError("grpc.aio: found a call without a status in its done callback, expected it to be known")
