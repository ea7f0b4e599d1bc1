"""What could keep a pipeline at zero for ever, and does not.

An autoscaler wakes a Deployment at zero only where its own condition ScaledToZero says that it was itself who put it
there (KEP-2021): a new Deployment at zero, or a new autoscaler over one, would rest for ever with samples waiting.
"""

from __future__ import annotations

import pytest
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaled, Autoscaling

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER


@pytest.fixture
def asleep(request: pytest.FixtureRequest, scaling: Autoscaling, nats_url: str) -> Autoscaled:
    """Scaled to zero by its autoscalers, for want of samples."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:30].strip("-")
    pipeline = scaling.pipeline(name, nats_url).apply(minReplicas=0)
    pipeline.reaches(0)
    return pipeline


def test_a_new_pipeline_whose_samples_wait_already_is_never_at_zero(scaling: Autoscaling, nats_url: str) -> None:
    early = scaling.pipeline("early", nats_url)
    early.backlog.add(5)

    early.apply(minReplicas=0)

    early.reaches(1)
    early.stays(1)


def test_an_autoscaler_that_was_deleted_at_zero_comes_back_and_wakes(asleep: Autoscaled) -> None:
    before = asleep.autoscaler()["metadata"]["uid"]
    asleep.pipeline.cluster.client.delete(
        AUTOSCALER, asleep.pipeline.namespace, asleep.autoscaler()["metadata"]["name"]
    )
    wait_for(lambda: asleep.autoscaler().get("metadata", {}).get("uid", before) != before)

    asleep.backlog.add(1)

    asleep.reaches(1)


def test_a_pipeline_that_was_paused_at_zero_wakes_once_it_is_resumed(asleep: Autoscaled) -> None:
    running = asleep.pipeline.get()["spec"]
    asleep.pipeline.apply(**running | {"lifecycle": {"state": "Paused"}})
    wait_for(lambda: not asleep.autoscaler())
    asleep.pipeline.apply(**running | {"lifecycle": {"state": "Running"}})

    asleep.backlog.add(1)

    asleep.reaches(1)


def test_a_pipeline_that_nobody_scaled_wakes_once_an_autoscaler_does(scaling: Autoscaling, nats_url: str) -> None:
    left = scaling.pipeline("left", nats_url).apply(mode="None")
    left.reaches(1)
    left.set_by_hand(0)
    left.backlog.add(1)
    left.reaches(0, "image")

    left.apply(minReplicas=0)

    left.reaches(1)


def test_fewest_replicas_that_are_raised_while_it_sleeps_come_up(asleep: Autoscaled) -> None:
    asleep.apply(minReplicas=2)

    asleep.reaches(2)


def test_a_deployment_that_somebody_sets_to_zero_stays_there_and_the_status_says_so(
    scaling: Autoscaling, nats_url: str
) -> None:
    held = scaling.pipeline("held", nats_url).apply()
    held.reaches(1)
    held.pipeline.wait("ScalingActive", "True")  # the autoscaler was there before: a new one would wake it
    held.set_by_hand(0)

    said = held.pipeline.wait("ScalingActive", "False", "ScalingDisabled")
    assert names.child("held", "image") in said["message"]

    held.backlog.add(30)  # not before: the controller writes again over a zero that came while it was reckoning
    held.stays(0, "image")
