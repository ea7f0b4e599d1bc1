"""Calls over one gRPC channel of asyncio: token, deadline, retries, errors of our tree. ``transport``: threads.

It knows how a call is made and nothing of what it says: that is an ``Ask`` of ``messages``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tenacity import AsyncRetrying

from mmpipe.adapters.channels import aio_channel
from mmpipe.client.calls import STREAM_S, Calling, StreamTries, a_budget, asked_pause_s, transient
from mmpipe.client.messages import Ask
from mmpipe.resilience import deadline
from mmpipe.resilience.retry import async_retrying
from mmpipe.v1 import gateway_pb2, gateway_pb2_grpc


class AsyncTransport:
    """A channel, and how calls are made over it. Of one event loop. ``clock`` and ``sleep`` are for tests."""

    def __init__(
        self,
        calling: Calling,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self.calling, self.clock, self.sleep = calling, clock, sleep
        self.budget = a_budget()
        self._channel = aio_channel(calling.address, calling.credentials)
        self._stub = gateway_pb2_grpc.GatewayServiceStub(self._channel)

    async def close(self) -> None:
        """Close the channel; calls under way fail."""
        await self._channel.close()

    async def ask[Result](self, ask: Ask[Result], timeout_s: float | None = None) -> Result:
        """The answer of one call, tried again where that may help. Raises GatewayError."""
        return await self.send(ask, lambda: ask.request, timeout_s)

    async def send[Result](
        self, ask: Ask[Result], request: Callable[[], Any], timeout_s: float | None = None
    ) -> Result:
        """The same; each try has a ``request`` of its own, since a stream can be read only once."""

        async def once() -> Result:
            with self.calling.faults_named():
                call = self._method(ask)(request(), timeout=deadline.remaining(), metadata=self.calling.metadata)
                return ask.read(await call)

        with deadline.within(timeout_s or self.calling.timeout_s, self.clock):
            policy = async_retrying(self.calling.retry, self.budget, transient, asked_pause_s)
            return await policy.copy(sleep=self.sleep)(once)

    async def listen[Result](
        self, ask: Ask[Result], timeout_s: float | None = None, *, resume: bool
    ) -> AsyncIterator[Result]:
        """The answers of one stream, as they come; without a deadline where none is given. Raises GatewayError.

        A stream that breaks is begun anew: always where it can ``resume``, else only before its first answer.
        """
        tries = StreamTries(self.calling, self.clock, timeout_s, resume)
        async for attempt in AsyncRetrying(sleep=self.sleep, **tries.policy):
            with attempt:
                async for answer in self._answers(ask, tries.remaining_s):
                    tries.answered()
                    yield answer

    async def _answers[Result](self, ask: Ask[Result], timeout_s: float | None) -> AsyncIterator[Result]:
        with self.calling.faults_named():
            call = self._method(ask)(ask.request, timeout=timeout_s, metadata=self.calling.metadata)
            try:
                async for answer in call:
                    yield ask.read(answer)
            finally:
                call.cancel()

    @asynccontextmanager
    async def conversation(
        self, requests: AsyncIterator[gateway_pb2.IngestRequest]
    ) -> AsyncIterator[AsyncIterator[gateway_pb2.IngestResponse]]:
        """A stream of packs. Raises GatewayError."""
        with self.calling.faults_named():
            call = self._stub.Ingest(requests, timeout=STREAM_S, metadata=self.calling.metadata)
            try:
                yield aiter(call)
            finally:
                call.cancel()

    def _method(self, ask: Ask[Any]) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._stub, ask.method)
        return method
