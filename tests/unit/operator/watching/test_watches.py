from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.cluster import Cluster, Expired, NotLeading, Unavailable
from mmpipe_operator.kinds import DEPLOYMENT, SERVICE, Kind, Manifest
from mmpipe_operator.watching import watches as subject
from mmpipe_operator.watching.watches import Watches

SOON_S = 5.0
type Play = list[tuple[str, int] | Exception]


class Told:
    """An API server whose watches are played, one after the other; the last one stays silent."""

    def __init__(self, *plays: Play) -> None:
        self.plays = list(plays)
        self.asked: list[tuple[Kind, int, bool]] = []
        self.seen: list[tuple[str, str]] = []
        self.relisted: list[Kind] = []
        self.silent = asyncio.Event()
        self.watches = Watches(cast("Cluster", self), self.see, self.relist)

    async def watch(self, kind: Kind, since: int, *_: str, metadata_only: bool) -> AsyncGenerator[tuple[str, Manifest]]:
        self.asked.append((kind, since, metadata_only))
        for each in self.plays.pop(0) if self.plays else ():
            if isinstance(each, Exception):
                raise each
            event, version = each
            yield event, {"metadata": {"resourceVersion": str(version)}}
        if not self.plays:
            self.silent.set()
            await asyncio.Event().wait()

    def see(self, event: str, manifest: Manifest) -> None:
        self.seen.append((event, manifest["metadata"]["resourceVersion"]))
        if event == "BUG":
            raise ZeroDivisionError

    async def relist(self, kind: Kind, _: str) -> int:
        self.relisted.append(kind)
        if len(self.relisted) == 1:
            raise Unavailable("GET", "503", "not now")
        return 90

    async def run(self, kind: Kind = SERVICE) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(self.watches.keep([(kind, "", 10)], stop))
        async with asyncio.timeout(SOON_S):
            await asyncio.wait({running, asyncio.create_task(self.silent.wait())}, return_when="FIRST_COMPLETED")
            stop.set()
            await running

    @property
    def began(self) -> list[int]:
        return [since for _, since, _ in self.asked]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_FIRST_PAUSE_S", 0.001)


@asynchronous
async def test_a_watch_that_ends_goes_on_from_where_it_was() -> None:
    told = Told([("ADDED", 12), ("BOOKMARK", 15)], [Unavailable("GET", "Unreachable", "reset")], [])

    await told.run()

    assert told.began == [10, 15, 15]
    assert told.seen == [("ADDED", "12"), ("BOOKMARK", "15")]
    assert not told.relisted


@asynchronous
async def test_a_version_that_is_too_old_has_everything_listed_anew_until_that_works() -> None:
    expired = Expired("GET", "Expired", "too old resource version")
    told = Told([("ADDED", 12), expired], [expired], [])

    await told.run()

    assert told.relisted == [SERVICE, SERVICE]
    assert told.began == [10, 12, 90]


@asynchronous
async def test_events_out_of_order_do_not_take_a_watch_back() -> None:
    told = Told([("MODIFIED", 20), ("MODIFIED", 17)], [])

    await told.run()

    assert told.began == [10, 20]


@asynchronous
async def test_a_bug_that_one_event_brings_out_ends_no_watch() -> None:
    told = Told([("BUG", 20), ("MODIFIED", 21)], [("MODIFIED", 21)], [])

    await told.run()

    assert told.seen[-1] == ("MODIFIED", "21")
    assert told.began[1] == 20


@asynchronous
async def test_who_no_longer_leads_stops_watching() -> None:
    told = Told([NotLeading("GET", "NotLeading", "lost")], [])

    with pytest.raises(ExceptionGroup) as ended:
        await told.run()

    assert ended.value.subgroup(NotLeading)


@asynchronous
async def test_of_kinds_that_are_known_by_their_fingerprint_only_metadata_is_asked_for() -> None:
    light, whole = Told([]), Told([])

    await light.run(SERVICE)
    await whole.run(DEPLOYMENT)

    assert [metadata_only for _, _, metadata_only in (*light.asked, *whole.asked)] == [True, False]
