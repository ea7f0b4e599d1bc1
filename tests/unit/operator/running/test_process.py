from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from kubernetes.aio.client import ApiClient
from tests.asynchronous import asynchronous

from mmpipe_operator.cluster import NotLeading
from mmpipe_operator.running import process
from mmpipe_operator.running.health import Health
from mmpipe_operator.running.process import LOST
from mmpipe_operator.running.settings import Settings


class FakeLease:
    """Won at once, and lost when a test says so."""

    leading = True

    def __init__(self, lost: asyncio.Event) -> None:
        self._lost = lost
        self.released = False

    async def acquire(self) -> None:
        return

    async def lost(self) -> None:
        await self._lost.wait()

    def fence(self) -> None:
        return

    async def release(self) -> None:
        self.released = True


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fenced() -> None:
    raise NotLeading("Service team/media", "NotLeading", "found its lease old")


async def led(
    monkeypatch: pytest.MonkeyPatch, keep: Callable[[], Awaitable[None]], *, lost: bool = False, stopped: bool = False
) -> tuple[int, FakeLease]:
    """How a leader ends, and its lease."""
    losing, stop = asyncio.Event(), asyncio.Event()
    lease = FakeLease(losing)

    async def kept(*_: Any) -> None:  # noqa: ANN401  # those of _keep
        if lost:
            losing.set()
        if stopped:
            stop.set()
        await keep()

    monkeypatch.setattr(process, "Lease", lambda *_: lease)
    monkeypatch.setattr(process, "_keep", kept)
    return await process._led(Settings(identity="one"), cast("ApiClient", None), Health(), stop), lease  # noqa: SLF001  # run() needs a cluster


@pytest.mark.parametrize(("keep", "lost"), [(for_ever, True), (fenced, False)], ids=["a renewal", "a write"])
def test_a_leader_that_has_lost_its_lease_ends_and_says_so_whoever_notices_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    keep: Callable[[], Awaitable[None]],
    *,
    lost: bool,
) -> None:
    with caplog.at_level(logging.WARNING):
        status, _ = asyncio.run(led(monkeypatch, keep, lost=lost))
    assert status == LOST
    assert [record.message for record in caplog.records] == ["found its lease lost, expected it renewed; ending"]


@asynchronous
async def test_a_leader_that_is_told_to_stop_lets_go_of_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    status, lease = await led(monkeypatch, for_ever, stopped=True)
    assert status == 0
    assert lease.released
