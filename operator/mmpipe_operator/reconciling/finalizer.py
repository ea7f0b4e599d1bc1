"""The end of a pipeline whose vectors go with it (``deletionPolicy: Delete``).

Kubernetes deletes the children, which have an owner; the collection in Milvus has none. So the pipeline is held by a
finalizer until its pods are gone (they would make the collection anew) and the collection is dropped. It is let go
without that when the time is over or somebody says so: a pipeline, and with it its namespace, never hangs for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from mmpipe.spec import MultimodalPipeline
from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, Events
from mmpipe_operator.kinds import DEPLOYMENT, POD, Manifest, ref_of
from mmpipe_operator.neighbours import NeighbourError, Neighbours
from mmpipe_operator.reconciling.standing import Standing
from mmpipe_operator.watching.cache import Cache, Key

PODS_LEAVE_S = 5.0
"""Pause between two looks at pods that are stopping; their deletion wakes the pipeline earlier."""
DROP_AGAIN_S = 10.0
"""Pause between two tries to drop a collection; the last try is never later than the bound."""

_log = logging.getLogger(__name__)


class Finalizer:
    """Holds pipelines and lets them go. ``limit_s`` is how long dropping may take, from the deletion on."""

    def __init__(self, cluster: Cluster, cache: Cache, neighbours: Neighbours, events: Events, limit_s: float) -> None:
        self._cluster = cluster
        self._cache = cache
        self._neighbours = neighbours
        self._events = events
        self._limit_s = limit_s
        self._told: dict[Key, str] = {}

    async def hold(self, raw: Manifest, *, wanted: bool) -> None:
        """Have the finalizer on a living pipeline exactly where it is wanted."""
        if wanted != is_held(raw):
            finalizers = [name for name in _finalizers(raw) if name != names.FINALIZER]
            await self._set(raw, [*finalizers, names.FINALIZER] if wanted else finalizers)

    async def finish(
        self, raw: Manifest, pipeline: MultimodalPipeline | None, secrets: Mapping[tuple[str, str], str]
    ) -> float | None:
        """One step towards the end of a pipeline that is being deleted; the seconds until the next, None at the end.

        ``pipeline`` is None where the spec can't be read: then nobody can say what to drop. Raises ClusterError.
        """
        if not is_held(raw):
            return None
        await Standing(self._cluster, self._cache, raw).confirm()
        if pipeline is None or self._is_over(raw):
            await self._abandon(raw)
        elif await self._pods_leave(raw):
            return PODS_LEAVE_S
        else:
            return await self._drop(raw, pipeline, secrets)
        return None

    def forget(self, key: Key) -> None:
        """Let go of what was remembered of a pipeline that is gone."""
        self._told.pop(key, None)

    async def _drop(
        self, raw: Manifest, pipeline: MultimodalPipeline, secrets: Mapping[tuple[str, str], str]
    ) -> float | None:
        try:
            await self._neighbours.drop_vectors(pipeline, secrets)
        except NeighbourError as error:
            _log.warning("%s: its collection is not dropped yet: %s", ref_of(raw), error)
            await self._say_why(raw, error)
            return max(0.0, min(DROP_AGAIN_S, self._left_s(raw)))
        await self._events.say(raw, "Normal", "VectorsDropped", "its collection and alias are gone from Milvus")
        await self._let_go(raw)
        return None

    async def _say_why(self, raw: Manifest, error: NeighbourError) -> None:
        """Once for each pipeline: it is tried again and again, and an event for each try would bury the others."""
        key: Key = raw["metadata"]["namespace"], raw["metadata"]["name"]
        if self._told.get(key) == raw["metadata"]["uid"]:
            return
        self._told[key] = raw["metadata"]["uid"]
        remedy = f"to let it go now and keep the collection, annotate it {names.ABANDON}=true"
        note = f"{error}; tried again for up to {self._limit_s:.0f} s after the deletion; {remedy}"
        await self._events.say(raw, "Warning", "VectorsNotDropped", note)

    async def _pods_leave(self, raw: Manifest) -> bool:
        """Whether pods are left; their Deployments are deleted now rather than with the pipeline.

        Those that are known may be gone: a watch that has missed one's end would hold the pipeline until the bound.
        """
        key: Key = raw["metadata"]["namespace"], raw["metadata"]["name"]
        for ref, child in self._cache.children(key).items():
            if ref.kind is DEPLOYMENT and "deletionTimestamp" not in child["metadata"]:
                await self._cluster.delete(child)
        if not self._cache.pods(key):
            return False
        left, _ = await self._cluster.list(POD, key[0], f"{names.PIPELINE_LABEL}={key[1]}")
        return bool(left)

    def _is_over(self, raw: Manifest) -> bool:
        asked = raw["metadata"].get("annotations", {}).get(names.ABANDON) == "true"
        return asked or self._left_s(raw) <= 0

    def _left_s(self, raw: Manifest) -> float:
        """How long dropping may still be tried."""
        deleted_at = datetime.fromisoformat(raw["metadata"]["deletionTimestamp"])
        return self._limit_s - (datetime.now(UTC) - deleted_at).total_seconds()

    async def _abandon(self, raw: Manifest) -> None:
        note = "its collection stays in Milvus: it could not be dropped in time, or was not to be; drop it by hand"
        _log.warning("%s: %s", ref_of(raw), note)
        await self._events.say(raw, "Warning", "VectorsAbandoned", note)
        await self._let_go(raw)

    async def _let_go(self, raw: Manifest) -> None:
        await self._set(raw, [name for name in _finalizers(raw) if name != names.FINALIZER])

    async def _set(self, raw: Manifest, finalizers: list[str]) -> None:
        """Raises Conflict where the pipeline has changed meanwhile, also where another has taken its name."""
        version = raw["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "finalizers": finalizers}}
        self._cache.put(await self._cluster.merge(ref_of(raw), patch))
        metrics.count("mmpipe.operator.writes", kind=raw["kind"], reason="finalizer")


def is_held(raw: Manifest) -> bool:
    """Whether the pipeline has our finalizer."""
    return names.FINALIZER in _finalizers(raw)


def _finalizers(raw: Manifest) -> list[str]:
    return list(raw["metadata"].get("finalizers", ()))
