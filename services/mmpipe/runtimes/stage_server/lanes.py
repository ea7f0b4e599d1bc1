"""Who goes next: the pure half of batching, without threads and without a clock.

Items wait in two lanes, queries and samples, each in its order of arrival. A batch takes items of one lane and of one
kind of work, so that what a person waits for never waits for what shares its batch.

Laws
----
* A query goes before a sample, unless the sample has waited ``ageing_s`` longer: then the sample goes first.
* Such a sample never goes first twice in a row while a query waits: neither lane starves, whatever the other one gets.
* A batch may be taken when it is full, or when its first item is due. It holds at most ``batch_bytes``, or one item.
* In each lane at most ``queued_items`` and ``queued_bytes`` wait, so a backlog of samples turns no query away. A call
  that is larger than a whole lane is let into an empty one, or it could never be answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may hold, what may wait, and when a sample goes before a query."""

    batch_items: int
    batch_bytes: int
    queued_items: int
    queued_bytes: int
    ageing_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Waiting[C]:
    """One item of a call in the queue: ``place`` is its position in the call, times are of the caller's clock.

    Until ``due_s`` it may be held for others to join its batch, which has ``most_items`` at most.
    """

    call: C
    place: int
    work: Hashable
    size_bytes: int
    query: bool
    arrived_s: float
    due_s: float
    most_items: int


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is of something: items and their bytes."""

    items: int = 0
    size_bytes: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(self.items + other.items, self.size_bytes + other.size_bytes)

    def __sub__(self, other: Load) -> Load:
        return Load(self.items - other.items, self.size_bytes - other.size_bytes)


class Lanes[C]:
    """The waiting items; ``loads`` is what waits in each lane, by whether it is that of the queries.

    Whoever shares it between threads holds a lock around every method.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.loads = {True: Load(), False: Load()}
        self._queues: dict[tuple[bool, Hashable], deque[Waiting[C]]] = {}
        self._aged_went_first = False

    def has_room(self, wanted: Load, reserved: Load, *, query: bool) -> bool:
        """Whether a call of that load may wait in its lane, beside what waits there and what is ``reserved``."""
        before = self.loads[query] + reserved
        after = before + wanted
        fits = after.items <= self.limits.queued_items and after.size_bytes <= self.limits.queued_bytes
        return fits or before.items == 0

    def push(self, items: Sequence[Waiting[C]]) -> None:
        """Queue these behind all that came before them."""
        for item in items:
            self._queues.setdefault((item.query, item.work), deque()).append(item)
            self.loads[item.query] += _load([item])

    def take(self, now_s: float) -> list[Waiting[C]]:
        """The next batch, of at most ``batch_items``; empty where none may be taken yet."""
        first = self._first()
        if first is None:
            return []
        queue = self._queues[first.query, first.work]
        count, full = self._fitting(queue)
        if not full and first.due_s > now_s:
            return []
        self._aged_went_first = not first.query and self._oldest(query=True) is not None
        return self._taken(queue, count, (first.query, first.work))

    def due_s(self) -> float | None:
        """When the next batch may be taken at the latest; None where nothing waits."""
        first = self._first()
        return None if first is None else first.due_s

    def drop(self, call: C) -> None:
        """Forget the items of a call that nobody waits for any longer."""
        for key, queue in list(self._queues.items()):
            kept = deque(item for item in queue if item.call is not call)
            self.loads[key[0]] -= _load([item for item in queue if item.call is call])
            self._keep(key, kept)

    def _first(self) -> Waiting[C] | None:
        query, sample = self._oldest(query=True), self._oldest(query=False)
        if query is None or sample is None:
            return query or sample
        aged = sample.arrived_s + self.limits.ageing_s <= query.arrived_s
        return sample if aged and not self._aged_went_first else query

    def _oldest(self, *, query: bool) -> Waiting[C] | None:
        heads = (queue[0] for (lane, _), queue in self._queues.items() if lane == query)
        return min(heads, key=lambda item: item.arrived_s, default=None)

    def _fitting(self, queue: deque[Waiting[C]]) -> tuple[int, bool]:
        """How many items from the front make a batch, and whether no more would fit."""
        most, size_bytes = min(self.limits.batch_items, queue[0].most_items), 0
        for count, item in enumerate(queue):
            size_bytes += item.size_bytes
            if count == most or (count and size_bytes > self.limits.batch_bytes):
                return count, True
        return len(queue), len(queue) == most or size_bytes >= self.limits.batch_bytes

    def _taken(self, queue: deque[Waiting[C]], count: int, key: tuple[bool, Hashable]) -> list[Waiting[C]]:
        batch = [queue.popleft() for _ in range(count)]
        self.loads[key[0]] -= _load(batch)
        self._keep(key, queue)
        return batch

    def _keep(self, key: tuple[bool, Hashable], queue: deque[Waiting[C]]) -> None:
        if queue:
            self._queues[key] = queue
        else:
            self._queues.pop(key, None)


def _load[C](items: Sequence[Waiting[C]]) -> Load:
    return Load(len(items), sum(item.size_bytes for item in items))
