"""Whether a pipeline still is what a reconcile takes it for: asked of the API server before the first write.

Lists and watches may be behind. An operator that starts on old lists would make an old spec true once more, and delete
what the present one has. To ask for one object by name is to ask etcd: a reconcile that writes pays one read for
certainty, one that writes nothing pays nothing. Neighbours: ``applying`` and ``finalizer`` ask.

The answer to a write of a status is the whole pipeline, and may hold what a user has said in the meantime. The watch
then brings nothing that the cache does not know, so whoever gets such an answer has to see that it is looked at.
"""

from __future__ import annotations

from mmpipe_operator import names
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
        found = await self._cluster.get(ref_of(self._seen))
        if found is None:
            self._cache.drop(self._seen)
            raise _behind(self._seen, "it gone")
        if _wish(found) != _wish(self._seen):
            self._cache.put(found)
        keep_up(self._seen, found)
        self._confirmed = True


def keep_up(seen: Manifest, found: Manifest) -> None:
    """Raise Conflict where somebody wants something else of a pipeline by now: it is looked at again."""
    if _wish(found) != _wish(seen):
        raise _behind(seen, "another generation of it")


def _behind(seen: Manifest, found: str) -> Conflict:
    return Conflict(str(ref_of(seen)), "Behind", f"found {found}, expected what was seen; looking again")


def _wish(pipeline: Manifest) -> tuple[object, ...]:
    metadata = pipeline["metadata"]
    pause = metadata.get("annotations", {}).get(names.RECONCILE)
    return metadata["uid"], metadata.get("generation"), "deletionTimestamp" in metadata, pause
