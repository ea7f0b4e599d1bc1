from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from mmpipe_operator.scaling import pod_metrics
from mmpipe_operator.scaling.exposition import Sample
from mmpipe_operator.scaling.pod_metrics import ScrapeFailed, scrape

type Answer = Callable[[web.Request], Awaitable[web.Response]]


def scraped(answer: Answer, timeout_s: float = 5.0) -> tuple[Sample, ...]:
    """What a pod at loopback that answers so says."""

    async def ask() -> tuple[Sample, ...]:
        application = web.Application()
        application.router.add_get("/metrics", answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with aiohttp.ClientSession() as session:
                return await scrape(session, "127.0.0.1", runner.addresses[0][1], timeout_s)
        finally:
            await runner.cleanup()

    return asyncio.run(ask())


def saying(text: str, status: int = 200, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:  # aiohttp awaits its handlers
        return web.Response(text=text, status=status, headers=headers)

    return answer


def test_a_pod_says_all_of_its_samples() -> None:
    text = '# HELP depth What waits.\ndepth{lane="query"} 3.0\nup 1\n'
    assert scraped(saying(text)) == (Sample("depth", {"lane": "query"}, 3), Sample("up", {}, 1))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (saying("gone", 503), "found status 503, expected metrics; see that the pod runs"),
        (saying("", 302, Location="http://127.0.0.1:1/"), "found status 302"),
        (saying("depth{lane"), "found 'depth{lane' among the metrics"),
    ],
    ids=["error", "redirect", "half"],
)
def test_an_answer_that_is_no_metrics_is_told(answer: Answer, said: str) -> None:
    with pytest.raises(ScrapeFailed, match=said):
        scraped(answer)


def test_a_pod_that_does_not_answer_in_time_is_told() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    with pytest.raises(ScrapeFailed, match=r"no answer within 0.05 s"):
        scraped(never, 0.05)


def test_a_pod_that_says_too_much_is_not_heard_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_metrics, "_MAX_BYTES", 10)
    with pytest.raises(ScrapeFailed, match="found more than 10 bytes"):
        scraped(saying("depth 1\n" * 10))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_pod_that_nobody_listens_for_is_told_by_its_address(host: str) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await scrape(session, host, 1)

    with pytest.raises(ScrapeFailed, match=r"http://\S+:1/metrics: Cannot connect"):
        asyncio.run(ask())
