"""A pipeline changes who scales it: never two at a time, and no pod comes or goes for it."""

from __future__ import annotations

from e2e.cluster.audit import AuditLog, writes
from e2e.cluster.operators import Operators
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaled
from e2e.keda.installation import OPERATOR, Keda
from e2e.keda.scaler import Scaler
from e2e.keda.scalers import KEDAS, OURS, watched

from mmpipe_operator.kinds import AUTOSCALER, SCALED_OBJECT, TRIGGER_AUTHENTICATION

PROCESSES = {"gateway", "worker", "image", "fuse"}
PACE = {"pollingIntervalSeconds": 1, "cooldownSeconds": 2}


def scalers(media: Autoscaled) -> dict[str, str]:
    """The owner of each autoscaler, by process."""
    found = media.pipeline.children([AUTOSCALER]).values()
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["metadata"]["ownerReferences"][0]["kind"]
        for each in found
    }


def scaled_by(media: Autoscaled, owner: str) -> None:
    """Wait until each process has one autoscaler, of this owner; none where that is nobody."""
    expected = dict.fromkeys(PROCESSES, owner) if owner else {}
    wait_for(lambda: scalers(media) == expected, 60, lambda: f"found {scalers(media)}; status: {media.pipeline.status}")


def test_a_change_of_mode_hands_over_from_one_scaler_to_the_next(
    media: Autoscaled, depths: Scaler, operator: Operators, audit: AuditLog
) -> None:
    """Three pods, as somebody has set them: our autoscaler has no metrics here, and KEDA's readings ask for three."""
    depths.waits(media, 30)
    client, namespace = media.pipeline.cluster.client, media.pipeline.namespace
    with watched(client, namespace) as seen:
        media.apply(mode="None")
        media.reaches(1, *PROCESSES)
        for process in PROCESSES:
            media.set_by_hand(3, process)
        media.reaches(3, *PROCESSES)
        for replicas in seen.replicas.values():
            replicas.clear()
        start = audit.mark()

        for mode, owner in (
            ("HPA", "MultimodalPipeline"),
            ("KEDA", "ScaledObject"),
            ("None", ""),
            ("KEDA", "ScaledObject"),
            ("HPA", "MultimodalPipeline"),
            ("None", ""),
        ):
            pace: dict[str, object] = {"keda": PACE} if mode == "KEDA" else {}
            media.apply(("image",), mode=mode, minReplicas=3, **pace)
            scaled_by(media, owner)
            media.stays(3, *PROCESSES, for_s=4)

    assert seen.together() == []
    assert {process: seen.order(process) for process in PROCESSES} == {
        process: [OURS, KEDAS, OURS] for process in PROCESSES
    }
    assert all(replicas <= {3} for replicas in seen.replicas.values()), seen.replicas
    assert not [each for each in writes(audit.between(start, user=operator.user)) if each.subresource == "scale"]
    assert not client.list(SCALED_OBJECT, namespace)
    wait_for(lambda: not client.list(TRIGGER_AUTHENTICATION, namespace), what=operator.log)


def test_who_was_told_to_go_and_stays_is_named_with_the_remedy(
    media: Autoscaled, depths: Scaler, keda: Keda, operator: Operators
) -> None:
    depths.waits(media, 30)
    media.apply(mode="KEDA", keda=PACE)
    scaled_by(media, "ScaledObject")
    keda.kill(OPERATOR)
    try:
        media.apply(mode="HPA")
        told = media.pipeline.wait("Stalled", "True", timeout_s=90)
        assert "finalizer.keda.sh" in told["message"], told
        assert "start KEDA" in told["message"], told
    finally:
        keda.start(OPERATOR)

    scaled_by(media, "MultimodalPipeline")
    media.pipeline.wait("Stalled", "False")
    assert operator.replicas[0].child.exit_code is None


def test_a_paused_pipeline_is_left_by_keda_and_comes_back_to_it(media: Autoscaled, depths: Scaler) -> None:
    depths.waits(media, 30)
    media.apply(mode="KEDA", keda=PACE)
    media.reaches(3, "image", "worker")

    media.pipeline.cluster.client.patch(*media.pipeline.ref, {"spec": {"lifecycle": {"state": "Paused"}}})
    media.reaches(0, *PROCESSES)
    scaled_by(media, "")
    media.stays(0, *PROCESSES, for_s=5)
    media.pipeline.cluster.client.patch(*media.pipeline.ref, {"spec": {"lifecycle": {"state": "Running"}}})

    media.reaches(3, "image", "worker")
