"""What the kubelet asks, over plain HTTP: each path is a question whose good answer is that nothing is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

type Question = Callable[[], str]
"""What is wrong, as a sentence; empty where nothing is."""


@asynccontextmanager
async def probed(questions: Mapping[str, Question], host: str, port: int) -> AsyncIterator[int]:
    """Answer at that port (0 takes a free one) while the block runs; gives the port. Raises OSError if it is taken."""
    application = web.Application()
    for path, question in questions.items():
        application.router.add_get(path, _answering(question))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answering(question: Question) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:  # aiohttp awaits its handlers
        wrong = question()
        return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)

    return answer
