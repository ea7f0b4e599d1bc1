"""``mmpipe-operator round-trip``: prove that a pipeline that is applied is reconciled. The chart's ``helm test``.

A small paused pipeline is made; the operator must plan it and report on it; then it is deleted and must take its
children with it. It runs no pod and asks no neighbour for anything.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from mmpipe.errors import MmpipeError
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster
from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE, Manifest, Ref

TIMEOUT_S = 60.0
_PAUSE_S = 0.5


class NoRoundTrip(MmpipeError):  # noqa: N818  # says what is the case
    """The operator did not do its part in time; the message says which."""


async def round_trip(cluster: Cluster, namespace: str, timeout_s: float = TIMEOUT_S) -> float:
    """Make a pipeline, see it reconciled, delete it, see it go; the seconds that took.

    Raises NoRoundTrip, and ClusterError where the API server refuses.
    """
    began = time.monotonic()
    name = f"round-trip-{secrets.token_hex(3)}"
    ref = Ref(PIPELINE, namespace, name)
    made = await cluster.create(PIPELINE, _pipeline(namespace, name))
    try:
        await _until(began + timeout_s, "a status that says SpecValid", lambda: _is_observed(cluster, ref))
        await _until(began + timeout_s, "a Deployment of its gateway", lambda: _has_gateway(cluster, ref))
    finally:
        await cluster.delete(await cluster.get(ref) or made)
    await _until(began + timeout_s, "the pipeline to be gone", lambda: _is_gone(cluster, ref))
    return time.monotonic() - began


async def _until(deadline: float, what: str, answer: Callable[[], Awaitable[bool]]) -> None:
    while not await answer():
        if time.monotonic() > deadline:
            remedy = "see the operator's log: it may not lead, not serve this namespace, or lack a right"
            raise NoRoundTrip(f"found none in time, expected {what}; {remedy}")
        await asyncio.sleep(_PAUSE_S)


async def _is_observed(cluster: Cluster, ref: Ref) -> bool:
    found = await cluster.get(ref) or {}
    conditions = found.get("status", {}).get("conditions", ())
    return any(each["type"] == "SpecValid" and each["status"] == "True" for each in conditions)


async def _has_gateway(cluster: Cluster, ref: Ref) -> bool:
    return await cluster.get(Ref(DEPLOYMENT, ref.namespace, names.child(ref.name, "gateway"))) is not None


async def _is_gone(cluster: Cluster, ref: Ref) -> bool:
    return await cluster.get(ref) is None


def _pipeline(namespace: str, name: str) -> Manifest:
    """Neighbours that nobody has: nothing is asked of them that matters here."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "modalities": [{"name": "text"}],
            "source": {"queue": {"nats": {"url": "nats://round-trip.invalid:4222"}}},
            "sink": {
                "milvus": {"uri": "http://round-trip.invalid:19530"},
                "objects": {"uri": "s3://round-trip"},
                "metadata": {"uri": "postgresql://round-trip.invalid/round-trip"},
            },
            "lifecycle": {"state": "Paused"},
        },
    }
