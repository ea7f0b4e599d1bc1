"""KEDA scales a pipeline by what our external scaler says: up, down, to zero, and awake again by a push."""

from __future__ import annotations

from e2e.cluster.operators import Operators
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaled
from e2e.keda.installation import OPERATOR, Keda
from e2e.keda.scaler import Scaler

from mmpipe_operator.kinds import AUTOSCALER, SCALED_OBJECT, Manifest

PACE = {"pollingIntervalSeconds": 1, "cooldownSeconds": 2}
PROCESSES = ("image", "worker", "fuse")


def test_replicas_follow_what_waits_up_and_down_and_to_zero(media: Autoscaled, depths: Scaler) -> None:
    depths.waits(media, 35)
    media.apply(mode="KEDA", minReplicas=0, keda=PACE)
    media.reaches(4, *PROCESSES)

    depths.waits(media, 15)
    media.reaches(2, *PROCESSES)
    depths.waits(media, 0)
    media.reaches(0, *PROCESSES)

    assert media.replicas("gateway") == 1


def test_the_first_sample_wakes_what_is_at_zero_at_once(media: Autoscaled, depths: Scaler) -> None:
    """KEDA asks once an hour here: nothing but our push can tell it."""
    media.apply(mode="KEDA", minReplicas=0, keda=PACE)
    media.reaches(0, *PROCESSES)
    media.apply(mode="KEDA", minReplicas=0, keda=PACE | {"pollingIntervalSeconds": 3600})
    media.pipeline.wait("Reconciling", "False")

    depths.waits(media, 1)

    media.reaches(1, *PROCESSES, within_s=15)


def test_a_new_pipeline_has_its_time_of_calm_before_it_goes_to_zero(media: Autoscaled) -> None:
    media.apply(mode="KEDA", minReplicas=0, keda=PACE | {"cooldownSeconds": 3600})
    media.reaches(1, *PROCESSES)

    media.stays(1, *PROCESSES, for_s=6)


def test_readings_that_fail_take_no_pod_away(media: Autoscaled, depths: Scaler) -> None:
    depths.waits(media, 35)
    media.apply(mode="KEDA", minReplicas=0, keda=PACE)
    media.reaches(4, *PROCESSES)

    with depths.failing(media):
        depths.waits(media, 0)
        media.stays(4, *PROCESSES, for_s=12)
        media.pipeline.wait("ScalingActive", "False", "MetricsMissing")

    media.reaches(0, *PROCESSES)


def test_a_fallback_makes_pods_and_takes_none_away(media: Autoscaled, depths: Scaler) -> None:
    depths.waits(media, 35)
    media.apply(mode="KEDA", keda=PACE | {"fallback": {"failureThreshold": 1, "replicas": 2}})
    media.reaches(4, "image", "worker")
    media.reaches(1, "gateway", "fuse")

    with depths.failing(media):
        depths.waits(media, 0)
        media.reaches(2, "gateway", "fuse")
        media.stays(4, "image", "worker")

    media.reaches(1, "image", "worker", "gateway", "fuse")


def test_what_somebody_changes_of_a_scaled_object_is_put_right(media: Autoscaled, operator: Operators) -> None:
    media.apply(mode="KEDA", keda=PACE)
    client, where = media.pipeline.cluster.client, (SCALED_OBJECT, media.pipeline.namespace, "media-image")
    before = wait_for(lambda: client.find(*where))

    client.patch(*where, {"spec": {"maxReplicaCount": 77, "cooldownPeriod": 1}})
    wait_for(lambda: _bounds(client.get(*where)) == _bounds(before), what=operator.log)
    client.delete(*where)
    wait_for(lambda: _another(client.find(*where), before), what=operator.log)
    wait_for(lambda: client.find(AUTOSCALER, *where[1:]), what=operator.log)


def _another(found: Manifest | None, before: Manifest) -> bool:
    """Whether it has been made anew, as it was."""
    if found is None or found["metadata"]["uid"] == before["metadata"]["uid"]:
        return False
    return _bounds(found) == _bounds(before)


def _bounds(scaled_object: Manifest) -> tuple[object, object]:
    return scaled_object["spec"]["maxReplicaCount"], scaled_object["spec"]["cooldownPeriod"]


def test_a_renewed_authority_is_trusted_before_the_old_one_is_gone(media: Autoscaled, depths: Scaler) -> None:
    depths.waits(media, 5)
    media.apply(mode="KEDA", keda=PACE)
    wait_for(lambda: {media.scaler_says("ScalingActive", each)[0] for each in ("image", "worker")} == {"True"}, 60)

    depths.stop()
    depths.renew()
    depths.waits(media, 35)
    depths.start()

    media.reaches(4, "image", "worker")


def test_keda_goes_on_after_it_was_killed(media: Autoscaled, depths: Scaler, keda: Keda) -> None:
    depths.waits(media, 15)
    media.apply(mode="KEDA", minReplicas=0, keda=PACE)
    media.reaches(2, *PROCESSES)

    keda.kill(OPERATOR)
    media.stays(2, *PROCESSES)
    keda.start(OPERATOR)
    depths.waits(media, 0)

    media.reaches(0, *PROCESSES)
