"""The loop around reconciles: what is there is listed, what happens is watched, and whom it concerns is reconciled.

Nothing is reconciled before everything has been listed once: a child that is merely not known yet is not missing. kopf
watches pipelines, ``watches`` their children and pods, each from the version of that list. What a watch brings goes
before what only a list, or a neighbour, gives reason to look at: thousands of those hold up nobody's edit.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from mmpipe.errors import MmpipeError
from mmpipe.telemetry import about, metrics
from mmpipe_operator import names
from mmpipe_operator.cluster import ClusterError, Conflict, NotLeading, Refused
from mmpipe_operator.kinds import CHILDREN, OPTIONAL, PIPELINE, POD, Kind, Manifest, Ref, kind_of, ref_of
from mmpipe_operator.reconciling.reconcile import Reconciler, World
from mmpipe_operator.running.health import Health
from mmpipe_operator.watching.cache import Key, version_of
from mmpipe_operator.watching.handlers import watch
from mmpipe_operator.watching.slimming import WHOLE
from mmpipe_operator.watching.watches import Watches
from mmpipe_operator.watching.workqueue import WorkQueue

_LISTS_AT_ONCE = 4
"""At a start, when all wait for them: the API server makes some while others are read. One at a time later on."""
_REWATCH_S = 2.0
"""Before kopf begins anew."""
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
        self._listed: dict[tuple[Kind, str], int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep every pipeline true until ``stop`` is set. Raises NotLeading where the lease is lost."""
        await self._list_all(_LISTS_AT_ONCE)
        self._take_up()
        self._look_at_all(0)
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._work()) for _ in range(self._pace.workers)]
            keepers += map(tasks.create_task, (self._resync(), self._watch_pipelines(), self._watch_children()))
            await stop.wait()
            for keeper in keepers:
                keeper.cancel()

    def see(self, event: str | None, manifest: Manifest) -> None:
        """Take in one event of a watch."""
        self._come_as_far(kind_of(manifest), version_of(manifest))
        if event == "BOOKMARK":
            return
        cache = self._world.cache
        key = cache.drop(manifest) if event == "DELETED" else cache.put(manifest)
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
        except ClusterError as error:
            _log.warning("%s; trying again in %.1f s", error, self._queue.failed(key, error.again_s))
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

    async def _watch_pipelines(self) -> None:
        """Anew where kopf has ended, whatever ended it; what it has missed is listed."""
        while True:
            try:
                await watch(self._pace.namespaces, self.see)
            except Exception as error:  # noqa: BLE001  # kopf raises what it gets
                _log.warning("the watch of pipelines has ended, %r; it begins anew in %.0f s", error, _REWATCH_S)
            await asyncio.sleep(_REWATCH_S)
            await self._relist_pipelines()

    async def _relist_pipelines(self) -> None:
        try:
            for namespace in self._pace.namespaces or ("",):
                await self._relist(PIPELINE, namespace)
        except NotLeading:
            raise
        except ClusterError as error:
            _log.warning("%s; kopf lists pipelines too, the next resync those that are gone", error)

    async def _watch_children(self) -> None:
        """Watch what the cluster has of their kinds; anew when it has another optional kind."""
        watches = Watches(self._world.cluster, self.see, self._relist)
        while True:
            self._rewatch.clear()
            where = [(kind, namespace, version) for (kind, namespace), version in self._watched()]
            await watches.keep(where, self._rewatch)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._pace.resync_s)
            try:
                await self._list_all(1)
            except NotLeading:
                raise
            except ClusterError as error:
                _log.warning("%s; the next resync tries again", error)
                continue
            self._world.contents.forget_stale()
            self._look_at_all(self._pace.resync_s * _SPREAD)

    def _look_at_all(self, spread_s: float) -> None:
        for key in self._world.cache.keys():  # noqa: SIM118  # no mapping
            self._queue.add(key, random.uniform(0, spread_s), patient=True)  # noqa: S311  # spreads load

    async def _list_all(self, at_once: int) -> None:
        """Make the cache what the cluster is. Raises ClusterError."""
        apis = await self._optional_apis()
        if apis != self._world.apis:
            self._world.apis = apis
            self._rewatch.set()
        turns = asyncio.Semaphore(at_once)
        await asyncio.gather(*(self._list(kind, namespace, turns) for kind, namespace in self._places()))

    async def _list(self, kind: Kind, namespace: str, turns: asyncio.Semaphore) -> None:
        async with turns:
            version, newest = await self._fill(kind, namespace)
        self._listed[kind, namespace] = version
        if newest > self._world.cache.watched_version(kind):
            self._health.owed(kind, newest)

    async def _relist(self, kind: Kind, namespace: str) -> int:
        """List what a watch has missed; it goes on from there. Raises ClusterError."""
        version, _ = await self._fill(kind, namespace)
        self._come_as_far(kind, version)
        return version

    async def _fill(self, kind: Kind, namespace: str) -> tuple[int, int]:
        """Make the cache what a list says; its version, and that of the newest object in it."""
        cache, selector = self._world.cache, "" if kind is PIPELINE else names.PIPELINE_LABEL
        there: set[Ref] = set()
        changed: set[Key | None] = set()
        version = newest = 0
        light = kind not in WHOLE
        async for page, version in self._world.cluster.pages(kind, namespace, selector, metadata_only=light):  # noqa: B007  # the last page's
            there.update(map(ref_of, page))
            changed.update(map(cache.put, page))
            newest = max(newest, *map(version_of, page), 0)
        for key in changed | cache.vanish(kind, there, version, namespace):
            if key is not None:
                self._queue.add(key, patient=True)
        return version, newest

    def _take_up(self) -> None:
        """The watches of children begin where the first lists ended, and owe nothing of what is in them."""
        for (kind, _), version in self._watched():
            self._come_as_far(kind, version)

    def _watched(self) -> list[tuple[tuple[Kind, str], int]]:
        """What is watched here, and from which version on."""
        return [(place, self._listed[place]) for place in self._places() if place[0] is not PIPELINE]

    def _come_as_far(self, kind: Kind, version: int) -> None:
        self._world.cache.watched(kind, version)
        self._health.brought(kind, self._world.cache.watched_version(kind))

    def _places(self) -> Iterator[tuple[Kind, str]]:
        """Each kind in each namespace that is served, or everywhere."""
        return product(self._kinds(), self._pace.namespaces or ("",))

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
