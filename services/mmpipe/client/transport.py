"""Calls over one synchronous gRPC channel: token, deadline, retries, errors of our tree. ``atransport``: asyncio.

It knows how a call is made and nothing of what it says: that is an ``Ask`` of ``messages``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tenacity import Retrying

from mmpipe.adapters.channels import sync_channel
from mmpipe.client.calls import STREAM_S, Calling, StreamTries, a_budget, asked_pause_s, transient
from mmpipe.client.messages import Ask
from mmpipe.resilience import deadline
from mmpipe.resilience.retry import retrying
from mmpipe.v1 import gateway_pb2, gateway_pb2_grpc


class Transport:
    """A channel, and how calls are made over it. Safe for threads. ``clock`` and ``sleep`` are for tests."""

    def __init__(
        self,
        calling: Calling,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calling, self.clock, self.sleep = calling, clock, sleep
        self.budget = a_budget()
        self._channel = sync_channel(calling.address, calling.credentials)
        self._stub = gateway_pb2_grpc.GatewayServiceStub(self._channel)

    def close(self) -> None:
        """Close the channel; calls under way fail."""
        self._channel.close()

    def ask[Result](self, ask: Ask[Result], timeout_s: float | None = None) -> Result:
        """The answer of one call, tried again where that may help. Raises GatewayError."""
        return self.send(ask, lambda: ask.request, timeout_s)

    def send[Result](self, ask: Ask[Result], request: Callable[[], Any], timeout_s: float | None = None) -> Result:
        """The same; each try has a ``request`` of its own, since a stream can be read only once."""

        def once() -> Result:
            with self.calling.faults_named():
                answer = self._method(ask)(request(), timeout=deadline.remaining(), metadata=self.calling.metadata)
                return ask.read(answer)

        with deadline.within(timeout_s or self.calling.timeout_s, self.clock):
            policy = retrying(self.calling.retry, self.budget, transient, asked_pause_s)
            return policy.copy(sleep=self.sleep)(once)

    def listen[Result](self, ask: Ask[Result], timeout_s: float | None = None, *, resume: bool) -> Iterator[Result]:
        """The answers of one stream, as they come; without a deadline where none is given. Raises GatewayError.

        A stream that breaks is begun anew: always where it can ``resume``, else only before its first answer.
        """
        tries = StreamTries(self.calling, self.clock, timeout_s, resume)
        for attempt in Retrying(sleep=self.sleep, **tries.policy):
            with attempt:
                for answer in self._answers(ask, tries.remaining_s):
                    tries.answered()
                    yield answer

    def _answers[Result](self, ask: Ask[Result], timeout_s: float | None) -> Iterator[Result]:
        with self.calling.faults_named():
            call = self._method(ask)(ask.request, timeout=timeout_s, metadata=self.calling.metadata)
            try:
                for answer in call:
                    yield ask.read(answer)
            finally:
                call.cancel()

    @contextmanager
    def conversation(
        self, requests: Iterator[gateway_pb2.IngestRequest]
    ) -> Iterator[Iterator[gateway_pb2.IngestResponse]]:
        """A stream of packs. Raises GatewayError."""
        with self.calling.faults_named():
            call = self._stub.Ingest(requests, timeout=STREAM_S, metadata=self.calling.metadata)
            try:
                yield iter(call)
            finally:
                call.cancel()

    def _method(self, ask: Ask[Any]) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._stub, ask.method)
        return method
