from __future__ import annotations

import pytest
from tests.unit.operator.status.scenes import PROBLEM, SCENES
from tests.unit.operator.status.world import (
    LATER,
    NOW,
    conditions,
    crashing,
    deployment,
    observed,
    overdue,
    pipeline,
    pod,
    report,
    rolling,
    scaler,
    then,
)

from mmpipe_operator.status import Observed, Probe, Report, Transition, status, transitions

AWAY = Probe("Unreachable", "nats://nats:4222: no answer")
FIRST = observed(deployments={}, report=Report())


def news(first: Observed | None, second: Observed) -> list[tuple[str, str]]:
    """Type and reason of each transition; None is a pipeline that nobody has looked at."""
    before = status(first, NOW) if first else {}
    after = status(then(first, second) if first else second, LATER)
    return [(each.type, each.reason) for each in transitions(before, after)]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (None, FIRST, [("Normal", "RolloutInProgress")]),
        (FIRST, observed(report=Report()), [("Normal", "AwaitingNeighbours")]),
        (observed(report=Report()), observed(), [("Normal", "Serving")]),
        (observed(), observed(image=rolling()), [("Normal", "RolloutInProgress")]),
        (observed(), observed(image=overdue(), pods=[pod(container=crashing())]), [
            ("Warning", "CrashLoopBackOff"), ("Warning", "StagesUnavailable"), ("Warning", "ReplicasFailing"),
        ]),
        (observed(), observed(problems=(PROBLEM,)), [("Warning", "InvalidSpec")]),
        (observed(problems=(PROBLEM,)), observed(), [("Normal", "Serving"), ("Normal", "Valid")]),
        (observed(), observed(report=report(queue=AWAY)), [
            ("Warning", "QueueUnreachable"), ("Warning", "NeighbourAway"),
        ]),
        (observed(report=report(queue=AWAY)), observed(), [
            ("Normal", "Serving"), ("Normal", "Reachable"), ("Normal", "AsDesired"),
        ]),
        (observed(), observed(autoscalers={"image": scaler("False", "FailedGetObjectMetric")}), [
            ("Warning", "MetricsMissing"),
        ]),
        (observed(), observed(report=report(dead_letters=3)), [("Warning", "DeadLetters")]),
        (observed(report=report(dead_letters=3)), observed(report=report(dead_letters=4)), []),
        (observed(), observed(report=Report()), []),
        (observed(), observed(processes=(), report=Report(), paused=True), [("Normal", "ReconcilePaused")]),
        (observed(), observed(pipeline=pipeline(mode="None"), autoscalers={}), []),
        (observed(), observed(pipeline=pipeline(state="Paused")), [("Normal", "PausePending")]),
        (observed(), observed(image=deployment(desired=5, replicas=1)), []),
        (observed(), observed(), []),
    ],
)  # fmt: skip
def test_the_news_are_few_and_once(first: Observed | None, second: Observed, told: list[tuple[str, str]]) -> None:
    assert news(first, second) == told


def test_news_say_what_the_condition_says() -> None:
    before, after = status(observed(), NOW), status(then(observed(), observed(problems=(PROBLEM,))), LATER)

    assert transitions(before, after) == (Transition("Warning", "InvalidSpec", str(PROBLEM)),)


@pytest.mark.parametrize("part", ["status", "reason"])
def test_ready_is_news_with_its_status_and_with_its_reason(part: str) -> None:
    before, after = status(observed(), NOW), status(observed(), NOW)
    conditions(after)["Ready"][part] = {"status": "False", "reason": "StagesUnavailable"}[part]

    assert len(transitions(before, after)) == 1


def test_there_is_news_whenever_ready_flips() -> None:
    for first in SCENES:
        for second in SCENES:
            before = status(first.seen, NOW)
            after = status(then(first.seen, second.seen), LATER)
            flipped = conditions(before)["Ready"]["status"] != conditions(after)["Ready"]["status"]

            assert transitions(before, after) or not flipped, (first.name, second.name)


def test_there_is_no_news_without_a_change() -> None:
    for scene in SCENES:
        document = status(scene.seen, NOW)

        assert transitions(document, document) == (), scene.name
