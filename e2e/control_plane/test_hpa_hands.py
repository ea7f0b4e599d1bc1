"""Who says how many replicas there are: an autoscaler, or a person; never the operator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster.waiting import wait_for
from e2e.cluster.watching import Watch
from e2e.control_plane.scaled import Autoscaled, Autoscaling

from mmpipe_operator import names
from mmpipe_operator.kinds import DEPLOYMENT, Manifest

BIGGER = {"resources": {"requests": {"cpu": "2"}}}


def test_replicas_that_a_person_set_are_left_alone_where_nobody_scales(scaling: Autoscaling, nats_url: str) -> None:
    by_hand = scaling.pipeline("by-hand", nats_url).apply(mode="None")
    by_hand.reaches(1)
    by_hand.set_by_hand(3)
    by_hand.reaches(3, "image")

    with _watched(by_hand) as seen:
        _edit(by_hand)
        by_hand.backlog.add(50)
        by_hand.pipeline.wait("Reconciling", "True")
        by_hand.reaches(3, "image")

    assert seen == {3}
    assert by_hand.autoscaler() == {}
    by_hand.pipeline.wait("ScalingActive", "False", "AutoscalingOff")


def test_an_edit_of_a_pipeline_that_is_scaled_keeps_its_replicas(scaling: Autoscaling, nats_url: str) -> None:
    edited = scaling.pipeline("edited", nats_url).apply()
    edited.backlog.add(25)
    edited.reaches(3)

    with _watched(edited) as seen:
        _edit(edited)
        wait_for(lambda: edited.pipeline.template()["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "2")
        edited.reaches(3)

    assert seen == {3}
    assert "f:replicas" not in _applied_fields(edited)


def test_a_pipeline_that_is_paused_and_resumed_is_scaled_again(scaling: Autoscaling, nats_url: str) -> None:
    resumed = scaling.pipeline("resumed", nats_url).apply()
    resumed.backlog.add(25)
    resumed.reaches(3)
    running = resumed.pipeline.get()["spec"]

    resumed.pipeline.apply(**running | {"lifecycle": {"state": "Paused"}})
    resumed.reaches(0)
    assert resumed.autoscaler() == {}
    resumed.pipeline.apply(**running)

    resumed.reaches(3)
    assert "f:replicas" not in _applied_fields(resumed)


def test_a_pipeline_whose_scaling_is_turned_off_keeps_what_it_has(scaling: Autoscaling, nats_url: str) -> None:
    kept = scaling.pipeline("kept", nats_url).apply()
    kept.backlog.add(25)
    kept.reaches(3)

    kept.apply(mode="None")

    wait_for(lambda: not kept.autoscaler())
    kept.backlog.finish(25)
    kept.stays(3)


def _edit(pipeline: Autoscaled) -> None:
    """Roll the stage servers out anew."""
    spec = pipeline.pipeline.get()["spec"]
    image = next(each for each in spec["modalities"] if each["name"] == "image")
    image["template"] = image.get("template", {}) | BIGGER
    pipeline.pipeline.apply(**spec)


@contextmanager
def _watched(pipeline: Autoscaled) -> Iterator[set[int]]:
    """Every number of replicas that the stage servers were to have inside the block."""
    seen: set[int] = set()
    name, turn = names.child(pipeline.pipeline.name, "image"), threading.Lock()

    def note(deployment: Manifest) -> None:
        if deployment["metadata"]["name"] == name:
            with turn:
                seen.add(deployment["spec"]["replicas"])

    client, namespace = pipeline.pipeline.cluster.client, pipeline.pipeline.namespace
    with Watch(client, DEPLOYMENT, note, lambda _: None, namespace).following():
        yield seen


def _applied_fields(pipeline: Autoscaled) -> Manifest:
    """What of the Deployment's spec is the operator's."""
    entries = pipeline.pipeline.deployment()["metadata"]["managedFields"]
    own = (each for each in entries if (each["manager"], each["operation"]) == (names.FIELD_MANAGER, "Apply"))
    fields: Manifest = next(own)["fieldsV1"]["f:spec"]
    return fields
