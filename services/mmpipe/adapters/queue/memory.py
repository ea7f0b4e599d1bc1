"""A queue in the memory of one process: for tests, where leases and delays pass as fast as the test's clock.

It keeps every promise of ``protocol`` but durability. Time is ``clock`` for leases, delays, duplicates and ages, and
the event loop's for how long a pull waits.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.errors import QueueFull, QueueUnreachable
from mmpipe.adapters.queue.protocol import DUPLICATE_WINDOW_S, Delivery, Lane, Published, depth_of
from mmpipe.records import Modality


@dataclass(slots=True, eq=False)
class _Message:
    """``due`` is when it may be delivered (next): now, after its delay, or when its lease runs out."""

    content: bytes
    lane: Lane
    published: float
    due: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class MemoryDelivery:
    """A message of a :class:`MemoryQueue` under lease."""

    envelope: Envelope
    lane: Lane
    attempt: int
    _number: int
    _queue: MemoryQueue

    async def ack(self) -> bool:
        """Always confirmed: there is no wire to fail."""
        self._queue.messages.pop(self._number, None)
        return True

    async def retry(self, after_s: float) -> None:
        """See the protocol."""
        self._set_due(after_s)

    async def extend(self) -> None:
        """See the protocol."""
        self._set_due(self._queue.lease_s)

    def _set_due(self, after_s: float) -> None:
        """Who lost the lease has no say any more; like JetStream, who knows only the message, we can't tell."""
        if message := self._queue.messages.get(self._number):
            message.due = self._queue.clock() + after_s
            self._queue.announce()


@dataclass(slots=True)
class MemoryQueue:
    """See above. ``reachable = False`` is a server that is down."""

    lease_s: float = 30.0
    clock: Callable[[], float] = time.monotonic
    max_messages: int = 1_000_000
    reachable: bool = True
    messages: dict[int, _Message] = field(default_factory=dict, init=False)
    _waiting: set[asyncio.Future[None]] = field(default_factory=set, init=False)
    _ids: dict[str, float] = field(default_factory=dict, init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, init=False)

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """See the protocol."""
        self._answer()
        now = self.clock()
        if now - self._ids.get(dedupe_id, -DUPLICATE_WINDOW_S) < DUPLICATE_WINDOW_S:
            return Published(duplicate=True)
        if len(self.messages) >= self.max_messages:
            raise QueueFull("memory", f"{self.max_messages} messages")
        self._ids[dedupe_id] = now
        self.messages[next(self._numbers)] = _Message(envelope.to_bytes(), lane, now, now)
        self.announce()
        return Published(duplicate=False)

    async def pull(self, lane: Lane, count: int, wait_s: float) -> list[Delivery]:
        """See the protocol."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not (leased := self._lease(lane, count)) and (left := deadline - loop.time()) > 0:
            await self._next_change(lane, left)
        return leased

    async def lanes(self) -> dict[Lane, int]:
        """See the protocol."""
        self._answer()
        return dict(Counter(message.lane for message in self.messages.values()))

    async def depth(self) -> dict[Modality, int]:
        """See the protocol."""
        return depth_of(await self.lanes())

    async def oldest_age_s(self) -> float | None:
        """See the protocol."""
        self._answer()
        published = [message.published for message in self.messages.values()]
        return self.clock() - min(published) if published else None

    async def close(self) -> None:
        """Nothing to do: the messages stay for whoever holds this queue."""

    def announce(self) -> None:
        """Wake the pulls that wait: a message may be there for them."""
        for change in self._waiting:
            if not change.done():
                change.set_result(None)

    def _lease(self, lane: Lane, count: int) -> list[Delivery]:
        self._answer()
        now = self.clock()
        ready = [item for item in self.messages.items() if item[1].lane == lane and item[1].due <= now]
        oldest = sorted(ready, key=lambda item: item[1].due)[:count]
        return [self._delivered(number, message, now) for number, message in oldest]

    def _delivered(self, number: int, message: _Message, now: float) -> Delivery:
        message.due, message.attempts = now + self.lease_s, message.attempts + 1
        return MemoryDelivery(Envelope.from_bytes(message.content), message.lane, message.attempts, number, self)

    async def _next_change(self, lane: Lane, left_s: float) -> None:
        """Until something is published or given back, a lease or a delay of this lane runs out, or the time is up."""
        due = [message.due - self.clock() for message in self.messages.values() if message.lane == lane]
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(change)
        await asyncio.wait([change], timeout=min([left_s, *due]))
        self._waiting.discard(change)

    def _answer(self) -> None:
        if not self.reachable:
            raise QueueUnreachable("memory", "no answer", "one", "set it reachable again")
