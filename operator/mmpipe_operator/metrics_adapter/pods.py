"""How many calls wait in the pods of a process, by their own metrics (ADR 27).

::

    no pods                                  0: nothing can wait where nothing is
    pods, none of them ready                 no reading
    a ready pod that does not answer, twice  no reading: what it holds is not known
    a pod that is not ready                  counted where it answers, else left out: it gets no calls
    a pod that ends                          left out: it takes no more calls, and is no replica any more
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import aiohttp

from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.kinds import POD, Manifest
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.plan.model import GATEWAY
from mmpipe_operator.scaling.exposition import Sample, total
from mmpipe_operator.scaling.pod_metrics import ScrapeFailed, scrape

_WAITING = METRICS["mmpipe.server.queue.depth"].prometheus
_IN_FLIGHT = METRICS["mmpipe.server.in_flight"].prometheus
_ENDED = {"Succeeded", "Failed"}
_PODS_AT_ONCE = 32
"""Of one process; pods that hang must not keep those of other processes waiting."""
_TRIES = 2

type Scrape = Callable[[str], Awaitable[tuple[Sample, ...]]]
"""What the pod at an address says. Raises ScrapeFailed."""


def scraping(session: aiohttp.ClientSession, port: int, timeout_s: float) -> Scrape:
    """Over HTTP."""
    return lambda host: scrape(session, host, port, timeout_s)


class PodDepths:
    """Belongs to one event loop."""

    def __init__(self, cluster: Cluster, ask: Scrape) -> None:
        self._cluster = cluster
        self._ask = ask

    async def of(self, namespace: str, pipeline: str, process: str) -> int:
        """Of one process. Raises Unreadable."""
        pods = await self._serving(namespace, names.selector(pipeline, process))
        if pods and not any(map(_ready, pods)):
            found = f"found none of {len(pods)} pods ready, expected one"
            raise Unreadable(
                f"process {process} of pipeline {namespace}/{pipeline}: {found}; see kubectl mmpipe status"
            )
        return await self._sum(pods, _IN_FLIGHT if process == GATEWAY else _WAITING)

    async def _serving(self, namespace: str, selector: Mapping[str, str]) -> list[Manifest]:
        """Pods that are not at their end. Raises Unreadable."""
        try:
            pods, _ = await self._cluster.list(POD, namespace, ",".join(f"{key}={selector[key]}" for key in selector))
        except ClusterError as error:
            raise Unreadable(str(error)) from error
        return [pod for pod in pods if _serves(pod)]

    async def _sum(self, pods: Sequence[Manifest], metric: str) -> int:
        room = asyncio.Semaphore(_PODS_AT_ONCE)

        async def waiting(pod: Manifest) -> float:
            async with room:
                return await self._waiting(pod, metric)

        return round(sum(await asyncio.gather(*map(waiting, pods))))

    async def _waiting(self, pod: Manifest, metric: str) -> float:
        """In one pod. Raises Unreadable."""
        host, ready = _status(pod).get("podIP", ""), _ready(pod)
        try:
            return await self._asked(host, metric, _TRIES if ready else 1)
        except ScrapeFailed as error:
            if ready:
                raise Unreadable(f"pod {pod['metadata']['name']}: {error}") from error
            return 0.0

    async def _asked(self, host: str, metric: str, tries: int) -> float:
        for _ in range(1, tries):
            with suppress(ScrapeFailed):
                return _told(await self._answer(host), metric)
        return _told(await self._answer(host), metric)

    async def _answer(self, host: str) -> tuple[Sample, ...]:
        if not host:
            raise ScrapeFailed("found no address, expected one; see kubectl describe pod")
        return await self._ask(host)


def _told(said: Iterable[Sample], metric: str) -> float:
    found = total(said, metric)
    if found is None:
        remedy = "see that its image is of this version"
        raise ScrapeFailed(f"found no {metric} among its metrics, expected it; {remedy}")
    return found


def _serves(pod: Manifest) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and _status(pod).get("phase") not in _ENDED


def _ready(pod: Manifest) -> bool:
    conditions = _status(pod).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _status(pod: Manifest) -> Manifest:
    return pod.get("status") or {}
