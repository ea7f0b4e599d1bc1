"""A gateway as a process: event loop, signals, telemetry, and the line that says that it is ready."""

from __future__ import annotations

import asyncio
import signal
import sys

from mmpipe import telemetry
from mmpipe.runtimes.gateway.assembly import Settings, listening, opened
from mmpipe.runtimes.gateway.observing import observing
from mmpipe.runtimes.gateway.server import Gateway
from mmpipe.runtimes.turns import short_turns


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SpecError, ModelError or AddressRefused."""
    telemetry.setup_logging()
    host = settings.address.rpartition(":")[0]
    running = telemetry.setup("mmpipe-gateway", metrics_port=settings.metrics_port, metrics_host=host)
    try:
        with short_turns():
            asyncio.run(_serve(settings))
    finally:
        running.shutdown()


async def _serve(settings: Settings) -> None:
    where = listening(settings)
    told, stopping = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with opened(settings, stopping) as (nouns, observed):
        gateway = Gateway(nouns, where, stopping)
        port = await gateway.start()
        sys.stdout.write(f"mmpipe gateway: listening on {settings.address.rpartition(':')[0]}:{port}\n")
        sys.stdout.flush()
        with observing(observed):
            await told.wait()
        await gateway.stop()
