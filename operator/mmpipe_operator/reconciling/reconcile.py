"""The level-based core: make the cluster what one pipeline asks for, from whatever state it is in.

``Reconciler.reconcile`` observes (the cache, what pods read, the neighbours' last reports), asks the pure ``plan`` what
should be there, lets ``applying`` send what differs, and writes one status if it differs. It remembers nothing that it
needs: killed at any point and started again, it ends in the same state. Called again with nothing changed, it writes
nothing, and neither plans nor reads anything either: a glance at the status' record (``record``) tells that much.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mmpipe.errors import MmpipeError
from mmpipe.spec import MultimodalPipeline, Problem, SpecError, from_object, in_cluster, refused
from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Events, Gone, Refused, Unavailable
from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, SECRET, Kind, Manifest, Ref, ref_of
from mmpipe_operator.neighbours import Neighbours
from mmpipe_operator.plan import Context, plan, references
from mmpipe_operator.reconciling import record
from mmpipe_operator.reconciling.applying import Applier
from mmpipe_operator.reconciling.finalizer import Finalizer
from mmpipe_operator.reconciling.standing import Standing, keep_up
from mmpipe_operator.scaling.handover import LOOK_AGAIN_S, SCALERS, handover
from mmpipe_operator.scaling.scaler import scaler
from mmpipe_operator.status import Fault, Observed, Process, Report, known_processes, status, transitions
from mmpipe_operator.watching.cache import Cache, Key
from mmpipe_operator.watching.contents import ContentReader, Contents

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
    processes: Sequence[Process] = ()
    report: Report = field(default_factory=Report)
    record: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    waits: bool = False


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
        self._asked: dict[Key, str] = {}
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
            self._asked.pop(key, None)
            return None
        if "deletionTimestamp" in raw["metadata"]:
            return await self._finish(raw)
        if raw["metadata"].get("annotations", {}).get(names.RECONCILE) == "Paused":
            await self._report(key, _Seen(raw, paused=True))
            return None
        report = await self._unchanged(key, raw)
        if report is None:
            return await self._advance(key, raw)
        await self._report(key, _Seen(raw, processes=known_processes(raw), report=report))
        reads = record.reads(raw["status"]) or raw["spec"].get("scaling", {}).get("mode") == "KEDA"
        return self._pause_s(reads=bool(reads))

    async def _unchanged(self, key: Key, raw: Manifest) -> Report | None:
        """What the neighbours said, where a plan would be as it was and all children are as it left them; else None."""
        before, children = raw.get("status", {}), self._world.cache.digest(key)
        if record.FIELD not in before or not children:
            return None
        try:
            contents = await self._world.contents.read(key[0], record.reads(before))
        except ClusterError:
            return None  # a close look says what is wrong
        given = record.inputs(raw, self._context(raw, contents))
        return self._heard(key, raw, given, contents) if record.holds(before, given, children) else None

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
        if seen.waits:
            return LOOK_AGAIN_S
        return self._pause_s(reads=bool(named) or pipeline.spec.scaling.mode == "KEDA")

    def _pause_s(self, *, reads: bool) -> float | None:
        """Until what goes into a plan from outside, and brings no event, is read again; None where nothing does."""
        return self._world.contents.fresh_s * random.uniform(1.0, 1.2) if reads else None  # noqa: S311  # spreads load

    async def _apply(self, key: Key, pipeline: MultimodalPipeline, contents: Contents, seen: _Seen) -> None:
        context = self._context(seen.raw, contents)
        given = record.inputs(seen.raw, context)
        seen.report = self._world.neighbours.report(pipeline, contents.secrets)
        self._asked[key] = given
        planned = plan(pipeline, context)
        seen.processes, seen.problems = planned.processes, planned.problems
        if not seen.problems:
            standing = Standing(self._world.cluster, self._world.cache, seen.raw)
            turn = handover(planned.manifests, self._world.cache.children(key), context.uid)
            seen.faults = await self._applier.prune(key, standing, planned.manifests, SCALERS)
            seen.faults += await self._applier.apply(key, standing, turn.ready)
            seen.faults += await self._applier.prune(key, standing, planned.manifests)
            seen.faults += turn.overdue(self._now())
            seen.waits = bool(turn.leaving)
            children = self._applier.children(key, planned.manifests)
            if children and not seen.faults:
                seen.record = record.record(given, children, planned.processes, references(pipeline))

    def _heard(self, key: Key, raw: Manifest, given: str, contents: Contents) -> Report:
        """What the neighbours said last; whom to ask is read once from a spec that a plan has been made from."""
        if self._asked.get(key) == given and (heard := self._world.neighbours.heard(*key)) is not None:
            return heard
        self._asked[key] = given
        return self._world.neighbours.report(from_object(raw), contents.secrets)

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
        """Write the status if it differs, and say what has changed with it. Raises Conflict where it is overtaken."""
        before = seen.raw.get("status") or {}
        after = status(self._observed(key, seen), self._now().isoformat(timespec="seconds").replace("+00:00", "Z"))
        if kept := seen.record or before.get(record.FIELD):
            after[record.FIELD] = kept
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
        keep_up(seen.raw, answer)

    def _observed(self, key: Key, seen: _Seen) -> Observed:
        children = self._world.cache.children(key)
        return Observed(
            pipeline=seen.raw,
            problems=seen.problems,
            faults=seen.faults,
            processes=seen.processes,
            deployments=_by_process(children, DEPLOYMENT),
            autoscalers=_by_process(children, AUTOSCALER),
            pods=self._world.cache.pods(key),
            report=seen.report,
            paused=seen.paused,
        )


def _by_process(children: Mapping[Ref, Manifest], kind: Kind) -> dict[str, Manifest]:
    found = (child for ref, child in children.items() if ref.kind is kind)
    return {child["metadata"]["labels"][names.COMPONENT_LABEL]: child for child in found}


def read(raw: Manifest) -> tuple[MultimodalPipeline | None, tuple[Problem, ...]]:
    """The typed pipeline of an object, or what is wrong with it; both where it is right but can't act in a cluster."""
    try:
        pipeline = from_object(raw)
    except SpecError as error:
        return None, error.problems
    return pipeline, (*refused(pipeline), *in_cluster(pipeline))
