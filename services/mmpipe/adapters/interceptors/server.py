"""Calls that are answered. The handler runs with the call's span as the current one, on its own thread or task."""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from mmpipe.adapters.interceptors.calls import UNKNOWN_METHOD, Method, begin, carried, named, unobserved
from mmpipe.adapters.interceptors.in_flight import InFlight

type Handler = grpc.RpcMethodHandler[Any, Any]  # the messages of a call are the handler's own
type Behaviour = Callable[[Any, Any], Any]
type _Context = grpc.ServicerContext | grpc.aio.ServicerContext[Any, Any]

_SHAPES = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""Where a handler of grpc keeps its function, and what makes another, by what streams: requests, responses."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def server_interceptors(in_flight: InFlight | None = None) -> list[grpc.ServerInterceptor]:
    """For ``grpc.server``; ``in_flight`` counts its calls."""
    return [_Server(in_flight or InFlight())]


def aio_server_interceptors(in_flight: InFlight | None = None) -> list[grpc.aio.ServerInterceptor]:
    """For ``grpc.aio.server``, as above."""
    return [_AioServer(in_flight or InFlight())]


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A call for a method that the server has."""

    method: Method
    traceparent: str
    in_flight: InFlight


class _Server(grpc.ServerInterceptor):
    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Handler | None], details: grpc.HandlerCallDetails
    ) -> Handler | None:
        return _observed(continuation(details), details, self._in_flight, _answering, _streaming)


class _AioServer(grpc.aio.ServerInterceptor):
    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        return _observed(await continuation(details), details, self._in_flight, _aio_answering, _aio_streaming)


def _observed(
    handler: Handler | None,
    details: grpc.HandlerCallDetails,
    in_flight: InFlight,
    answering: Callable[[Behaviour, _Arrived], Behaviour],
    streaming: Callable[[Behaviour, _Arrived], Behaviour],
) -> Handler | None:
    """The handler with its function inside a span; None where there is no such method, which grpc answers itself."""
    if unobserved(details.method):
        return handler
    if handler is None:
        begin(Method("server", UNKNOWN_METHOD)).end(grpc.StatusCode.UNIMPLEMENTED)
        return None
    shape, make = _SHAPES[handler.request_streaming, handler.response_streaming]
    arrived = _Arrived(Method("server", named(details.method)), carried(details.invocation_metadata), in_flight)
    around = streaming if handler.response_streaming else answering
    behaviour = around(getattr(handler, shape), arrived)
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


def _answering(behaviour: Behaviour, arrived: _Arrived) -> Behaviour:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401  # the handler's own messages
        with _served(arrived, context):
            return behaviour(request, context)

    return answer


def _streaming(behaviour: Behaviour, arrived: _Arrived) -> Behaviour:
    def answers(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401  # as above
        with _served(arrived, context):
            yield from behaviour(request, context)

    return answers


def _aio_answering(behaviour: Behaviour, arrived: _Arrived) -> Behaviour:
    async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # as above
        with _served(arrived, context):
            return await behaviour(request, context)

    return answer


def _aio_streaming(behaviour: Behaviour, arrived: _Arrived) -> Behaviour:
    """A generator of responses becomes a coroutine that writes them.

    It then ends in the task of the call; a generator that grpc gives up would end when the collector finds it.
    """

    async def answers(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: ANN401  # as above
        with _served(arrived, context):
            responses = behaviour(request, context)
            if inspect.isawaitable(responses):
                await responses
            else:
                await _write(responses, context)

    return answers


async def _write(responses: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]) -> None:
    async for response in responses:
        await context.write(response)


@contextmanager
def _served(arrived: _Arrived, context: _Context) -> Iterator[None]:
    call = begin(arrived.method, arrived.traceparent)
    try:
        with call.span.current(), arrived.in_flight.counted():
            yield
    except BaseException as error:
        call.end(_code(context, error))
        raise
    call.end(_code(context, None))


def _code(context: _Context, error: BaseException | None) -> grpc.StatusCode:
    """The status that grpc sends, or would have sent to a caller who is gone."""
    if _gone(context, error):
        return grpc.StatusCode.DEADLINE_EXCEEDED if _late(context) else grpc.StatusCode.CANCELLED
    # A number in grpc.aio, None in grpc where nobody set it; the stubs know neither.
    given: grpc.StatusCode | int | None = context.code()  # type: ignore[union-attr]  # as above
    code = given if isinstance(given, grpc.StatusCode) else _CODES[given or 0]
    return grpc.StatusCode.UNKNOWN if error is not None and code is grpc.StatusCode.OK else code


def _gone(context: _Context, error: BaseException | None) -> bool:
    """grpc.aio cancels the task of a caller who is gone; grpc closes a stream, and lets other functions go on."""
    if isinstance(context, grpc.ServicerContext):
        return not context.is_active()
    return isinstance(error, CancelledError)


def _late(context: _Context) -> bool:
    remaining_s: float | None = context.time_remaining()
    return remaining_s is not None and remaining_s <= 0
