from __future__ import annotations

import aiohttp
from tests.asynchronous import asynchronous

from mmpipe_operator.kinds import DEPLOYMENT, POD
from mmpipe_operator.running.health import SILENCE_S, Health, serving


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_watch_that_does_not_bring_what_a_list_has_shown_is_silent_after_a_while() -> None:
    clock = Clock()
    health = Health(clock)
    health.owed(DEPLOYMENT, 7)

    clock.now_s = SILENCE_S
    assert not health.silent()
    clock.now_s += 1

    assert health.silent() == ["deployments"]


def test_a_newer_list_gives_a_silent_watch_no_more_time() -> None:
    clock = Clock()
    health = Health(clock)
    health.owed(DEPLOYMENT, 7)
    clock.now_s = SILENCE_S

    health.owed(DEPLOYMENT, 9)
    clock.now_s += 1

    assert health.silent()


def test_a_watch_that_has_come_as_far_owes_nothing() -> None:
    clock = Clock()
    health = Health(clock)
    health.owed(DEPLOYMENT, 7)

    health.brought(DEPLOYMENT, 6)
    health.brought(POD, 9)
    clock.now_s = 2 * SILENCE_S
    assert health.silent()

    health.brought(DEPLOYMENT, 7)
    assert not health.silent()
    assert health.silence_s(DEPLOYMENT) == 0


async def ask(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


@asynchronous
async def test_the_kubelet_is_told() -> None:
    clock = Clock()
    health = Health(clock)
    async with serving(health, "127.0.0.1", 0) as port:
        assert await ask(port, "/readyz") == (503, "starting\n")
        health.started = True
        assert await ask(port, "/readyz") == (200, "ok\n")
        assert await ask(port, "/healthz") == (200, "ok\n")

        health.owed(DEPLOYMENT, 7)
        clock.now_s = SILENCE_S + 1
        status, text = await ask(port, "/healthz")

    assert status == 503
    assert "deployments" in text
