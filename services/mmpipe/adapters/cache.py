"""Remembered answers, bytes under a key for a while: in the process, or in a Redis that the gateway's replicas share.

A cache is a comfort. Whatever is wrong with it is a miss: a Redis that is down, slow, full or locked costs a search at
most ``TIMEOUT_S`` once in ``PAUSE_S`` and never its answer; one log line says when it goes and one when it is back.
What is stored is opaque here. Keys are the caller's: everything that decides the answer belongs into one, whatever
replica asks.

Neighbours: the gateway's search. redis-py is imported only where a Redis is named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, cast

from mmpipe import telemetry
from mmpipe.adapters.errors import StoreRefused, public_uri

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_ENTRIES = 10_000
MAX_BYTES = 64 * 1024 * 1024
"""Most bytes of answers in the process, however many they are."""
TIMEOUT_S = 0.05
"""Longest wait for Redis, connecting included; a search takes some 10 ms without it."""
PAUSE_S = 1.0
"""How long a Redis that did not answer is left alone."""
_MAX_CONNECTIONS = 64

_log = logging.getLogger(__name__)


class Cache(Protocol):
    """Bytes by key."""

    async def get(self, key: str) -> bytes | None:
        """What was set, or None: never set, too old, thrown out, or nobody to ask."""
        ...

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        """Remember ``value`` for ``ttl_s`` seconds; not at all for 0."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class _NoAnswer(Exception):  # noqa: N818  # never leaves this module
    """Redis did not answer, or was not asked since it did not before."""


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    ends_at: float


class MemoryCache:
    """Answers in this process, the least recently used thrown out first. For one event loop."""

    def __init__(
        self,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """See :class:`Cache`."""
        entry = self._entries.get(key)
        if entry is None or entry.ends_at <= self._clock():
            self._drop(key)
            return _counted(None)
        self._entries.move_to_end(key)
        return _counted(entry.value)

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        """See :class:`Cache`."""
        self._drop(key)
        if ttl_s <= 0:
            return
        self._entries[key] = _Entry(value, self._clock() + ttl_s)
        self._bytes += len(value)
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    async def close(self) -> None:
        """See :class:`Cache`."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        self._bytes -= len(entry.value) if entry else 0


class RedisCache:
    """Answers in Redis, under ``prefix``, so that several pipelines share one. For one event loop.

    ``faults`` counts the questions that Redis did not answer.
    """

    def __init__(self, redis: Redis, where: str, prefix: str, *, timeout_s: float, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._where = where
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._clock = clock
        self._resumes_at = -float("inf")
        self._is_down = False
        self.faults = 0

    @classmethod
    def open(
        cls,
        uri: str,
        prefix: str,
        password: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """The Redis at ``redis://[user@]host:6379/0`` (``rediss://`` for TLS). Nothing is asked yet.

        Raises StoreRefused for a URI that is none; all else is a miss later.
        """
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415  # of the serve extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        settings = {
            **({"password": password} if password else {}),
            "protocol": 2,  # nothing is pushed between the answers
            "retry": Retry(NoBackoff(), 0),
            "max_connections": _MAX_CONNECTIONS,
            "timeout": timeout_s,
        }
        try:
            pool = BlockingConnectionPool.from_url(uri, **settings)
        except ValueError as error:
            expected = "redis://host:6379/0 or rediss://"
            raise StoreRefused(public_uri(uri), f"no Redis URI ({error})", expected, "correct the URI") from error
        return cls(Redis.from_pool(pool), public_uri(uri), prefix, timeout_s=timeout_s, clock=clock)

    async def get(self, key: str) -> bytes | None:
        """See :class:`Cache`."""
        try:
            found = await self._ask(lambda: self._redis.get(self._prefix + key))
        except _NoAnswer:
            _count("error")
            return None
        return _counted(cast("bytes | None", found))  # nothing is decoded on the way

    async def set(self, key: str, value: bytes, ttl_s: float) -> None:
        """See :class:`Cache`."""
        if ttl_s > 0:
            with suppress(_NoAnswer):  # it is noted
                await self._ask(lambda: self._redis.set(self._prefix + key, value, px=max(1, round(ttl_s * 1000))))

    async def close(self) -> None:
        """See :class:`Cache`."""
        await self._redis.aclose()

    async def _ask[T](self, question: Callable[[], Awaitable[T]]) -> T:
        """Raises _NoAnswer, at once while Redis is left alone."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        if self._clock() < self._resumes_at:
            raise _NoAnswer
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await question()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._note_fault(error)
            raise _NoAnswer from error
        self._note_answer()
        return answer

    def _note_fault(self, error: Exception) -> None:
        self.faults += 1
        self._resumes_at = self._clock() + PAUSE_S
        if not self._is_down:
            self._is_down = True
            found = str(error) or type(error).__name__
            message = "%s: found %s; expected an answer in %s s; goes on without it"
            _log.warning(message, self._where, found, self._timeout_s)

    def _note_answer(self) -> None:
        if self._is_down:
            self._is_down = False
            _log.info("%s answers again", self._where)


def _counted(found: bytes | None) -> bytes | None:
    _count("miss" if found is None else "hit")
    return found


def _count(result: str) -> None:
    telemetry.count("mmpipe.cache.requests", cache="search", result=result)
