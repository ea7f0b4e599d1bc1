"""``kubectl mmpipe explain-scaling`` beside Kubernetes' own autoscaler: what it reckons is what the autoscaler does.

Neighbours: ``test_plugin`` has it where no adapter is, ``tests/unit/kubectl_mmpipe/explanation`` every sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e.cluster.waiting import wait_for
from e2e.control_plane.plugin import plugin_in
from e2e.control_plane.scaled import WAIT_S, Autoscaled, Autoscaling

IMAGE_METRICS = """\
mmpipe_stage_duration_seconds_sum{stage="image.decode"} 100
mmpipe_batch_size_sum{stage="image.decode"} 50
"""

type Explain = Callable[[Autoscaled, str], dict[str, Any]]


@pytest.fixture
def explain(scaling: Autoscaling) -> Explain:
    """The account of one process, as JSON."""
    plugin = plugin_in(scaling.cluster, scaling.namespace)

    def asked(media: Autoscaled, process: str) -> dict[str, Any]:
        done = plugin("explain-scaling", media.pipeline.name, "--process", process, "-o", "json")
        (account,) = json.loads(done.stdout)
        found: dict[str, Any] = account
        return found

    return asked


def test_what_it_reckons_is_what_the_autoscaler_does(scaling: Autoscaling, nats_url: str, explain: Explain) -> None:
    media = scaling.pipeline("explained", nats_url).apply(maxReplicas=8)
    media.reaches(1)
    media.backlog.add(35)
    asked = wait_for(lambda: _asked_at(explain(media, "image"), depth=35), WAIT_S)
    media.reaches(asked)
    scaling.pods.more["explained", "image"] = IMAGE_METRICS

    wait_for(lambda: explain(media, "image")["asks"][0]["seen"] == 35 / 4, WAIT_S)
    account = explain(media, "image")

    assert asked == 4
    assert (account["replicas"], account["asked"], account["wanted"]) == (4, 4, 4)
    assert [(ask["metric"], ask["depth"], ask["pods"]) for ask in account["asks"]] == [
        ("queue_depth{modality=image}", 35, 4),
        ("service_depth{process=image}", 0, 0),
    ]
    assert account["hindrances"] == []
    assert (account["service_time"]["seconds"], account["service_time"]["pods"]) == (2, 4)


def test_it_says_what_bounds_the_autoscaler(scaling: Autoscaling, nats_url: str, explain: Explain) -> None:
    media = scaling.pipeline("bounded", nats_url).apply(maxReplicas=2)
    media.reaches(1)

    media.backlog.add(90)
    media.reaches(2)

    account = explain(media, "worker")
    assert (account["asked"], account["wanted"]) == (9, 2)
    (only,) = account["hindrances"]
    assert only["reason"] == "TooManyReplicas"
    assert only["message"] == "more are asked for than the most, 2; raise spec.scaling.maxReplicas"


def test_fewer_pods_are_awaited_through_the_calm(scaling: Autoscaling, nats_url: str, explain: Explain) -> None:
    media = scaling.pipeline("calm", nats_url).apply(scaleDownStabilizationSeconds=600)
    media.backlog.add(30)
    media.reaches(3)

    media.backlog.finish(30)
    wait_for(lambda: "ScaleDownStabilized" in _reasons(explain(media, "image")), WAIT_S)

    account = explain(media, "image")
    assert (account["asked"], account["replicas"]) == (0, 3)
    assert "of the last 600 s the most counts" in _reasons(account)["ScaleDownStabilized"]


def test_at_zero_it_shows_no_number_that_kubernetes_has_divided_by_zero(
    scaling: Autoscaling, nats_url: str, explain: Explain
) -> None:
    media = scaling.pipeline("asleep", nats_url).apply(minReplicas=0)
    media.reaches(0)
    wait_for(lambda: [ask["seen"] for ask in explain(media, "image")["asks"]] == [None, None], WAIT_S)

    account = explain(media, "image")

    assert (account["replicas"], account["asked"]) == (0, 0)
    assert list(_reasons(account)) == ["ScaledToZero"]


def test_readings_that_fail_are_told_by_whom_and_nothing_is_asked_away(
    scaling: Autoscaling, nats_url: str, explain: Explain
) -> None:
    media = scaling.pipeline("unread", nats_url).apply()
    media.backlog.add(20)
    media.reaches(2)

    media.pipeline.apply(
        source={"queue": {"nats": {"url": "nats://127.0.0.1:1"}}},
        scaling={"mode": "HPA", "targetQueueDepth": 10, "scaleDownStabilizationSeconds": 0},
    )
    wait_for(lambda: "FailedGetObjectMetric" in _reasons(explain(media, "worker")), WAIT_S)

    account = explain(media, "worker")
    assert (account["asked"], account["replicas"]) == (None, 2)
    (ask,) = account["asks"]
    assert ask["depth"] is None
    assert "127.0.0.1:1" in ask["why"]


def _reasons(account: dict[str, Any]) -> dict[str, str]:
    return {each["reason"]: each["message"] for each in account["hindrances"]}


def _asked_at(account: dict[str, Any], depth: int) -> int | None:
    """How many pods are asked for, once the reading is as new as that: one is shared for a second."""
    return int(account["asked"]) if account["asks"][0]["depth"] == depth else None
