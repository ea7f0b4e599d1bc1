from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, SCALED_OBJECT, Kind, Manifest, Ref, ref_of
from mmpipe_operator.names import COMPONENT_LABEL
from mmpipe_operator.scaling.handover import handover

UID = "0a1b"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PIPELINE = {"kind": "MultimodalPipeline", "uid": UID, "controller": True}
KEDA = {"kind": "ScaledObject", "uid": "of-the-scaled-object", "controller": True}


def scaler(kind: Kind, process: str = "image", owner: Manifest | None = PIPELINE, **metadata: object) -> Manifest:
    named = {"namespace": "team", "name": f"media-{process}", "labels": {COMPONENT_LABEL: process}}
    owned = {"ownerReferences": [owner]} if owner else {}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {**named, **owned, **metadata}}


def there(*scalers: Manifest) -> dict[Ref, Manifest]:
    return {ref_of(each): each for each in scalers}


def test_a_scaled_object_waits_for_our_own_autoscaler_to_be_gone() -> None:
    planned, old = scaler(SCALED_OBJECT), scaler(AUTOSCALER)

    assert handover([planned], there(old), UID).ready == ()
    assert handover([planned], there(old), UID).leaving == (old,)
    assert handover([planned], {}, UID).ready == (planned,)


def test_our_autoscaler_waits_for_the_scaled_object_and_for_the_autoscaler_that_keda_made() -> None:
    planned, kedas = scaler(AUTOSCALER), scaler(AUTOSCALER, owner=KEDA)

    assert handover([planned], there(scaler(SCALED_OBJECT)), UID).ready == ()
    assert handover([planned], there(kedas), UID).leaving == (kedas,)


@pytest.mark.parametrize("kind", [AUTOSCALER, SCALED_OBJECT])
def test_what_is_in_force_is_not_in_its_own_way(kind: Kind) -> None:
    found = there(scaler(kind), *([scaler(AUTOSCALER, owner=KEDA)] if kind is SCALED_OBJECT else []))

    assert handover([scaler(kind)], found, UID).ready == (scaler(kind),)


def test_processes_do_not_wait_for_each_other_and_only_scalers_wait() -> None:
    planned = [scaler(DEPLOYMENT), scaler(SCALED_OBJECT), scaler(SCALED_OBJECT, "text")]

    assert handover(planned, there(scaler(AUTOSCALER)), UID).ready == (planned[0], planned[2])


def test_somebody_elses_autoscaler_is_not_waited_for() -> None:
    """The name is taken, which is said where ours is applied; it would never go."""
    planned = scaler(AUTOSCALER)

    for owner in (None, {"kind": "Elsewhere", "uid": "1", "controller": True}):
        assert handover([planned], there(scaler(AUTOSCALER, owner=owner)), UID).ready == (planned,)


def test_who_is_held_for_long_is_named_with_what_holds_it() -> None:
    def told(after: timedelta) -> tuple[str, ...]:
        held = scaler(SCALED_OBJECT, deletionTimestamp=NOW.isoformat(), finalizers=["finalizer.keda.sh"])
        turn = handover([scaler(AUTOSCALER)], there(held), UID)
        return tuple(f"{fault.ref} {fault.reason}: {fault.message}" for fault in turn.overdue(NOW + after))

    assert told(timedelta(seconds=29)) == ()
    (fault,) = told(timedelta(seconds=31))
    assert fault.startswith("ScaledObject team/media-image ScalerRemains: found it held by finalizer.keda.sh")
    assert fault.endswith("start KEDA, or take that finalizer off")
