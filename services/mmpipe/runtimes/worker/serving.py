"""A worker as a process: event loop, signals, health, telemetry, and the queue it pulls from."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from mmpipe import telemetry
from mmpipe.adapters.channels import listen, server_options
from mmpipe.runtimes import home
from mmpipe.runtimes.stage_clients import Endpoints
from mmpipe.runtimes.turns import short_turns
from mmpipe.runtimes.worker.process import Post, work
from mmpipe.spec import MultimodalPipeline


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker process is told."""

    pipeline: MultimodalPipeline
    data: Path
    endpoints: Endpoints
    address: str
    metrics_port: int | None = None


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises StoreError, SpecError."""
    telemetry.setup_logging()
    host = settings.address.rpartition(":")[0]
    running = telemetry.setup("mmpipe-worker", metrics_port=settings.metrics_port, metrics_host=host)
    try:
        with short_turns():
            asyncio.run(_serve(settings))
    finally:
        running.shutdown()


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    queue = await home.open_queue(settings.pipeline)
    try:
        async with _healthy(settings.address) as ready:
            post = Post(settings.pipeline, settings.data, settings.endpoints, queue)
            await work(post, stopping, ready)
    finally:
        await queue.close()


@asynccontextmanager
async def _healthy(address: str) -> AsyncIterator[Callable[[], None]]:
    """A health service, SERVING from when it is told so; what listens is said in one line."""
    server, servicer = grpc.aio.server(options=server_options()), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    port = listen(server, address)
    await server.start()
    said: set[asyncio.Task[None]] = set()

    def ready() -> None:
        said.add(asyncio.create_task(servicer.set("", health_pb2.HealthCheckResponse.SERVING)))
        sys.stdout.write(f"mmpipe work: listening on {address.rpartition(':')[0]}:{port}\n")
        sys.stdout.flush()

    try:
        yield ready
    finally:
        await servicer.enter_graceful_shutdown()
        await server.stop(grace=1)
