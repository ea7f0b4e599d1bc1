"""One scaler for a Deployment at a time: a new one waits until the old one is gone, whatever the mode changes to. Pure.

Our HorizontalPodAutoscaler and KEDA's ScaledObject would both set the replicas, KEDA's webhook refuses a ScaledObject
beside an autoscaler of ours, and KEDA's own autoscaler outlives its ScaledObject by a moment. So what is no longer
planned is deleted first (``SCALERS``), and what is planned is applied when nothing is in its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER, SCALED_OBJECT, Manifest, Ref, ref_of
from mmpipe_operator.status import Fault

SCALERS = (AUTOSCALER, SCALED_OBJECT)
LOOK_AGAIN_S = 5.0
"""How soon to look again; the old one's end is an event as well, but who is late is to be told of."""
_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Handover:
    """``ready`` may be applied now, in its order; the rest waits until ``leaving`` are gone."""

    ready: tuple[Manifest, ...]
    leaving: tuple[Manifest, ...] = ()

    def overdue(self, now: datetime) -> tuple[Fault, ...]:
        """What should have gone by now: KEDA takes its finalizer from a ScaledObject, if it runs."""
        late = (each for each in self.leaving if _deleted_at(each, now) + _PATIENCE < now)
        return tuple(Fault(ref_of(each), "ScalerRemains", _late(each)) for each in late)


def handover(planned: Iterable[Manifest], children: Mapping[Ref, Manifest], uid: str) -> Handover:
    """What of a plan may be applied, by the scalers that the pipeline with this uid has now."""
    planned = tuple(planned)
    scalers = [child for ref, child in children.items() if ref.kind in SCALERS]
    in_the_way = {ref_of(each): tuple(_in_the_way(each, scalers, uid)) for each in planned}
    leaving = {ref_of(old): old for olds in in_the_way.values() for old in olds}
    return Handover(tuple(each for each in planned if not in_the_way[ref_of(each)]), tuple(leaving.values()))


def _in_the_way(planned: Manifest, scalers: Iterable[Manifest], uid: str) -> Iterator[Manifest]:
    kind = ref_of(planned).kind
    if kind not in SCALERS:
        return
    for scaler in scalers:
        if _process(scaler) == _process(planned) and _rules(scaler, uid) not in {kind, None}:
            yield scaler


def _rules(scaler: Manifest, uid: str) -> object:
    """Which kind of ours is behind it: the autoscaler that KEDA makes is a ScaledObject's; None: somebody else's."""
    owners = scaler["metadata"].get("ownerReferences", ())
    owner: Manifest = next((each for each in owners if each.get("controller")), {})
    if owner.get("kind") == SCALED_OBJECT.kind:
        return SCALED_OBJECT
    return ref_of(scaler).kind if owner.get("uid") == uid else None


def _process(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"].get(names.COMPONENT_LABEL, ""))


def _deleted_at(scaler: Manifest, now: datetime) -> datetime:
    at = scaler["metadata"].get("deletionTimestamp")
    return datetime.fromisoformat(at) if at else now


def _late(scaler: Manifest) -> str:
    held = ", ".join(scaler["metadata"].get("finalizers", ())) or "nothing that can be seen"
    return f"found it held by {held}, expected it gone with its mode; start KEDA, or take that finalizer off"
