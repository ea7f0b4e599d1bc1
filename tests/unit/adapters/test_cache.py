"""The cache in the process: bounded by age, number and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from mmpipe.adapters.cache import MemoryCache, RedisCache
from mmpipe.adapters.errors import StoreRefused


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _run[T](*steps: Coroutine[None, None, T]) -> list[T]:
    async def in_order() -> list[T]:
        return [await step for step in steps]

    return asyncio.run(in_order())


def test_what_is_too_old_is_gone() -> None:
    clock = Clock()
    cache = MemoryCache(clock=clock)
    asyncio.run(cache.set("a", b"1", 10.0))
    clock.now = 9.9
    assert asyncio.run(cache.get("a")) == b"1"
    clock.now = 10.0
    assert asyncio.run(cache.get("a")) is None


def test_the_least_recently_used_is_thrown_out_first() -> None:
    cache = MemoryCache(max_entries=2)
    _run(cache.set("a", b"1", 10), cache.set("b", b"2", 10))
    asyncio.run(cache.get("a"))
    asyncio.run(cache.set("c", b"3", 10))

    assert _run(cache.get("a"), cache.get("b"), cache.get("c")) == [b"1", None, b"3"]


def test_answers_take_no_more_bytes_than_allowed() -> None:
    cache = MemoryCache(max_bytes=10)
    _run(cache.set("a", bytes(6), 10), cache.set("b", bytes(6), 10), cache.set("c", bytes(11), 10))

    assert _run(cache.get("a"), cache.get("b"), cache.get("c")) == [None, None, None]


def test_an_overwritten_answer_gives_its_bytes_back() -> None:
    cache = MemoryCache(max_bytes=10)
    _run(*(cache.set("a", bytes(6), 10) for _ in range(5)), cache.set("b", bytes(4), 10))

    assert _run(cache.get("a"), cache.get("b")) == [bytes(6), bytes(4)]


def test_what_is_not_remembered_throws_nothing_out() -> None:
    cache = MemoryCache(max_entries=1)
    _run(cache.set("a", b"1", 10), cache.set("b", b"2", 0))

    assert asyncio.run(cache.get("a")) == b"1"


@pytest.mark.parametrize("uri", ["http://media.test", "media.test:6379", "redis://media.test:port/0"])
def test_a_uri_that_names_no_redis_is_refused(uri: str) -> None:
    with pytest.raises(StoreRefused, match="no Redis URI"):
        RedisCache.open(uri, "p:")
