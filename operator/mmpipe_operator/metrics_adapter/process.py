"""The adapter as a process: its probes, where its numbers come from, and the replica that answers with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from mmpipe.telemetry import setup, setup_logging
from mmpipe_operator.cluster import Cluster, connected
from mmpipe_operator.metrics_adapter.pipelines import Pipelines
from mmpipe_operator.metrics_adapter.pods import PodDepths, scraping
from mmpipe_operator.metrics_adapter.readings import Readings
from mmpipe_operator.metrics_adapter.replica import Replica
from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.neighbours.queue_depths import QueueDepths
from mmpipe_operator.running.probes import probed
from mmpipe_operator.running.stopping import stopped_by_signals

_TIDY_S = 60.0


def run(settings: AdapterSettings) -> int:
    """Run until SIGTERM or SIGINT; 0. Raises OSError for a port that is taken, CertificateError for unusable files."""
    setup_logging(level=logging.getLevelName(settings.log_level))
    telemetry = setup("mmpipe-metrics-adapter", metrics_port=settings.metrics_port, metrics_host=settings.host)
    try:
        asyncio.run(_run(settings))
    finally:
        telemetry.shutdown()
    return 0


async def _run(settings: AdapterSettings) -> None:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with connected() as client:
            await _serve(settings, Cluster(client, timeout_s=2 * settings.timeout_seconds), stop)


async def _serve(settings: AdapterSettings, cluster: Cluster, stop: asyncio.Event) -> None:
    async with _reading(settings, cluster) as readings:
        replica = Replica(settings, cluster, readings.answer)
        questions = {"/healthz": _alive, "/readyz": replica.readiness.unready}
        async with probed(questions, settings.host, settings.health_port):
            await replica.run(stop)


def _alive() -> str:
    """Whoever answers is."""
    return ""


@asynccontextmanager
async def _reading(settings: AdapterSettings, cluster: Cluster) -> AsyncIterator[Readings]:
    pipelines = Pipelines(cluster, settings.pipeline_seconds, settings.secrets_seconds)
    queues = QueueDepths(settings.timeout_seconds)
    # Without limits of its own: pods that hang, of one process, must not keep others from being asked.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        pods = PodDepths(cluster, scraping(session, settings.scrape_port, settings.timeout_seconds))
        readings = Readings(pipelines, queues, pods, settings.fresh_seconds)
        tidying = asyncio.create_task(_tidy(pipelines, queues))
        try:
            yield readings
        finally:
            tidying.cancel()
            await readings.close()
            await pipelines.close()
            await queues.close()


async def _tidy(pipelines: Pipelines, queues: QueueDepths) -> None:
    """Now and then, let go of what nobody asks for any more."""
    while True:
        await asyncio.sleep(_TIDY_S)
        pipelines.forget_stale()
        await queues.let_go()
