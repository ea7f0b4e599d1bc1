"""Takes the metrics adapter's APIService away while nothing answers behind it, so that namespaces can be deleted.

While the API server gets no answer for a group, no namespace of the cluster goes: its content does, the namespace
itself stays (1.37, ``e2e/control_plane/test_withdrawal.py``; ADR 28). An adapter that is gone can't take its APIService
away, so the operator's leader does; the adapters put it back when they serve again. It takes away its own adapter's
alone. Autoscalers read nothing meanwhile, as before, and leave the replicas as they are.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from mmpipe.telemetry import metrics
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.scaling.api_service import OWN, Backend, available

LOOK_S = 5.0

_log = logging.getLogger(__name__)


class Withdrawal:
    """One leader's view of the APIService. ``patience_s`` is how long it may be without answers."""

    def __init__(
        self, cluster: Cluster, backend: Backend, patience_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cluster = cluster
        self._backend = backend
        self._patience_s = patience_s
        self._clock = clock
        self._down_since: float | None = None
        self._said = ""

    async def keep(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(min(LOOK_S, self._patience_s))

    async def look(self) -> None:
        """See how it is, and take it away where it has been down for too long. What fails is logged."""
        try:
            await self._look()
        except ClusterError as error:
            if str(error) != self._said:
                _log.warning("%s; it is tried again", error)
            self._said = str(error)
        else:
            self._said = ""

    async def _look(self) -> None:
        found = await self._cluster.get(OWN)
        if found is None or not self._backend.serves(found) or available(found) is not False:
            self._down_since = None
            return
        if self._down_since is None:
            self._down_since = self._clock()
        down_s = self._clock() - self._down_since
        if down_s < self._patience_s:
            return
        await self._cluster.delete(found)
        self._down_since = None
        metrics.count("mmpipe.operator.withdrawals")
        _log.warning(
            "%s: found nothing that answers behind %s/%s for %.0f s, expected the metrics adapter; taken away, so that "
            "namespaces can be deleted; see the adapter's pods and their log",
            OWN, self._backend.namespace, self._backend.name, down_s,
        )  # fmt: skip
