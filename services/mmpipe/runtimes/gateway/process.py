"""A gateway as a process: event loop, signals, telemetry, and the line that says that it is ready."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from mmpipe import telemetry
from mmpipe.adapters.errors import StoreError
from mmpipe.runtimes.gateway.assembly import Settings, listening, opened
from mmpipe.runtimes.gateway.queueing import LateQueue
from mmpipe.runtimes.gateway.server import Gateway
from mmpipe.runtimes.turns import short_turns
from mmpipe.telemetry.state import Reading


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SpecError, ModelError or AddressRefused."""
    telemetry.setup_logging()
    running = telemetry.setup("mmpipe-gateway", metrics_port=settings.metrics_port)
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
    async with opened(settings, stopping) as (nouns, queue):
        gateway = Gateway(nouns, where, stopping)
        port = await gateway.start()
        sys.stdout.write(f"mmpipe gateway: listening on {settings.address.rpartition(':')[0]}:{port}\n")
        sys.stdout.flush()
        with _observed(queue):
            await told.wait()
        await gateway.stop()


@contextmanager
def _observed(queue: LateQueue) -> Iterator[None]:
    """The queue among the metrics, absent where it does not answer."""

    async def depth() -> Iterable[Reading]:
        with suppress(StoreError):
            return [(count, {"modality": str(modality)}) for modality, count in (await queue.depth()).items()]
        return ()

    async def age() -> Iterable[Reading]:
        with suppress(StoreError):
            age_s = await queue.oldest_age_s()
            return () if age_s is None else ((age_s, {}),)
        return ()

    with ExitStack() as observing:
        observing.callback(telemetry.observe("mmpipe.queue.depth", depth))
        observing.callback(telemetry.observe("mmpipe.queue.age", age))
        yield
