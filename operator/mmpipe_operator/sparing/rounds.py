"""Round after round: ask the pods that could be deleted one for another, and write down who is busy.

Only processes with several pods are asked, and only what has changed is written, so that an idle cluster sees neither.
A round holds up no reconcile, and a pod that does not answer holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from mmpipe.errors import MmpipeError
from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Gone, NotLeading, Refused
from mmpipe_operator.kinds import Manifest, ref_of
from mmpipe_operator.sparing.cost import IDLE, Load, cost
from mmpipe_operator.sparing.steadiness import Steadiness
from mmpipe_operator.watching.cache import Cache

_log = logging.getLogger(__name__)

_REPLICA_SET = "pod-template-hash"
"""Label by which a Deployment tells the pods of its ReplicaSets apart."""
AT_ONCE = 32
"""Pods that are asked at the same time."""

type Read = Callable[[str], Awaitable[Load]]
"""Asks the pod at an address. Raises MmpipeError where it can't be read."""


class Sparing:
    """Belongs to one event loop, and to the replica that leads."""

    def __init__(self, cluster: Cluster, cache: Cache, read: Read, interval_s: float) -> None:
        self._cluster = cluster
        self._cache = cache
        self._read = read
        self._interval_s = interval_s
        self._steadiness = Steadiness()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Round after round, until cancelled or the lease is lost."""
        with suppress(NotLeading):  # whoever renews the lease says so
            while True:
                await asyncio.sleep(self._interval_s)
                await self._try()

    async def round(self) -> None:
        """Bring the costs of all pods up to date. Raises ClusterError."""
        pods = [pod for key in self._cache.keys() for pod in self._comparable(key)]  # noqa: SIM118  # no mapping
        self._steadiness.keep(pod["metadata"]["uid"] for pod in pods)
        for pod, load in zip(pods, await asyncio.gather(*map(self._asked, pods)), strict=True):
            if load is not None:
                await self._settle(pod, load)

    async def _try(self) -> None:
        try:
            await self.round()
        except NotLeading:
            raise
        except ClusterError as error:
            _log.warning("%s; busy pods are looked at again in %.0f s", error, self._interval_s)
        except Exception:  # noqa: BLE001  # a bug here must not end a task that nobody waits for
            _log.exception("busy pods are looked at again in %.0f s", self._interval_s)

    def _comparable(self, key: tuple[str, str]) -> Iterator[Manifest]:
        """A pipeline's pods that serve and are not alone in their ReplicaSet, as the cost counts nowhere else."""
        alike = defaultdict(list)
        for pod in filter(_serves, self._cache.pods(key)):
            labels = pod["metadata"]["labels"]
            alike[labels.get(names.COMPONENT_LABEL), labels.get(_REPLICA_SET)].append(pod)
        found = [pod for pods in alike.values() if len(pods) > 1 for pod in pods]
        if found and not self._is_paused(key):
            yield from found

    def _is_paused(self, key: tuple[str, str]) -> bool:
        pipeline = self._cache.pipeline(key) or {"metadata": {}}
        return bool(pipeline["metadata"].get("annotations", {}).get(names.RECONCILE) == "Paused")

    async def _asked(self, pod: Manifest) -> Load | None:
        """How busy it is, or None where it does not say: that is not idle."""
        async with self._room:
            try:
                load = await self._read(pod["status"]["podIP"])
            except MmpipeError as error:
                _log.info("%s: %s; its deletion cost stays", ref_of(pod), error)
                metrics.count("mmpipe.operator.pod.readings", result="failed")
                return None
        metrics.count("mmpipe.operator.pod.readings", result="done")
        return load

    async def _settle(self, pod: Manifest, load: Load) -> None:
        standing = standing_cost(pod)
        settled = self._steadiness.settled(pod["metadata"]["uid"], cost(load), standing)
        if settled == standing:
            return
        annotations = {names.DELETION_COST: None if settled == IDLE else str(settled)}
        try:
            answer = await self._cluster.merge(ref_of(pod), {"metadata": {"annotations": annotations}})
        except Gone:
            return
        except Refused as refusal:
            _log.warning("%s: found %s, expected to be let annotate it; see Rights in docs/operator.md", *_of(refusal))
            return
        metrics.count("mmpipe.operator.writes", kind="Pod", reason="sparing")
        self._cache.put(answer)


def standing_cost(pod: Manifest) -> int:
    """The cost that a pod has; what somebody has made unreadable counts as none, as in Kubernetes."""
    try:
        return int(pod["metadata"].get("annotations", {}).get(names.DELETION_COST, IDLE))
    except ValueError:
        return IDLE


def _serves(pod: Manifest) -> bool:
    """Others go before it whatever it costs."""
    said = pod.get("status", {})
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in said.get("conditions", ()))
    return ready and "deletionTimestamp" not in pod["metadata"] and bool(said.get("podIP"))


def _of(refusal: Refused) -> tuple[str, str]:
    return str(refusal).partition(":")[0], refusal.message
