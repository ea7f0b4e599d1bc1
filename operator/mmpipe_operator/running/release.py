"""``mmpipe-operator release``: let every pipeline go that the operator holds, once the operator is gone for good.

A pipeline with ``deletionPolicy: Delete`` has a finalizer, and only a running operator takes it away. The chart runs
this after it was uninstalled, so that no pipeline, and no namespace, waits for an operator that does not come back. The
collections stay in Milvus.
"""

from __future__ import annotations

import logging

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, Conflict, Gone
from mmpipe_operator.kinds import PIPELINE, Manifest, ref_of

_TRIES = 5

_log = logging.getLogger(__name__)


async def release(cluster: Cluster, namespaces: tuple[str, ...] = ()) -> int:
    """Take our finalizer from every pipeline of these namespaces, or of the cluster; how many had it.

    Raises ClusterError.
    """
    released = 0
    for namespace in namespaces or ("",):
        for raw in await _pipelines(cluster, namespace):
            released += await _release(cluster, raw)
    return released


async def _pipelines(cluster: Cluster, namespace: str) -> list[Manifest]:
    """Those of a namespace; none where the kind, or the namespace, has gone before."""
    try:
        found, _ = await cluster.list(PIPELINE, namespace)
    except Gone:
        return []
    return found


async def _release(cluster: Cluster, raw: Manifest) -> bool:
    ref = ref_of(raw)
    for _ in range(_TRIES):
        finalizers = raw["metadata"].get("finalizers", [])
        if names.FINALIZER not in finalizers:
            return False
        left = [name for name in finalizers if name != names.FINALIZER]
        version = raw["metadata"]["resourceVersion"]
        try:
            await cluster.merge(ref, {"metadata": {"resourceVersion": version, "finalizers": left}})
        except Gone:
            return False
        except Conflict:
            raw = await cluster.get(ref) or {"metadata": {}}
        else:
            _log.info("%s: let go; its collection stays in Milvus", ref)
            return True
    raise Conflict(str(ref), "Conflict", f"found it changing, expected it to rest; tried {_TRIES} times; run it again")
