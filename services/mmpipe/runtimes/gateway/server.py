"""The gateway as a gRPC server: listening, TLS, who may call what, health, reflection, and how it stops.

Stopping (SIGTERM) is what makes a rolling restart invisible to a client that retries:

1.  health says NOT_SERVING, so that clients that watch it go elsewhere; streams end after what they have read;
2.  a moment later no new call is taken (GOAWAY). The moment matters: gRPC answers CANCELLED, which nobody tries again,
    to a call that arrives while it shuts down, so the news must have arrived before;
3.  calls that have begun are finished, for as long as ``spec.serving.drainSeconds``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mmpipe import telemetry
from mmpipe.adapters.channels import Credentials, listen, server_options
from mmpipe.adapters.interceptors import InFlight, aio_server_interceptors
from mmpipe.runtimes.gateway.authentication import Identify, calling_as, is_open
from mmpipe.runtimes.gateway.faults import answering, not_serving
from mmpipe.runtimes.gateway.ingest import MAX_PACK_BYTES
from mmpipe.runtimes.gateway.interception import Context, Surround, Surrounding
from mmpipe.runtimes.gateway.service import GatewayServicer, Nouns
from mmpipe.v1 import gateway_pb2, gateway_pb2_grpc

SERVICE = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].full_name
_UNREAD_FACTOR = 4
"""What is more than this many times too large is refused by gRPC from its length alone, before it is in memory. What
is only somewhat too large is read, so that the answer can say how to send it."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a gateway listens, and to whom. ``credentials`` None is plain text; ``max_sample_bytes`` as in the spec.

    ``lame_duck_s`` stands between NOT_SERVING and GOAWAY: enough for the news to arrive, too little to matter.
    """

    address: str
    identify: Identify
    credentials: Credentials | None = None
    max_sample_bytes: int = MAX_PACK_BYTES
    drain_s: float = 20.0
    lame_duck_s: float = 1.0


class Watches:
    """Calls that last until the gateway ends them: clients that watch its health. For one event loop."""

    def __init__(self) -> None:
        self._scopes: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Within, until :meth:`end`. Raises Refusal NOT_SERVING then."""
        try:
            async with asyncio.timeout(None) as scope:
                self._scopes.add(scope)
                try:
                    yield
                finally:
                    self._scopes.discard(scope)
        except TimeoutError as error:
            raise not_serving("health") from error

    def end(self) -> None:
        """End all of them."""
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            scope.reschedule(now)


class Gateway:
    """A server that answers from :meth:`start` to :meth:`stop`; ``stopping`` is the event that its streams watch."""

    def __init__(self, nouns: Nouns, listening: Listening, stopping: asyncio.Event) -> None:
        self._listening = listening
        self._stopping = stopping
        self._watches = Watches()
        self._in_flight = InFlight()
        self._closing = ExitStack()
        self._server = grpc.aio.server(
            interceptors=(
                *aio_server_interceptors(self._in_flight),
                Surrounding(door_keeper(listening.identify, self._watches)),
            ),
            options=_options(listening.max_sample_bytes),
        )
        self._health = health.aio.HealthServicer()
        gateway_pb2_grpc.add_GatewayServiceServicer_to_server(GatewayServicer(nouns), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    async def start(self) -> int:
        """The port. Raises AddressRefused."""
        await self._health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
        port = listen(self._server, self._listening.address, self._listening.credentials)
        await self._server.start()
        self._closing.callback(telemetry.observe("mmpipe.server.in_flight", self._in_flight.read))
        return port

    async def stop(self) -> None:
        """See the head of this module. Returns when every call is answered, or time is up."""
        self._stopping.set()
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(min(self._listening.lame_duck_s, self._listening.drain_s))
        ending = asyncio.create_task(self._server.stop(self._listening.drain_s))
        # Who watches our health would go on until time is up.
        self._watches.end()
        await ending
        self._closing.close()


def door_keeper(identify: Identify, watches: Watches) -> Surround:
    """What is around every call: its faults become statuses, and only known tenants come in. Health is open to all."""

    @asynccontextmanager
    async def surround(method: str, context: Context) -> AsyncIterator[None]:
        async with answering(context):
            if is_open(method):
                async with watches.watching():
                    yield
            else:
                with calling_as(identify(context)):
                    yield

    return surround


def _options(max_sample_bytes: int) -> list[tuple[str, object]]:
    largest = _UNREAD_FACTOR * max(max_sample_bytes, MAX_PACK_BYTES)
    others = [(name, value) for name, value in server_options() if name != "grpc.max_receive_message_length"]
    return [*others, ("grpc.max_receive_message_length", largest)]
