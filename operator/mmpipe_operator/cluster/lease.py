"""Which replica may write: a Lease in the operator's own namespace (``coordination.k8s.io/v1``), as client-go does it.

Time is this machine's monotonic clock, never a time that another machine wrote: a candidate takes over when it has seen
no change of the lease for its whole duration. A holder counts its own time from *before* a renewal was sent, so it
stops no later than another can start. A process that was stopped (SIGSTOP, a paused machine) and goes on finds its time
over at the next write, before anything is sent; :meth:`Lease.fence` is called by every write.

``kubernetes.aio.leaderelection`` is not used: it counts from when the answer was read, so a process that is stopped in
between believes in a lease that another holds by then, and it writes local time as if it were UTC (37.0.2).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mmpipe_operator.cluster.client import Cluster
from mmpipe_operator.cluster.faults import ClusterError, Conflict, NotLeading
from mmpipe_operator.kinds import Kind, Manifest, Ref

LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
_RENEWALS = 5
"""Tries to renew within the lease's duration: client-go's 15 s and 2 s, rounded up."""
_SAFETY = 0.8
"""Share of its duration in which a holder trusts its lease (client-go: renewDeadline 10 s of 15 s)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A version of the lease that another wrote: since when it has been seen, and for how long that one promised."""

    version: str = ""
    since_s: float = float("-inf")
    promised_s: float = 0.0


class Lease:
    """One candidate. ``cluster`` must not be fenced by this very lease: it could never be taken."""

    def __init__(
        self,
        cluster: Cluster,
        where: tuple[str, str],
        identity: str,
        duration_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``where`` is namespace and name of the Lease."""
        self._cluster = cluster
        self._ref = Ref(LEASE, *where)
        self._identity = identity
        self._duration_s = duration_s
        self._clock = clock
        self._trusted_until = float("-inf")
        self._seen = _Seen()

    @property
    def leading(self) -> bool:
        """Whether this replica may write."""
        return self._clock() < self._trusted_until

    def fence(self) -> None:
        """Raise NotLeading where this replica may not write."""
        if not self.leading:
            found = f"its lease older than {self._duration_s * _SAFETY:.0f} s"
            raise NotLeading(str(self._ref), "NotLeading", f"found {found}, expected it renewed; another may lead")

    async def acquire(self) -> None:
        """Return once this replica leads."""
        won = await self.attempt()
        while not won:
            await asyncio.sleep(self._pause_s)
            won = await self.attempt()

    async def lost(self) -> None:
        """Renew, and return once this replica leads no more."""
        while self.leading:
            await asyncio.sleep(self._pause_s)
            await self.attempt()

    async def release(self) -> None:
        """Let the next one start at once, where this replica leads."""
        if not self.leading:
            return
        self._trusted_until = float("-inf")
        try:
            held = await self._cluster.get(self._ref)
            if held is not None and held["spec"].get("holderIdentity") == self._identity:
                await self._cluster.replace(self._ref, held | {"spec": held["spec"] | {"holderIdentity": ""}})
        except ClusterError as error:
            _log.warning("%s; the next leader waits for %.0f s", error, self._duration_s)

    @property
    def _pause_s(self) -> float:
        return self._duration_s / _RENEWALS

    async def attempt(self) -> bool:
        """Take or keep the lease, once; whether this replica holds it now. What fails is logged."""
        asked_at = self._clock()
        try:
            won = await self._write(await self._cluster.get(self._ref))
        except Conflict:
            return False
        except ClusterError as error:
            _log.warning("%s; %s", error, "still leading" if self.leading else "not leading")
            return False
        self._trusted_until = asked_at + self._duration_s * _SAFETY if won else float("-inf")
        return won

    async def _write(self, held: Manifest | None) -> bool:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": round(self._duration_s), "renewTime": now}
        if held is None:
            if not (self.leading or self._is_over()):
                return False  # somebody has deleted it, and whoever holds it does not know yet
            metadata = {"namespace": self._ref.namespace, "name": self._ref.name}
            new = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata}
            await self._cluster.create(LEASE, new | {"spec": spec | {"acquireTime": now, "leaseTransitions": 0}})
            return True
        found = held["spec"]
        mine = found.get("holderIdentity") == self._identity
        if not mine and not self._free(held):
            return False
        taken = {} if mine else {"acquireTime": now, "leaseTransitions": found.get("leaseTransitions", 0) + 1}
        await self._cluster.replace(self._ref, held | {"spec": found | spec | taken})
        return True

    def _free(self, held: Manifest) -> bool:
        """Whether nobody holds it, or whoever does has not renewed for as long as it promised."""
        version, holder = held["metadata"]["resourceVersion"], held["spec"].get("holderIdentity")
        if version != self._seen.version:
            promised_s = held["spec"].get("leaseDurationSeconds", self._duration_s) if holder else 0.0
            self._seen = _Seen(version, self._clock(), promised_s)
        return not holder or self._is_over()

    def _is_over(self) -> bool:
        """Whether what was promised when the lease was seen last has passed; where it never was, nothing was."""
        return self._clock() - self._seen.since_s > self._seen.promised_s
