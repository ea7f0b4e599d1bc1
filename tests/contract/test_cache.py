"""Remembered answers, in the process and in a real Redis; and what becomes of a search while Redis is away."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from redis import Redis

from mmpipe.adapters.cache import PAUSE_S, Cache, MemoryCache, RedisCache
from mmpipe.telemetry.testing import capture

PATIENT_S = 30.0
"""A busy machine is no slow Redis."""
IMPATIENT_S = 0.5
_number = itertools.count()

type With = Callable[[Callable[[Cache], Awaitable[object]]], object]


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
def with_cache(request: pytest.FixtureRequest) -> With:
    """Run a coroutine function over an empty cache, closed afterwards."""

    def make() -> Cache:
        if request.param == "memory":
            return MemoryCache()
        redis_url = request.getfixturevalue("redis_url")
        return RedisCache.open(redis_url, f"test-{next(_number)}:", timeout_s=PATIENT_S)

    def run(steps: Callable[[Cache], Awaitable[object]]) -> object:
        async def opened() -> object:
            cache = make()
            try:
                return await steps(cache)
            finally:
                await cache.close()

        return asyncio.run(opened())

    return run


def test_an_answer_is_remembered_byte_for_byte(with_cache: With) -> None:
    answer = bytes(range(256)) * 1000

    async def steps(cache: Cache) -> bytes | None:
        await cache.set("a", answer, 60)
        return await cache.get("a")

    assert with_cache(steps) == answer


def test_what_was_never_set_is_a_miss(with_cache: With) -> None:
    async def steps(cache: Cache) -> bytes | None:
        return await cache.get("a")

    assert with_cache(steps) is None


def test_the_last_answer_counts(with_cache: With) -> None:
    async def steps(cache: Cache) -> bytes | None:
        await cache.set("a", b"1", 60)
        await cache.set("a", b"", 60)
        return await cache.get("a")

    assert with_cache(steps) == b""


def test_no_time_to_live_remembers_nothing(with_cache: With) -> None:
    async def steps(cache: Cache) -> bytes | None:
        await cache.set("a", b"1", 0)
        return await cache.get("a")

    assert with_cache(steps) is None


def test_a_short_life_ends(with_cache: With) -> None:
    async def steps(cache: Cache) -> bytes | None:
        await cache.set("a", b"1", 0.001)
        while answer := await cache.get("a"):  # noqa: ASYNC110  # what grows old sends no event
            await asyncio.sleep(0)
        return answer

    assert with_cache(steps) is None


def test_many_at_once_get_their_own_answers(with_cache: With) -> None:
    keys = [str(number) for number in range(500)]

    async def steps(cache: Cache) -> list[bytes | None]:
        for batch in itertools.batched(keys, 20):
            await asyncio.gather(*(cache.set(key, key.encode(), 60) for key in batch))
        return [
            answer
            for batch in itertools.batched(keys, 20)
            for answer in await asyncio.gather(*(cache.get(key) for key in batch))
        ]

    assert with_cache(steps) == [key.encode() for key in keys]


# -- only Redis -----------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_the_pause(self) -> None:
        self.now += PAUSE_S


@dataclass
class Between:
    """A proxy before Redis whose answers can be held back."""

    upstream: tuple[str, int]
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self.upstream)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, upstream_writer, None))
                group.create_task(_pump(upstream_reader, writer, self.flowing))
        finally:
            upstream_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None) -> None:
    while some := await reader.read(65536):
        if gate:
            await gate.wait()
        writer.write(some)
    writer.close()


@asynccontextmanager
async def _between(redis_url: str) -> AsyncIterator[Between]:
    pieces = urlsplit(redis_url)
    between = Between((pieces.hostname or "", pieces.port or 0))
    between.flowing.set()
    server = await asyncio.start_server(between.talk, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        between.flowing.set()
        server.close()


@pytest.mark.server
def test_a_slow_redis_is_a_miss_then_left_alone_and_its_late_answer_reaches_nobody(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, prefix = Clock(), f"test-{next(_number)}:"

    async def steps() -> None:
        async with _between(redis_url) as between:
            uri = f"redis://127.0.0.1:{between.port}/0"
            cache = RedisCache.open(uri, prefix, timeout_s=IMPATIENT_S, clock=clock)
            await cache.set("a", b"secret of a", 60)
            await cache.set("b", b"answer of b", 60)
            between.flowing.clear()
            async with asyncio.timeout(4 * IMPATIENT_S):
                assert await cache.get("a") is None
            assert await cache.get("b") is None  # not even asked
            assert cache.faults == 1
            between.flowing.set()
            clock.pass_the_pause()
            assert await cache.get("b") == b"answer of b"
            assert await cache.get("a") == b"secret of a"
            await cache.close()

    with caplog.at_level(logging.INFO):
        asyncio.run(steps())
    assert [record.levelname for record in caplog.records if record.name == "mmpipe.adapters.cache"] == [
        "WARNING",
        "INFO",
    ]


@pytest.mark.server
def test_a_redis_that_comes_back_is_used_again(redis_url: str) -> None:
    clock, prefix = Clock(), f"test-{next(_number)}:"

    async def steps() -> None:
        async with _between(redis_url) as between:
            uri = f"redis://127.0.0.1:{between.port}/0"
            cache = RedisCache.open(uri, prefix, timeout_s=PATIENT_S, clock=clock)
            await cache.set("a", b"1", 60)
            with Redis.from_url(redis_url) as direct:
                direct.client_kill_filter(_type="normal", skipme=True)
            clock.pass_the_pause()
            await cache.get("a")  # may find out that its connection is gone
            clock.pass_the_pause()
            assert await cache.get("a") == b"1"
            await cache.close()

    asyncio.run(steps())


def test_a_redis_that_is_not_there_is_a_miss_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    async def steps() -> None:
        cache = RedisCache.open("redis://127.0.0.1:1/0", "p:", "word", clock=clock)
        for _ in range(3):
            await cache.set("a", b"1", 60)
            assert await cache.get("a") is None
            clock.pass_the_pause()
        assert cache.faults == 3
        await cache.close()

    with capture() as emitted:
        asyncio.run(steps())
    assert emitted.total("mmpipe.cache.requests", {"result": "error"}) == 3
    assert len(caplog.records) == 1
    assert "word" not in caplog.text


@pytest.mark.server
def test_a_user_and_a_password_are_given_and_a_wrong_one_is_a_miss(redis_url: str) -> None:
    with Redis.from_url(redis_url) as direct:
        direct.execute_command("ACL", "SETUSER", "gateway", "on", ">word", "~p:*", "+@all")
    guarded = redis_url.replace("redis://", "redis://gateway@")

    async def ask(password: str) -> bytes | None:
        cache = RedisCache.open(guarded, "p:", password, timeout_s=PATIENT_S)
        try:
            await cache.set("a", b"1", 60)
            return await cache.get("a")
        finally:
            await cache.close()

    assert asyncio.run(ask("word")) == b"1"
    assert asyncio.run(ask("another")) is None


@pytest.mark.server
def test_pipelines_that_share_a_redis_do_not_share_answers(redis_url: str) -> None:
    async def steps() -> bytes | None:
        one, other = (RedisCache.open(redis_url, prefix, timeout_s=PATIENT_S) for prefix in ("one:", "other:"))
        await one.set("a", b"1", 60)
        answer = await other.get("a")
        await asyncio.gather(one.close(), other.close())
        return answer

    assert asyncio.run(steps()) is None
