"""Events of a pipeline (``events.k8s.io/v1``), as ``kubectl describe`` shows them. Few: on transitions only."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from mmpipe_operator import names
from mmpipe_operator.cluster.client import Cluster
from mmpipe_operator.cluster.faults import ClusterError
from mmpipe_operator.kinds import Kind, Manifest

EVENT = Kind("events.k8s.io/v1", "Event", "events")
_MAX_NOTE = 1_024
"""The API's limit, in bytes."""

_log = logging.getLogger(__name__)


class Events:
    """Who says it is ``identity``, the pod of the operator."""

    def __init__(self, cluster: Cluster, identity: str) -> None:
        self._cluster = cluster
        self._identity = identity

    async def say(self, about: Manifest, kind: str, reason: str, note: str) -> None:
        """Post one event. ``kind`` is Normal or Warning. An event that does not get through is logged, no more."""
        metadata = about["metadata"]
        event = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"namespace": metadata["namespace"], "generateName": f"{metadata['name'][:40]}-"},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": kind,
            "reason": reason,
            "action": "Reconcile",
            "note": note.encode()[:_MAX_NOTE].decode(errors="ignore"),
            "regarding": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reportingController": "mmpipe.dev/operator",
            "reportingInstance": self._identity[:128],
        }
        try:
            await self._cluster.create(EVENT, event)
        except ClusterError as error:
            _log.warning("event %s about %s: %s", reason, metadata["name"], error)
