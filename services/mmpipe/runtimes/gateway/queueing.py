"""The queue as a gateway publishes to it: connected when first needed, so that searches work while it is down.

Whoever comes while a connection is being made waits for that one; where it fails, all of them hear so, and the next one
tries again. What is connected comes back by itself (``adapters.queue.connection``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.protocol import Lane, Published, Queue
from mmpipe.records import Modality
from mmpipe.runtimes.gateway.dependencies import Dependency

ANSWER_S = 4.0
"""Longest wait for a durable acknowledgement: whoever submits hears of an outage within 5 s."""


class Publisher(Protocol):
    """What the gateway needs of a queue."""

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """See ``adapters.queue.protocol``."""
        ...


class GuardedQueue:
    """A queue whose faults are refusals, and whose patience has an end."""

    def __init__(self, publisher: Publisher, dependency: Dependency) -> None:
        self._publisher = publisher
        self._dependency = dependency

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """See the protocol; raises Refusal in the place of a StoreError."""
        async with self._dependency.asked():
            return await self._publisher.publish(envelope, lane, dedupe_id)


class LateQueue:
    """A queue that is opened by the first who needs it. For one event loop."""

    def __init__(self, opening: Callable[[], Awaitable[Queue]]) -> None:
        self._open = opening
        self._opening: asyncio.Future[Queue] | None = None

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """See the protocol."""
        return await (await self.opened()).publish(envelope, lane, dedupe_id)

    async def depth(self) -> dict[Modality, int]:
        """See the protocol."""
        return await (await self.opened()).depth()

    async def oldest_age_s(self) -> float | None:
        """See the protocol."""
        return await (await self.opened()).oldest_age_s()

    async def close(self) -> None:
        """See the protocol."""
        if self._opening is None:
            return
        if self._opening.done() and not self._opening.cancelled() and self._opening.exception() is None:
            await self._opening.result().close()
        self._opening.cancel()

    async def opened(self) -> Queue:
        """The queue itself. Raises what opening raises."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.ensure_future(self._open())
            self._opening.add_done_callback(_end_is_known)
        # Shielded: one caller that leaves must not take the connection from the others.
        return await asyncio.shield(self._opening)


def _end_is_known(opening: asyncio.Future[Queue]) -> None:
    """Whoever waited may have left: then nobody asks why it failed."""
    if not opening.cancelled():
        opening.exception()
