"""What happens to children and pods: each kind is watched from the version at which it was listed.

Children are many times as many as pipelines, and of most no more is wanted than their metadata. So they are watched
here and not by kopf, which lists everything once more, keeps a record of each object and runs a task for it (ADR 34).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Expired, NotLeading
from mmpipe_operator.kinds import Kind, Manifest
from mmpipe_operator.watching.cache import version_of
from mmpipe_operator.watching.slimming import WHOLE

type See = Callable[[str, Manifest], None]
"""Told of each event: its type and the object; of a ``BOOKMARK`` the version alone."""
type Relist = Callable[[Kind, str], Awaitable[int]]
"""Lists a kind in a namespace (or everywhere) anew; the version of that list."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """One watch, and how far it has come."""

    kind: Kind
    namespace: str
    since: int


@dataclass(frozen=True, slots=True)
class Watches:
    """How to watch. Belongs to one event loop."""

    cluster: Cluster
    see: See
    relist: Relist

    async def keep(self, where: Iterable[tuple[Kind, str, int]], stop: asyncio.Event) -> None:
        """Watch each kind, in a namespace (or everywhere), from a version on, until ``stop`` is set."""
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(self._follow(_Place(*each))) for each in where]
            await stop.wait()
            for each in watching:
                each.cancel()

    async def _follow(self, place: _Place) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            before, asked_s = place.since, 0.0
            try:
                await self._read(place)
            except Expired:
                place.since = await self._anew(place) or place.since
            except NotLeading:
                raise
            except ClusterError as error:
                asked_s = error.again_s
                _log.info("%s; watching %s again in up to %.1f s", error, place.kind.plural, asked_s + pause_s)
            except Exception:  # noqa: BLE001  # a bug that one object brings out must not stop the others
                _log.exception("watching %s again in up to %.1f s", place.kind.plural, pause_s)
            pause_s = _FIRST_PAUSE_S if place.since > before else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(asked_s + random.uniform(0, pause_s))  # noqa: S311  # spreads load

    async def _read(self, place: _Place) -> None:
        """Until the API server, or the network, ends it."""
        light, selector = place.kind not in WHOLE, names.PIPELINE_LABEL
        events = self.cluster.watch(place.kind, place.since, place.namespace, selector, metadata_only=light)
        async with aclosing(events):
            async for event, manifest in events:
                place.since = max(place.since, version_of(manifest))
                self.see(event, manifest)

    async def _anew(self, place: _Place) -> int | None:
        """The version of a list; None where there is none to be had now."""
        try:
            return await self.relist(place.kind, place.namespace)
        except NotLeading:
            raise
        except ClusterError as error:
            _log.warning("%s; the list of %s is tried again", error, place.kind.plural)
            return None
