"""The loop around reconciles: what is there is listed, what happens is watched, and whom it concerns is reconciled.

Nothing is reconciled before everything has been listed once: a child that is merely not known yet is not missing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mmpipe.errors import MmpipeError
from mmpipe.telemetry import about, metrics
from mmpipe_operator import names
from mmpipe_operator.cache import Key, version_of
from mmpipe_operator.cluster import ClusterError, Conflict, NotLeading, Refused
from mmpipe_operator.handlers import watch
from mmpipe_operator.health import Health
from mmpipe_operator.kinds import CHILDREN, OPTIONAL, PIPELINE, POD, Kind, Manifest, ref_of
from mmpipe_operator.reconcile import Reconciler, World
from mmpipe_operator.workqueue import WorkQueue

_SPREAD = 0.1
"""Share of the resync's interval over which its reconciles are spread."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """``namespaces`` are those served (none: all), ``workers`` reconcile at once, all is listed every ``resync_s``."""

    namespaces: tuple[str, ...] = ()
    workers: int = 8
    resync_s: float = 600.0


class Controller:
    """Belongs to one event loop, and to the replica that leads."""

    def __init__(self, world: World, queue: WorkQueue[Key], health: Health, pace: Pace) -> None:
        self._world = world
        self._queue = queue
        self._health = health
        self._pace = pace
        self._reconciler = Reconciler(world)
        self._rewatch = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep every pipeline true until ``stop`` is set. Raises NotLeading where the lease is lost."""
        await self._list_all()
        self._look_at_all(0)
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._work()) for _ in range(self._pace.workers)]
            keepers += [tasks.create_task(self._resync()), tasks.create_task(self._watch(stop))]
            await stop.wait()
            self._rewatch.set()
            for keeper in keepers:
                keeper.cancel()

    def see(self, event: str | None, manifest: Manifest) -> None:
        """Take in one event of a watch."""
        cache, kind = self._world.cache, ref_of(manifest).kind
        key = cache.drop(manifest) if event == "DELETED" else cache.put(manifest)
        cache.watched(manifest)
        self._health.brought(kind, cache.watched_version(kind))
        if key is not None:
            self._queue.add(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            with about(pipeline="/".join(key)):
                await self._reconcile(key)

    async def _reconcile(self, key: Key) -> None:
        started = time.monotonic()
        result = "failed"
        try:
            again_s = await self._reconciler.reconcile(key)
            result = "done"
        except NotLeading:
            raise
        except Conflict as error:
            _log.info("%s; looking again in %.1f s", error, self._queue.failed(key))
        except MmpipeError as error:
            _log.warning("%s; trying again in %.1f s", error, self._queue.failed(key))
        except Exception:  # noqa: BLE001  # a bug that one pipeline brings out must not stop the others
            _log.exception("trying again in %.1f s", self._queue.failed(key))
        else:
            self._queue.done(key)
            if again_s is not None:
                self._queue.add(key, again_s)
        metrics.count("mmpipe.operator.reconciles", result=result)
        metrics.record("mmpipe.operator.reconcile.duration", time.monotonic() - started, result=result)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Watch what the cluster has of our kinds; anew when it has another optional kind."""
        while not stop.is_set():
            self._rewatch.clear()
            await watch(self._kinds(), self._pace.namespaces, self.see, self._rewatch)
            if not self._rewatch.is_set():  # kopf has caught a signal
                stop.set()

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._pace.resync_s)
            try:
                await self._list_all()
            except NotLeading:
                raise
            except ClusterError as error:
                _log.warning("%s; the next resync tries again", error)
                continue
            self._world.contents.forget_stale()
            self._look_at_all(self._pace.resync_s * _SPREAD)

    def _look_at_all(self, spread_s: float) -> None:
        for key in self._world.cache.keys():  # noqa: SIM118  # no mapping
            self._queue.add(key, random.uniform(0, spread_s))  # noqa: S311  # spreads load

    async def _list_all(self) -> None:
        """Make the cache what the cluster is. Raises ClusterError."""
        apis = await self._optional_apis()
        if apis != self._world.apis:
            self._world.apis = apis
            self._rewatch.set()
        for kind in self._kinds():
            await self._list(kind)

    async def _list(self, kind: Kind) -> None:
        selector = "" if kind is PIPELINE else names.PIPELINE_LABEL
        listed: list[Manifest] = []
        version = 0
        for namespace in self._pace.namespaces or ("",):
            found, version = await self._world.cluster.list(kind, namespace, selector)
            listed += found
        for key in self._world.cache.replace(kind, listed, version):
            self._queue.add(key)
        newest = max(map(version_of, listed), default=0)
        if newest > self._world.cache.watched_version(kind):
            self._health.owed(kind, newest)

    def _kinds(self) -> Iterator[Kind]:
        for kind in (PIPELINE, *CHILDREN, POD):
            if kind not in OPTIONAL or kind.api_version in self._world.apis:
                yield kind

    async def _optional_apis(self) -> frozenset[str]:
        return frozenset([kind.api_version for kind in OPTIONAL if await self._usable(kind)])

    async def _usable(self, kind: Kind) -> bool:
        """Whether the cluster has an optional kind, and the operator may see it."""
        if kind.plural not in await self._world.cluster.serves(kind.api_version):
            return False
        try:
            await self._world.cluster.list(kind, next(iter(self._pace.namespaces), ""), names.PIPELINE_LABEL)
        except Refused as refusal:
            _log.warning("%s; %s are left alone", refusal, kind.plural)
            return False
        return True
