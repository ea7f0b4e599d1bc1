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
from collections.abc import Awaitable, Callable

import aiohttp

from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.exposition import Sample, total
from mmpipe_operator.kinds import POD, Manifest
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.plan.model import GATEWAY
from mmpipe_operator.pod_metrics import ScrapeFailed, scrape

_WAITING = METRICS["mmpipe.server.queue.depth"].prometheus
_IN_FLIGHT = METRICS["mmpipe.server.in_flight"].prometheus
_ENDED = {"Succeeded", "Failed"}
_PODS_AT_ONCE = 32
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
        self._room = asyncio.Semaphore(_PODS_AT_ONCE)

    async def of(self, namespace: str, pipeline: str, process: str) -> int:
        """Of one process. Raises Unreadable."""
        selector = ",".join(f"{key}={value}" for key, value in names.selector(pipeline, process).items())
        try:
            pods, _ = await self._cluster.list(POD, namespace, selector)
        except ClusterError as error:
            raise Unreadable(str(error)) from error
        serving = [pod for pod in pods if _serves(pod)]
        if serving and not any(map(_ready, serving)):
            found = f"none of {len(serving)} pods ready"
            raise Unreadable(f"process {process} of pipeline {namespace}/{pipeline}: found {found}, expected one")
        metric = _IN_FLIGHT if process == GATEWAY else _WAITING
        return round(sum(await asyncio.gather(*(self._waiting(pod, metric) for pod in serving))))

    async def _waiting(self, pod: Manifest, metric: str) -> float:
        """In one pod. Raises Unreadable."""
        async with self._room:
            try:
                return await self._tried(pod["status"].get("podIP", ""), metric, _TRIES if _ready(pod) else 1)
            except ScrapeFailed as error:
                if _ready(pod):
                    raise Unreadable(f"pod {pod['metadata']['name']}: {error}") from error
                return 0.0

    async def _tried(self, host: str, metric: str, tries: int) -> float:
        try:
            return await self._asked(host, metric)
        except ScrapeFailed:
            if tries == 1:
                raise
            return await self._tried(host, metric, tries - 1)

    async def _asked(self, host: str, metric: str) -> float:
        if not host:
            raise ScrapeFailed("found no address, expected one")
        found = total(await self._ask(host), metric)
        if found is None:
            raise ScrapeFailed(
                f"found no {metric} among its metrics, expected it; see that its image is of this version"
            )
        return found


def _serves(pod: Manifest) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in _ENDED


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
