"""A line to one neighbour: its connection, shared by all pipelines that ask it, and what a dead one may cost.

Questions to one neighbour take turns, a few at a time, and who does not answer is left alone for a while, for whichever
pipeline: a thousand pipelines of one dead server cost one wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from mmpipe.adapters.errors import StoreError, StoreUnreachable

_log = logging.getLogger(__name__)


class Client(Protocol):
    """What a line needs of a neighbour's client, whose methods await."""

    async def close(self) -> None:
        """Let go of the connection; who waits for an answer gets none."""
        ...


class Line[C: Client]:
    """One neighbour. Belongs to one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[C]], pace: Pace) -> None:
        self._connect = connect
        self._pace = pace
        self._client: C | None = None
        self._turns = asyncio.Semaphore(pace.at_once)
        self._opening = asyncio.Lock()
        self._fault: StoreError | None = None
        self._silent_until = 0.0
        self._asking = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody asks or waits to ask."""
        return self._asking == 0

    async def ask[A](self, question: Callable[[C], Awaitable[A]]) -> A:
        """The answer. Raises StoreError."""
        self._asking += 1
        try:
            async with self._turns:
                if self._fault is not None and time.monotonic() < self._silent_until:
                    raise self._fault
                return await self._answer(question)
        finally:
            self._asking -= 1

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _answer[A](self, question: Callable[[C], Awaitable[A]]) -> A:
        try:
            async with asyncio.timeout(self._pace.limit_s):
                answer = await question(await self._connected())
        except TimeoutError as error:
            await self._give_up()
            raise self._silenced(_no_answer(self._pace.limit_s)) from error
        except StoreUnreachable as error:
            raise self._silenced(error) from error
        self._fault = None
        return answer

    async def _connected(self) -> C:
        async with self._opening:
            if self._client is None:
                self._client = await self._connect()
            return self._client
