from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe.errors import MmpipeError
from mmpipe_operator import controller as subject
from mmpipe_operator.cluster import Cluster, Conflict, Events, NotLeading, Refused, Unavailable
from mmpipe_operator.controller import Controller, Pace
from mmpipe_operator.kinds import CHILDREN, OPTIONAL, PIPELINE, POD, SCALED_OBJECT, Manifest
from mmpipe_operator.neighbours import Neighbours
from mmpipe_operator.reconciling.reconcile import Defaults, World
from mmpipe_operator.running.health import Health
from mmpipe_operator.watching.cache import Cache, Key
from mmpipe_operator.watching.contents import ContentReader
from mmpipe_operator.watching.handlers import See
from mmpipe_operator.watching.workqueue import WorkQueue

SOON_S = 5.0
ALWAYS = (*(kind for kind in CHILDREN if kind not in OPTIONAL), POD)


class Stage:
    """A controller whose reconciles and watches are told what to do."""

    def __init__(self, patch: pytest.MonkeyPatch, resync_s: float = 600) -> None:
        self.cluster, self.cache, self.health = FakeCluster(), Cache(), Health()
        self.queue: WorkQueue[Key] = WorkQueue()
        self.looked_at: asyncio.Queue[Key] = asyncio.Queue()
        self.watching = asyncio.Event()
        self.ends: list[Exception] = []
        patch.setattr(subject, "_REWATCH_S", 0.01)
        self.answer: Callable[[Key], float | None] = lambda _: None
        patch.setattr(subject, "watch", self._watch)
        cluster = cast("Cluster", self.cluster)
        world = World(
            cluster=cluster,
            cache=self.cache,
            contents=ContentReader(cluster, 60),
            neighbours=cast("Neighbours", None),
            events=Events(cluster, "operator-0"),
            defaults=Defaults(image="mmpipe:1"),
        )
        self.controller = Controller(world, self.queue, self.health, Pace(workers=2, resync_s=resync_s))
        patch.setattr(self.controller, "_reconciler", self)

    async def reconcile(self, key: Key) -> float | None:
        await self.looked_at.put(key)
        return self.answer(key)

    async def play(self, act: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run the controller while ``act`` goes on."""
        stop = asyncio.Event()
        running = asyncio.create_task(self.controller.run(stop))
        try:
            async with asyncio.timeout(SOON_S):
                await act()
        finally:
            stop.set()
            await running

    async def _watch(self, _: tuple[str, ...], see: See) -> None:
        self.see = see
        self.watching.set()
        if self.ends:
            raise self.ends.pop()
        await asyncio.Event().wait()


@asynchronous
async def test_what_is_there_is_looked_at_once_everything_is_listed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline())

        async def act() -> None:
            assert await stage.looked_at.get() == ("team", "media")
            assert stage.cache.pipeline(("team", "media")) is not None

        await stage.play(act)


@asynchronous
async def test_nothing_is_looked_at_while_a_list_fails() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline())
        stage.cluster.refuse = lambda verb, ref: (
            Unavailable("GET", "503", "not now") if (verb, ref.kind.kind) == ("list", "Service") else None
        )

        with pytest.raises(Unavailable):
            await stage.controller.run(asyncio.Event())
        assert stage.looked_at.empty()


@asynchronous
async def test_whatever_ends_the_watch_of_pipelines_it_is_begun_anew_and_what_it_missed_is_listed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline())
        stage.ends = [RuntimeError("410"), OSError("401")]
        refused = iter([Unavailable("GET", "503", "not now")])

        async def act() -> None:
            assert await stage.looked_at.get() == ("team", "media")
            await stage.watching.wait()
            del stage.cluster.objects[next(ref for ref in stage.cluster.objects if ref.kind is PIPELINE)]
            stage.cluster.refuse = lambda verb, _: next(refused, None) if verb == "list" else None
            assert await stage.looked_at.get() == ("team", "media")
            assert stage.ends == []
            assert stage.cache.pipeline(("team", "media")) is None

        await stage.play(act)


@asynchronous
async def test_an_event_has_its_pipeline_looked_at() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)

        async def act() -> None:
            await stage.watching.wait()
            stage.see("ADDED", pipeline())
            assert await stage.looked_at.get() == ("team", "media")
            stage.see("DELETED", pipeline(resourceVersion="2"))
            assert await stage.looked_at.get() == ("team", "media")
            assert stage.cache.pipeline(("team", "media")) is None

        await stage.play(act)


@asynchronous
async def test_what_an_event_tells_goes_before_what_only_a_list_gives_reason_for() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage, seen, go_on = Stage(patch), asyncio.Queue[str](), asyncio.Event()
        for name in "abcdef":
            stage.cluster.put(pipeline(name=name))

        async def reconcile(key: Key) -> None:
            seen.put_nowait(key[1])
            await go_on.wait()

        patch.setattr(stage, "reconcile", reconcile)

        async def act() -> None:
            busy = {await seen.get(), await seen.get()}
            await stage.watching.wait()
            edited = max(set("abcdef") - busy)
            stage.see("MODIFIED", pipeline(name=edited, resourceVersion="1000", generation=2))
            go_on.set()
            assert await seen.get() == edited

        await stage.play(act)


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("PATCH", "503", "not now"),
        Conflict("PATCH", "Conflict", "changed"),
        MmpipeError("no"),
        ZeroDivisionError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_what_fails_is_tried_again_and_stops_nobody_else(fault: Exception) -> None:
    asyncio.run(_tried_again(fault))


async def _tried_again(fault: Exception) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline(name="bad", uid="1"))
        stage.cluster.put(pipeline(name="good", uid="2"))

        def answer(key: Key) -> None:
            if key[1] == "bad":
                raise fault

        stage.answer = answer

        async def act() -> None:
            seen = [await stage.looked_at.get() for _ in range(4)]
            assert {name for _, name in seen[:2]} == {"bad", "good"}
            assert {name for _, name in seen[2:]} == {"bad"}

        await stage.play(act)


@asynchronous
async def test_a_lost_lease_ends_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline())

        def answer(_: Key) -> None:
            raise NotLeading("PATCH", "NotLeading", "lost")

        stage.answer = answer
        with pytest.raises(ExceptionGroup) as ended:
            await asyncio.wait_for(stage.controller.run(asyncio.Event()), SOON_S)

        assert ended.value.subgroup(NotLeading)


@asynchronous
async def test_a_pipeline_that_asks_for_another_look_gets_one() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.put(pipeline())
        stage.answer = lambda _: 0.01

        async def act() -> None:
            await stage.looked_at.get()
            await stage.looked_at.get()

        await stage.play(act)


@asynchronous
async def test_a_resync_finds_what_no_event_has_told_and_says_that_the_watch_owes_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch, resync_s=0.05)

        async def act() -> None:
            await stage.watching.wait()
            added: Manifest = stage.cluster.put(pipeline())
            assert await stage.looked_at.get() == ("team", "media")
            assert stage.health.silence_s(PIPELINE) > 0
            stage.see("ADDED", added)
            assert stage.health.silence_s(PIPELINE) == 0

        await stage.play(act)


@asynchronous
async def test_an_optional_kind_is_watched_once_the_cluster_has_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch, resync_s=0.05)

        async def act() -> None:
            assert SCALED_OBJECT not in [await stage.cluster.watched.get() for _ in ALWAYS]
            stage.cluster.served[SCALED_OBJECT.api_version] = frozenset({SCALED_OBJECT.plural})
            assert SCALED_OBJECT in [await stage.cluster.watched.get() for _ in (*ALWAYS, SCALED_OBJECT)]

        await stage.play(act)


@asynchronous
async def test_an_optional_kind_that_the_operator_may_not_see_is_left_alone() -> None:
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        stage.cluster.served[SCALED_OBJECT.api_version] = frozenset({SCALED_OBJECT.plural})
        stage.cluster.refuse = lambda _, ref: (
            Refused("GET", "Forbidden", "no right") if ref.kind is SCALED_OBJECT else None
        )

        async def act() -> None:
            assert SCALED_OBJECT not in [await stage.cluster.watched.get() for _ in ALWAYS]

        await stage.play(act)
