"""The level-based core: make the cluster what one pipeline asks for, from whatever state it is in.

``Reconciler.reconcile`` observes (the cache, what pods read, the neighbours' last reports), asks the pure ``plan`` what
should be there, lets ``applying`` send what differs, and writes one status if it differs. It remembers nothing that it
needs: killed at any point and started again, it ends in the same state. Called again with nothing changed, it writes
nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mmpipe.errors import MmpipeError
from mmpipe.spec import MultimodalPipeline, Problem, SpecError, from_object, in_cluster, refused
from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.applying import Applier
from mmpipe_operator.cache import Cache, Key
from mmpipe_operator.cluster import Cluster, ClusterError, Events, Gone, Refused, Unavailable
from mmpipe_operator.contents import ContentReader, Contents
from mmpipe_operator.finalizer import Finalizer
from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, SECRET, Kind, Manifest, Ref, ref_of
from mmpipe_operator.neighbours import Neighbours
from mmpipe_operator.plan import Context, Plan, plan, references
from mmpipe_operator.scaler import scaler
from mmpipe_operator.status import Fault, Observed, Report, status, transitions

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's settings say about every pipeline (see ``plan.Context``)."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    service_monitors: bool = False
    scaler_address: str = ""
    scaler_authority: str = ""


@dataclass(slots=True)
class World:
    """What a reconcile acts on. ``apis`` are the optional API versions that the cluster serves."""

    cluster: Cluster
    cache: Cache
    contents: ContentReader
    neighbours: Neighbours
    events: Events
    defaults: Defaults
    drop_limit_s: float = 300.0
    apis: frozenset[str] = field(default_factory=frozenset)


@dataclass(slots=True)
class _Seen:
    """What one reconcile has found out so far, for the status."""

    raw: Manifest
    problems: tuple[Problem, ...] = ()
    faults: tuple[Fault, ...] = ()
    plan: Plan | None = None
    report: Report = field(default_factory=Report)
    paused: bool = False


class NotApplied(MmpipeError):  # noqa: N818  # says what is the case
    """Something was refused, as the status says by now. Whoever mends it need not tell: it is tried again."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.ref}: {fault.reason}, {fault.message}" for fault in faults))


class Reconciler:
    """One for all pipelines; never two calls at once for one of them (``workqueue`` sees to that)."""

    def __init__(self, world: World, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._world = world
        self._now = now
        self._applier = Applier(world.cluster, world.cache)
        self._finalizer = Finalizer(world.cluster, world.cache, world.neighbours, world.events, world.drop_limit_s)

    async def reconcile(self, key: Key) -> float | None:
        """Bring one pipeline nearer to its spec; the seconds after which to look again, None to wait for an event.

        Raises ClusterError and NotApplied for what may work later.
        """
        raw = self._world.cache.pipeline(key)
        if raw is None:
            self._applier.forget(key)
            self._finalizer.forget(key)
            self._world.neighbours.forget(*key)
            return None
        if "deletionTimestamp" in raw["metadata"]:
            return await self._finish(raw)
        if raw["metadata"].get("annotations", {}).get(names.RECONCILE) == "Paused":
            await self._report(key, _Seen(raw, paused=True))
            return None
        return await self._advance(key, raw)

    async def _advance(self, key: Key, raw: Manifest) -> float | None:
        pipeline, problems = read(raw)
        if pipeline is None or problems:
            await self._report(key, _Seen(raw, problems))
            return None
        await self._finalizer.hold(raw, wanted=pipeline.spec.lifecycle.deletion_policy == "Delete")
        seen = _Seen(self._world.cache.pipeline(key) or raw)
        named = references(pipeline)
        contents = await self._contents(key, named, seen)
        try:
            if contents is not None:
                await self._apply(key, pipeline, contents, seen)
        except Unavailable:
            await self._report(key, seen)
            raise
        await self._report(key, seen)
        if seen.faults:
            raise NotApplied(seen.faults)
        return self._world.contents.fresh_s * random.uniform(1.0, 1.2) if named else None  # noqa: S311  # spreads load

    async def _apply(self, key: Key, pipeline: MultimodalPipeline, contents: Contents, seen: _Seen) -> None:
        seen.report = self._world.neighbours.report(pipeline, contents.secrets)
        seen.plan = plan(pipeline, self._context(seen.raw, contents))
        seen.problems = seen.plan.problems
        if not seen.problems:
            uid, manifests = seen.raw["metadata"]["uid"], seen.plan.manifests
            seen.faults = await self._applier.apply(key, manifests)
            seen.faults += await self._applier.prune(key, uid, manifests)

    async def _contents(self, key: Key, named: tuple[str, ...], seen: _Seen) -> Contents | None:
        """What the pods read; without the right to read it nothing is applied, as their restart would be missed."""
        try:
            return await self._world.contents.read(key[0], named)
        except Refused as refusal:
            seen.faults = (Fault(Ref(SECRET, key[0], ""), refusal.reason, refusal.message),)
            return None

    def _context(self, raw: Manifest, contents: Contents) -> Context:
        defaults = self._world.defaults
        return Context(
            uid=raw["metadata"]["uid"],
            image=defaults.image,
            image_pull_policy=defaults.image_pull_policy,
            image_pull_secrets=defaults.image_pull_secrets,
            digests=contents.digests,
            apis=self._world.apis,
            scaler=scaler(defaults.scaler_address, defaults.scaler_authority),
            service_monitors=defaults.service_monitors,
        )

    async def _finish(self, raw: Manifest) -> float | None:
        pipeline, _ = read(raw)
        secrets = Contents()
        if pipeline is not None:
            try:
                secrets = await self._world.contents.read(raw["metadata"]["namespace"], references(pipeline))
            except ClusterError as error:
                _log.warning("%s: its secrets can't be read: %s", ref_of(raw), error)
        return await self._finalizer.finish(raw, pipeline, secrets.secrets)

    async def _report(self, key: Key, seen: _Seen) -> None:
        """Write the status if it differs, and say what has changed with it."""
        before = seen.raw.get("status") or {}
        after = status(self._observed(key, seen), self._now().isoformat(timespec="seconds").replace("+00:00", "Z"))
        if after == before:
            return
        try:
            answer = await self._world.cluster.apply_status(ref_of(seen.raw), after)
        except Gone:
            return
        metrics.count("mmpipe.operator.writes", kind=answer["kind"], reason="status")
        self._world.cache.put(answer)
        for change in transitions(before, after):
            await self._world.events.say(answer, change.type, change.reason, change.message)

    def _observed(self, key: Key, seen: _Seen) -> Observed:
        return Observed(
            pipeline=seen.raw,
            problems=seen.problems,
            faults=seen.faults,
            processes=seen.plan.processes if seen.plan else (),
            deployments=self._by_process(key, DEPLOYMENT),
            autoscalers=self._by_process(key, AUTOSCALER),
            pods=self._world.cache.pods(key),
            report=seen.report,
            paused=seen.paused,
        )

    def _by_process(self, key: Key, kind: Kind) -> dict[str, Manifest]:
        children = self._world.cache.children(key).items()
        return {
            child["metadata"]["labels"][names.COMPONENT_LABEL]: child for ref, child in children if ref.kind is kind
        }


def read(raw: Manifest) -> tuple[MultimodalPipeline | None, tuple[Problem, ...]]:
    """The typed pipeline of an object, or what is wrong with it; both where it is right but can't act in a cluster."""
    try:
        pipeline = from_object(raw)
    except SpecError as error:
        return None, error.problems
    return pipeline, (*refused(pipeline), *in_cluster(pipeline))
