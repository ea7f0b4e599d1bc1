"""Kubernetes' own autoscaler scales a pipeline by what waits in a real JetStream: up, down, to zero, and back.

Neighbours: ``test_hpa_zero`` has what could keep a pipeline at zero, ``test_hpa_faults`` what fails meanwhile.
``make scaling`` measures how soon it acts.
"""

from __future__ import annotations

from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import PERIOD_S, Autoscaling

SOON_S = 5 * PERIOD_S
"""From a step of the depth to the scale: a period of the controller, a reading that is shared, and a busy machine."""


def test_replicas_follow_the_depth_of_the_queue_up_and_down(scaling: Autoscaling, nats_url: str) -> None:
    media = scaling.pipeline("media", nats_url).apply()
    media.reaches(1)

    media.backlog.add(35)
    media.reaches(4)
    media.backlog.finish(20)
    media.reaches(2)

    assert scaling.reading("media", "queue_depth") == 15
    assert media.replicas("gateway") == 1


def test_a_modality_scales_by_its_own_samples_and_the_worker_by_all(scaling: Autoscaling, nats_url: str) -> None:
    both = scaling.pipeline("both", nats_url).apply(("image", "text"), maxReplicas=6)
    both.reaches(1, "image", "text", "worker")

    both.backlog.add(15, "text")
    both.backlog.add(25, "text-image")

    both.reaches(3, "image")
    both.reaches(4, "text", "worker")
    assert scaling.reading("both", "queue_depth", "modality=image") == 25
    assert scaling.reading("both", "queue_depth", "modality=text") == 40
    assert scaling.reading("both", "queue_depth") == 40


def test_what_is_in_flight_keeps_its_worker(scaling: Autoscaling, nats_url: str) -> None:
    busy = scaling.pipeline("busy", nats_url).apply(minReplicas=0)
    busy.backlog.add(1)
    busy.reaches(1)

    with busy.backlog.leased(1):
        busy.stays(1)

    busy.reaches(0)


def test_a_pipeline_scales_to_zero_and_wakes_on_its_first_sample(scaling: Autoscaling, nats_url: str) -> None:
    idle = scaling.pipeline("idle", nats_url).apply(minReplicas=0)
    idle.reaches(0, "image", "worker", "fuse")
    assert idle.replicas("gateway") == 1
    assert idle.scaler_says("ScaledToZero") == ("True", "ScaledToZero")
    idle.pipeline.wait("ScalingActive", "True")

    idle.backlog.add(1)

    idle.reaches(1, "image", "worker", "fuse", within_s=SOON_S)
    idle.backlog.finish(1)
    idle.reaches(0, "image", "worker", "fuse")


def test_stage_servers_scale_by_the_calls_that_wait_in_their_pods_too(scaling: Autoscaling, nats_url: str) -> None:
    called = scaling.pipeline("called", nats_url).apply()
    called.reaches(1)

    scaling.pods.waiting["called", "image"] = 18

    called.reaches(4, "image")
    assert called.replicas("worker") == 1
    wait_for(lambda: scaling.reading("called", "service_depth", "process=image") == 4 * 18)
    scaling.pods.waiting["called", "image"] = 0
    called.reaches(1, "image")
