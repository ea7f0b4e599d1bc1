"""The operator as a process: it signs in, waits until it leads, keeps pipelines true, and lets go of the lease.

A leader that has lost its lease ends with 1 and is started again as a candidate: no task of its old life goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

from mmpipe.telemetry import metrics, setup, setup_logging
from mmpipe.telemetry.state import Reading
from mmpipe_operator.cluster import Cluster, Connection, Events, Lease, NotLeading, connected
from mmpipe_operator.controller import Controller, Pace
from mmpipe_operator.kinds import CHILDREN, PIPELINE, POD
from mmpipe_operator.neighbours import Neighbours
from mmpipe_operator.reconciling.reconcile import Defaults, World
from mmpipe_operator.running.health import Health, serving
from mmpipe_operator.running.settings import Settings
from mmpipe_operator.running.stopping import first, stopped_by_signals
from mmpipe_operator.running.thrift import be_thrifty, give_back
from mmpipe_operator.scaling.api_service import Backend
from mmpipe_operator.scaling.withdrawal import Withdrawal
from mmpipe_operator.sparing import Sparing, asking
from mmpipe_operator.status import STATES
from mmpipe_operator.watching.cache import Cache, Key
from mmpipe_operator.watching.contents import ContentReader
from mmpipe_operator.watching.workqueue import WorkQueue

LOST = 1
"""Exit status of a replica that has lost the lease."""

_log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT (0) or until the lease is lost (1). Raises OSError for a port that is taken."""
    setup_logging(level=logging.getLevelName(settings.log_level))
    telemetry = setup("mmpipe-operator", metrics_port=settings.metrics_port, metrics_host=settings.host)
    be_thrifty()
    try:
        return asyncio.run(_run(settings))
    finally:
        telemetry.shutdown()


async def _run(settings: Settings) -> int:
    stop, health = asyncio.Event(), Health()
    with stopped_by_signals(stop):
        async with serving(health, settings.host, settings.health_port), connected() as client:
            health.started = True
            return await _led(settings, client, health, stop)


async def _led(settings: Settings, client: Connection, health: Health, stop: asyncio.Event) -> int:
    """Wait for the lease, then keep pipelines true for as long as it is held."""
    if settings.leader_election == "None":
        await _keep(settings, Cluster(client), health, stop)
        return 0
    lease = Lease(Cluster(client), (settings.namespace, settings.lease_name), settings.identity, settings.lease_seconds)
    forget = metrics.observe("mmpipe.operator.leader", lambda: [(int(lease.leading), {})])
    try:
        await first(stop.wait(), lease.acquire())
        if not stop.is_set():
            _log.info("leading as %s", settings.identity)
            with suppress(NotLeading):  # a write has noticed it before the renewal did
                await first(stop.wait(), lease.lost(), _keep(settings, Cluster(client, lease.fence), health, stop))
    finally:
        forget()
        await lease.release()
    if stop.is_set():
        return 0
    _log.warning("found its lease lost, expected it renewed; ending")
    return LOST


async def _keep(settings: Settings, cluster: Cluster, health: Health, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as opened:
        queue: WorkQueue[Key] = WorkQueue()
        neighbours = await opened.enter_async_context(_asked(queue, settings.probe_seconds))
        world = World(
            cluster=cluster,
            cache=Cache(),
            contents=ContentReader(cluster, settings.secrets_seconds),
            neighbours=neighbours,
            events=Events(cluster, settings.identity),
            defaults=_defaults(settings),
            drop_limit_s=settings.drop_timeout_seconds,
        )
        opened.enter_context(_observed(queue, world.cache, health))
        await opened.enter_async_context(_beside(give_back()))
        if settings.metrics_service:
            backend = Backend(settings.namespace, settings.metrics_service)
            withdrawal = Withdrawal(cluster, backend, settings.withdraw_seconds)
            await opened.enter_async_context(_beside(withdrawal.keep()))
        if settings.sparing_seconds:
            read = await opened.enter_async_context(asking())
            sparing = Sparing(cluster, world.cache, read, settings.sparing_seconds)
            await opened.enter_async_context(_beside(sparing.run()))
        pace = Pace(settings.namespaces, settings.workers, settings.resync_seconds)
        await Controller(world, queue, health, pace).run(stop)


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        image=settings.image,
        image_pull_policy=settings.image_pull_policy,
        image_pull_secrets=settings.image_pull_secrets,
        service_monitors=settings.service_monitors,
        scaler_address=settings.scaler_address,
        scaler_authority=settings.scaler_authority,
    )


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Have it run while the block does; what it raises ends the block."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(work)
        yield
        running.cancel()


@asynccontextmanager
async def _asked(queue: WorkQueue[Key], interval_s: float) -> AsyncIterator[Neighbours]:
    neighbours = Neighbours(lambda namespace, name: queue.add((namespace, name), patient=True), interval_s)
    try:
        yield neighbours
    finally:
        await neighbours.close()


@contextmanager
def _observed(queue: WorkQueue[Key], cache: Cache, health: Health) -> Iterator[None]:
    """What the operator says of itself while it leads."""

    def pipelines() -> Iterator[Reading]:
        states = cache.states()
        yield from ((states[state], {"state": state}) for state in STATES)

    def silence() -> Iterator[Reading]:
        yield from ((health.silence_s(kind), {"kind": kind.kind}) for kind in (PIPELINE, *CHILDREN, POD))

    forget = [
        metrics.observe("mmpipe.operator.queue.length", lambda: [(len(queue), {})]),
        metrics.observe("mmpipe.operator.queue.age", lambda: [(queue.oldest_age_s(), {})]),
        metrics.observe("mmpipe.operator.pipelines", pipelines),
        metrics.observe("mmpipe.operator.watch.silence", silence),
    ]
    try:
        yield
    finally:
        for each in forget:
            each()
