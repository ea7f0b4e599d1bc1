from __future__ import annotations

from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.objects import Objects, refusing

from mmpipe.telemetry.testing import capture
from mmpipe_operator.cluster import Cluster, Conflict, Unavailable
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.scaling.api_service import OWN, Backend, api_service
from mmpipe_operator.scaling.withdrawal import Withdrawal

OURS = Backend("mmpipe-system", "mmpipe-metrics-adapter")
THEIRS = Backend("monitoring", "prometheus-adapter")
PATIENCE_S = 30.0


class Scene:
    """A leader, its clock, and the APIService."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.now_s = 0.0
        self.leader = Withdrawal(cast("Cluster", self.objects), OURS, PATIENCE_S, lambda: self.now_s)

    def say(self, status: str, backend: Backend = OURS) -> None:
        """What the API server finds out about it."""
        conditions: list[Manifest] = [{"type": "Available", "status": status}] if status else []
        self.objects.put(OWN, {**api_service(backend, b""), "status": {"conditions": conditions}})

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / 5)):
            self.now_s += 5
            await self.leader.look()

    @property
    def is_there(self) -> bool:
        return OWN in self.objects.held


@asynchronous
async def test_one_that_is_down_for_too_long_is_taken_away_and_counted() -> None:
    scene = Scene()
    scene.say("False")

    with capture() as emitted:
        await scene.pass_time(30)
        assert scene.is_there
        await scene.pass_time(5)
        assert not scene.is_there
        assert emitted.total("mmpipe.operator.withdrawals", {}) == 1


@pytest.mark.parametrize(("status", "backend"), [("True", OURS), ("", OURS), ("Unknown", OURS), ("False", THEIRS)])
def test_one_that_answers_or_is_not_known_or_is_anothers_stays(status: str, backend: Backend) -> None:
    @asynchronous
    async def minutes() -> None:
        scene = Scene()
        scene.say(status, backend)
        await scene.pass_time(600)
        assert scene.is_there

    minutes()


@asynchronous
async def test_an_answer_in_between_starts_the_time_anew() -> None:
    scene = Scene()
    for status in ("False", "True", "False"):
        scene.say(status)
        await scene.pass_time(25)

    assert scene.is_there


@asynchronous
async def test_time_begins_anew_after_it_came_back() -> None:
    scene = Scene()
    scene.say("False")
    await scene.pass_time(35)
    assert not scene.is_there

    scene.say("False")
    await scene.pass_time(30)

    assert scene.is_there


@asynchronous
async def test_one_that_changes_as_it_is_taken_away_stays_until_the_next_look(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    scene.say("False")
    scene.objects.before = refusing("delete", Conflict("DELETE apiservice", "Conflict", "it has changed"))
    await scene.pass_time(60)
    assert scene.is_there
    assert caplog.text.count("it has changed") == 1

    scene.objects.before = lambda _, __: None
    await scene.pass_time(5)

    assert not scene.is_there


@asynchronous
async def test_while_the_api_server_is_away_the_time_runs_on() -> None:
    scene = Scene()
    scene.say("False")
    await scene.pass_time(5)
    scene.objects.before = refusing("get", Unavailable("GET", "Unreachable", "no answer"))
    await scene.pass_time(30)
    scene.objects.before = lambda _, __: None

    await scene.pass_time(5)

    assert not scene.is_there
