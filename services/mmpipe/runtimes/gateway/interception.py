"""What surrounds every call, whatever its kind: entered before its method runs, left when the last answer is out.

grpc.aio shows an interceptor the name of a method and its metadata, but not the peer's certificate, and knows four
kinds of methods. Here a method of any kind becomes the same one inside an async context manager, so that authentication
and the translation of faults are written once and no method can forget them.

Streamed answers are written by this module and not handed to grpc.aio as an iterator: so a stream that ends early is
closed in its own task, and what it holds (tasks, permits) is let go at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import grpc
from grpc.aio import ServerInterceptor

type Context = grpc.aio.ServicerContext[Any, Any]
type Surround = Callable[[str, Context], AbstractAsyncContextManager[None]]
"""From the full name of a method and its context to what surrounds the call."""

type _Handler = grpc.RpcMethodHandler[Any, Any]
type _Method = Callable[[Any, Context], Any]

_MAKERS = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""By whether requests and responses are streams: the field of a handler that holds its method, and how one is made."""


class Surrounding(ServerInterceptor):
    """Every call inside a context manager of its own."""

    def __init__(self, surround: Surround) -> None:
        self._surround = surround

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """The method, surrounded; one that does not exist stays so."""
        handler = await continuation(handler_call_details)
        return _surrounded(handler, _named(handler_call_details.method), self._surround) if handler else None


def _named(method: str | bytes) -> str:
    """The stubs say str, grpc.aio gives bytes."""
    return method.decode() if isinstance(method, bytes) else method


def _surrounded(handler: _Handler, name: str, surround: Surround) -> _Handler:
    kind, make = _MAKERS[handler.request_streaming, handler.response_streaming]
    method: _Method = getattr(handler, kind)
    inside = _answering_many if handler.response_streaming else _answering_once
    return make(inside(method, name, surround), handler.request_deserializer, handler.response_serializer)


def _answering_once(method: _Method, name: str, surround: Surround) -> _Method:
    async def answer(request: Any, context: Context) -> Any:  # noqa: ANN401  # whatever message the method takes
        async with surround(name, context):
            return await method(request, context)

    return answer


def _answering_many(method: _Method, name: str, surround: Surround) -> _Method:
    async def answer(request: Any, context: Context) -> None:  # noqa: ANN401  # as above
        async with surround(name, context):
            answers = method(request, context)
            if inspect.isasyncgen(answers):
                await _write(answers, context)
            else:
                await answers  # writes for itself, as health's Watch does

    return answer


async def _write(answers: Any, context: Context) -> None:  # noqa: ANN401  # an async generator of any message
    async with aclosing(answers):
        async for each in answers:
            await context.write(each)
