"""Makes the API server ask the adapter: keeps the APIService, and leaves alone one that is somebody else's (ADR 28).

Every replica does it, by server-side apply with the version that it has seen, so that none undoes what another has just
done. It comes back when the operator has withdrawn it (``withdrawal``): with growing pauses where it did not become
available, as the API server then can't reach what runs here.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from mmpipe.telemetry import metrics
from mmpipe_operator.cluster import Cluster, ClusterError, Conflict
from mmpipe_operator.kinds import CLUSTER_ROLE, NAMESPACE, Manifest, Ref
from mmpipe_operator.metrics_adapter.issuing import covers, merged
from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.scaling.api_service import OWN, SIBLING, Backend, api_service, available, whose

FIELD_MANAGER = "mmpipe-metrics-adapter"
LOOK_S = 10.0
"""How soon a change of the APIService is noticed."""
_TICK_S = 0.5
"""How soon a new authority is told: what it signs is served only later (``certificates.PUBLISHED_S``)."""
_AGAIN_S = 0.1
_LONGEST_S = 300.0

_log = logging.getLogger(__name__)


async def keep(
    cluster: Cluster, settings: AdapterSettings, authority: Callable[[], bytes], tell: Callable[[str], None]
) -> None:
    """Keep the APIService ours and as it should be, until cancelled.

    ``authority`` gives the certificates that the API server is to trust. ``tell`` gets an empty text once the
    APIService is ours, and a sentence with the remedy while it is somebody else's.
    """
    registration = Registration(cluster, settings)
    forget = metrics.observe("mmpipe.adapter.registered", lambda: [(int(registration.registered), {})])
    told, due = b"", 0.0
    try:
        while True:
            if authority() != told or time.monotonic() >= due:
                told = authority()
                await registration.look(told)
                tell(registration.refusal)
                due = time.monotonic() + registration.pause_s
            await asyncio.sleep(_TICK_S)
    finally:
        forget()


async def withdraw_on_exit(cluster: Cluster, settings: AdapterSettings, within_s: float) -> None:
    """Take the APIService away where the adapter's own namespace is being deleted: nobody else would.

    A namespace stays until the API server gets answers for every group, so it would wait for a Service that went with
    it. Just now the API server writes there that nobody answers, so a delete may find it changed: what fails is tried
    again for ``within_s``, and then logged, as the process is about to end.
    """
    problems = ["got no answer"]
    try:
        await asyncio.wait_for(_withdraw(cluster, settings, problems.append), within_s)
    except TimeoutError:
        remedy = f"where the namespace stays, run: kubectl delete apiservice {OWN.name}"
        _log.warning("%s: %s; %s", OWN, problems[-1], remedy)


class Registration:
    """One replica's view of the APIService."""

    def __init__(
        self, cluster: Cluster, settings: AdapterSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.registered = False
        """Whether the last look left it ours and as it should be."""
        self.refusal = ""
        """Why it is not ours, with the remedy; empty where it is, or may become so."""
        self.pause_s = LOOK_S
        self._cluster = cluster
        self._settings = settings
        self._backend = _backend(settings)
        self._clock = clock
        self._said = ""

    async def look(self, authority: bytes) -> None:
        """See how it is, and make it as it should be. What fails is logged, and tried again at the next look."""
        try:
            problem = await self._made_so(authority)
        except Conflict:  # another replica, or somebody else, was first: the next look shows what it is now
            problem = ""
        except ClusterError as error:
            problem = f"{error}; it is tried again"
            self.registered = False
        if problem and problem != self._said:
            _log.warning("%s", problem)
        self._said = problem

    async def _made_so(self, authority: bytes) -> str:
        found, sibling = await self._cluster.get(OWN), await self._cluster.get(SIBLING)
        self.refusal = self._foreign(found, OWN) or self._foreign(sibling, SIBLING)
        if self.refusal:
            self.registered = False
            return self.refusal
        if found is None:
            return await self._put(authority)
        await self._correct(found, authority)
        if available(found):
            self.pause_s = LOOK_S
        self.registered = True
        return ""

    def _foreign(self, found: Manifest | None, which: Ref) -> str:
        if found is None or self._backend.serves(found):
            return ""
        if which is SIBLING and not found["spec"].get("service"):
            return ""  # a CustomResourceDefinition of that group, which brings no metrics
        return (
            f"APIService {which.name}: found it served by {whose(found)}, expected none or "
            f"{self._backend.namespace}/{self._backend.name}: a cluster has one custom metrics API; "
            "take that adapter away, or install this one with metricsAdapter.enabled=false and scale by KEDA"
        )

    async def _put(self, authority: bytes) -> str:
        """It is not there: at the first start, or withdrawn. Without force, so that of two adapters one comes first."""
        if self.registered:
            self.registered = False
            self.pause_s = min(2 * self.pause_s, _LONGEST_S)
            return f"{OWN}: found it gone, expected it there; it comes back in {self.pause_s:.0f} s"
        if await _is_terminating(self._cluster, self._settings.namespace):
            return f"{OWN}: not registered, as the namespace {self._settings.namespace} is being deleted"
        wanted = api_service(self._backend, authority, await self._owners())
        await self._cluster.apply(wanted, FIELD_MANAGER, force=False)
        _log.info("%s: registered for Service %s/%s", OWN, self._backend.namespace, self._backend.name)
        self.registered = True
        return ""

    async def _correct(self, found: Manifest, authority: bytes) -> None:
        """Trust what replicas sign with, theirs too while they differ, and set back what somebody has changed."""
        present = base64.b64decode(found["spec"].get("caBundle") or "")
        trusted = present if covers(present, authority) else merged(authority, present, self._clock())
        wanted = api_service(self._backend, trusted, found["metadata"].get("ownerReferences") or ())
        if any(found["spec"].get(name) != value for name, value in wanted["spec"].items()):
            wanted["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
            await self._cluster.apply(wanted, FIELD_MANAGER)
            _log.info("%s: set as it should be", OWN)

    async def _owners(self) -> list[Manifest]:
        """What it goes with when the release is uninstalled."""
        if not self._settings.owner:
            return []
        role = await self._cluster.get(Ref(CLUSTER_ROLE, "", self._settings.owner))
        if role is None:
            raise Conflict(str(OWN), "NoOwner", f"found no ClusterRole {self._settings.owner}, expected the release's")
        return [
            {
                "apiVersion": CLUSTER_ROLE.api_version,
                "kind": CLUSTER_ROLE.kind,
                "name": self._settings.owner,
                "uid": role["metadata"]["uid"],
            }
        ]


async def _withdraw(cluster: Cluster, settings: AdapterSettings, tell: Callable[[str], None]) -> None:
    while problem := await _withdrawn(cluster, settings):
        tell(problem)
        await asyncio.sleep(_AGAIN_S)


async def _withdrawn(cluster: Cluster, settings: AdapterSettings) -> str:
    """Empty once nothing is left to do; else what failed."""
    try:
        if await _is_terminating(cluster, settings.namespace):
            found = await cluster.get(OWN)
            if found is not None and _backend(settings).serves(found):
                await cluster.delete(found)
                _log.info("%s: taken away, as the namespace %s is being deleted", OWN, settings.namespace)
    except ClusterError as error:
        return str(error)
    return ""


def _backend(settings: AdapterSettings) -> Backend:
    return Backend(settings.namespace, settings.service, settings.service_port)


async def _is_terminating(cluster: Cluster, namespace: str) -> bool:
    found = await cluster.get(Ref(NAMESPACE, "", namespace))
    return found is None or "deletionTimestamp" in found["metadata"]
