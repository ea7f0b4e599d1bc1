"""From a plan to the cluster: send what differs, take away what is no longer planned, touch nothing else.

Children are read before they are written, unless their fingerprint says that they are as they were left. An object of a
planned name that the pipeline does not own is never taken over. A fault of one object does not keep the others from
being applied.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, field

from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, Refused
from mmpipe_operator.kinds import CHILDREN, CONFIG_MAP, DEPLOYMENT, Kind, Manifest, Ref, ref_of
from mmpipe_operator.plan import GATEWAY, WORKER
from mmpipe_operator.reconciling.difference import difference
from mmpipe_operator.reconciling.standing import Standing
from mmpipe_operator.scaling.waking import target, waking
from mmpipe_operator.status import Fault, settled
from mmpipe_operator.watching.cache import Cache, Key
from mmpipe_operator.watching.prints import UNKNOWN, Prints, digest, label_of, number_of, print_of

_log = logging.getLogger(__name__)

_CALLERS = (GATEWAY, WORKER)
"""Processes that call others of their pipeline."""


@dataclass(slots=True)
class _Left:
    """Children as the last close look left them: what was planned, and the fingerprint of what is there."""

    planned: Prints = field(default_factory=Prints)
    prints: Prints = field(default_factory=Prints)
    surplus: bool = False


class Applier:
    """Writes children of pipelines, and keeps the cache at what it has written."""

    def __init__(self, cluster: Cluster, cache: Cache) -> None:
        self._cluster = cluster
        self._cache = cache
        self._left: defaultdict[Key, _Left] = defaultdict(_Left)

    async def apply(self, key: Key, standing: Standing, planned: Iterable[Manifest]) -> tuple[Fault, ...]:
        """Make the pipeline's children what is planned. Raises ClusterError for what may work later."""
        return tuple([fault for manifest in planned if (fault := await self._apply(key, standing, manifest))])

    async def prune(
        self, key: Key, standing: Standing, planned: Iterable[Manifest], kinds: Container[Kind] = CHILDREN
    ) -> tuple[Fault, ...]:
        """Delete what this very pipeline owns of these kinds and the plan has not. Raises as ``apply`` does.

        The file of a process stays until all its pods read the next one: those that still run may start again. All of a
        process that is no longer planned stays until its callers are those of the new plan: they still call it.
        """
        wanted = {ref_of(manifest): _process(manifest) for manifest in planned}
        surplus = await self._surplus(key, standing.uid, wanted, kinds)
        running = frozenset(wanted.values())
        going = [each for each in surplus if not (self._still_read(key, each) or self._called(key, each, running))]
        self._left[key].surplus = len(going) < len(surplus)
        if going:
            await standing.confirm()
        return tuple([fault for stored in going if (fault := await self._delete(key, stored))])

    def children(self, key: Key, planned: Iterable[Manifest]) -> str:
        """A digest of all children as the last look left them (``prints``); empty where one is not as planned.

        Or not known to be, or where one stays for now that is no longer planned.
        """
        left = self._left[key]
        found = [(label, left.prints.get(label) or UNKNOWN) for label in map(label_of, map(ref_of, planned))]
        return "" if left.surplus else digest(found)

    def forget(self, key: Key) -> None:
        """Let go of what was remembered of a pipeline that is gone."""
        self._left.pop(key, None)

    async def _apply(self, key: Key, standing: Standing, manifest: Manifest) -> Fault | None:
        ref, left = ref_of(manifest), self._left[key]
        label, wanted = label_of(ref), number_of(manifest)
        seen = self._cache.print(key, label)
        if seen and (left.planned.get(label), left.prints.get(label)) == (wanted, seen):
            return None
        left.prints.drop(label)
        stored = await self._cluster.get(ref)
        owner = manifest["metadata"]["ownerReferences"][0]["uid"]
        if stored is not None and owner_of(stored) != owner:
            return _taken(ref, stored)
        if stored is not None and "deletionTimestamp" in stored["metadata"]:
            return None
        if stored is None or difference(manifest, stored):
            await standing.confirm()
            return await self._send(key, manifest, stored)
        self._leave(key, manifest, stored)
        return None

    async def _wake(self, key: Key, autoscaler: Manifest) -> None:
        """See ``waking``. Before the autoscaler is made, so that a crash in between changes nothing."""
        ref = target(autoscaler)
        patch = waking(self._cache.child(key, ref)) if ref else None
        if ref is not None and patch is not None:
            self._cache.put(await self._cluster.merge(ref, patch))
            metrics.count("mmpipe.operator.writes", kind=ref.kind.kind, reason="wake")
            _log.info("%s: set to 1 replica, as a new autoscaler would leave it at zero", ref)

    async def _send(self, key: Key, manifest: Manifest, stored: Manifest | None) -> Fault | None:
        ref = ref_of(manifest)
        try:
            if stored is None:
                await self._wake(key, manifest)
            answer = await self._written(ref, manifest, stored)
        except Refused as refusal:
            return Fault(ref, refusal.reason, refusal.message)
        drifted = self._left[key].planned.get(label_of(ref)) == number_of(manifest)
        self._tell(ref, stored, manifest, drifted=drifted)
        self._leave(key, manifest, answer)
        return None

    def _leave(self, key: Key, manifest: Manifest, stored: Manifest) -> None:
        """Remember a child as it is; one that is not as it was sent is looked at again."""
        label = label_of(ref_of(manifest))
        self._left[key].planned.put(label, number_of(manifest))
        if not difference(manifest, stored):
            self._left[key].prints.put(label, print_of(stored))
        self._cache.put(stored)

    async def _written(self, ref: Ref, manifest: Manifest, stored: Manifest | None) -> Manifest:
        """The object as applied.

        Server-side apply merges lists by key, and puts our entry beside one whose key somebody has changed: two ports
        of one name are refused, for ever. A merge patch replaces lists, so it clears the way.
        """
        try:
            return await self._cluster.apply(manifest)
        except Refused as refusal:
            if stored is None or refusal.reason != "Invalid":
                raise
            await self._cluster.merge(ref, manifest)
            return await self._cluster.apply(manifest)

    @staticmethod
    def _tell(ref: Ref, stored: Manifest | None, manifest: Manifest, *, drifted: bool) -> None:
        """Count the write, and say where it put right what somebody else had changed."""
        reason = "drift" if drifted else "change" if stored else "create"
        metrics.count("mmpipe.operator.writes", kind=ref.kind.kind, reason=reason)
        where = (difference(manifest, stored) if stored else "it was not there") or "it was given up"
        _log.log(logging.WARNING if drifted else logging.INFO, "%s: %s, %s", ref, reason, where)

    async def _surplus(self, key: Key, uid: str, wanted: Collection[Ref], kinds: Container[Kind]) -> list[Manifest]:
        found: list[Manifest] = []
        for kind in self._cache.surplus(key, frozenset(map(label_of, wanted))):
            if kind in kinds:
                listed, _ = await self._cluster.list(kind, key[0], f"{names.PIPELINE_LABEL}={key[1]}")
                found += [stored for stored in listed if ref_of(stored) not in wanted and owner_of(stored) == uid]
        return found

    async def _delete(self, key: Key, stored: Manifest) -> Fault | None:
        ref = ref_of(stored)
        if "deletionTimestamp" in stored["metadata"]:
            return None
        try:
            await self._cluster.delete(stored)
        except Refused as refusal:
            return Fault(ref, refusal.reason, refusal.message)
        self._cache.drop(stored)
        self._left[key].planned.drop(label_of(ref))
        metrics.count("mmpipe.operator.writes", kind=ref.kind.kind, reason="prune")
        _log.info("%s: deleted, the plan no longer has it", ref)
        return None

    def _still_read(self, key: Key, stored: Manifest) -> bool:
        deployment = self._deployment(key, _process(stored))
        return ref_of(stored).kind is CONFIG_MAP and deployment is not None and not settled(deployment)

    def _called(self, key: Key, stored: Manifest, running: Container[str]) -> bool:
        """Whether it belongs to a process that is not planned and may still be called, by pods of the plan before.

        Pods that are going are no longer counted by their Deployment, and finish what they have begun.
        """
        if _process(stored) in running:
            return False
        going = (pod for pod in self._cache.pods(key) if "deletionTimestamp" in pod["metadata"])
        callers = (self._deployment(key, name) for name in _CALLERS)
        return any(_process(pod) in _CALLERS for pod in going) or not all(each and settled(each) for each in callers)

    def _deployment(self, key: Key, process: str) -> Manifest | None:
        return self._cache.child(key, Ref(DEPLOYMENT, key[0], names.child(key[1], process)))


def _process(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"].get(names.COMPONENT_LABEL, ""))


def owner_of(manifest: Manifest) -> str:
    """The uid of the controller that owns an object; empty where none does."""
    owners = manifest["metadata"].get("ownerReferences", ())
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def _taken(ref: Ref, stored: Manifest) -> Fault:
    owners = stored["metadata"].get("ownerReferences", ())
    owner = next((f"{each['kind']} {each['name']}" for each in owners if each.get("controller")), "somebody else")
    found = f"found a {ref.kind.kind} of {owner}, expected none; rename that one, or this pipeline"
    return Fault(ref, "NameTaken", found)
