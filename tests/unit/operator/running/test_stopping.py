from __future__ import annotations

import asyncio
import os
import signal

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.running.stopping import first, stopped_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_stops(number: signal.Signals) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        with stopped_by_signals(stop):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 5)

    asyncio.run(run())


@asynchronous
async def test_when_one_ends_the_others_are_cancelled_and_waited_for() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("long")

    await first(asyncio.sleep(0), long())
    assert ended == ["long"]


@asynchronous
async def test_what_one_raises_is_raised_as_it_is() -> None:
    async def fail() -> None:
        raise OSError("the port is taken")

    with pytest.raises(OSError, match="the port is taken"):
        await first(fail(), asyncio.Event().wait())


@asynchronous
async def test_whoever_cancels_it_cancels_all() -> None:
    running = asyncio.Event()

    async def run() -> None:
        running.set()
        await asyncio.Event().wait()

    whole = asyncio.create_task(first(run(), run()))
    await running.wait()
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert len(asyncio.all_tasks()) == 1
