"""Whether a pipeline still is what a reconcile takes it for: asked of the API server before the first write.

Lists and watches may be behind. An operator that starts on old lists would make an old spec true once more, and delete
what the present one has. To ask for one object by name is to ask etcd: a reconcile that writes pays one read for
certainty, one that writes nothing pays nothing. Neighbours: ``applying`` and ``finalizer`` ask.
"""

from __future__ import annotations

from mmpipe_operator.cluster import Cluster, Conflict
from mmpipe_operator.kinds import Manifest, ref_of
from mmpipe_operator.watching.cache import Cache


class Standing:
    """Of one pipeline, in one reconcile, as it was ``seen``."""

    def __init__(self, cluster: Cluster, cache: Cache, seen: Manifest) -> None:
        self._cluster = cluster
        self._cache = cache
        self._seen = seen
        self._confirmed = False

    @property
    def uid(self) -> str:
        """The pipeline's own."""
        uid: str = self._seen["metadata"]["uid"]
        return uid

    async def confirm(self) -> None:
        """Raise Conflict where it has another spec by now, is being deleted, or is gone; the cache knows it then."""
        if self._confirmed:
            return
        ref = ref_of(self._seen)
        found = await self._cluster.get(ref)
        if found is None:
            self._cache.drop(self._seen)
        elif _which(found) == _which(self._seen):
            self._confirmed = True
            return
        else:
            self._cache.put(found)
        there = "it gone" if found is None else "another generation of it"
        raise Conflict(str(ref), "Behind", f"found {there}, expected what was seen; nothing is written, looking again")


def _which(pipeline: Manifest) -> tuple[object, ...]:
    metadata = pipeline["metadata"]
    return metadata["uid"], metadata.get("generation"), "deletionTimestamp" in metadata
