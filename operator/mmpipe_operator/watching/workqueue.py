"""The keyed queue between events and reconciles.

Laws:

* A key is in the queue once, however often it is added; the earliest time wins.
* Keys that are due are given out in the order of their times, patient ones after all others: nobody waits for them.
* A key that is being worked on is not given out again; what was added meanwhile is given out when it is done.
* A key that failed comes again after a pause that doubles, with full jitter, up to a bound; success forgets that.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 60.0
_DOUBLINGS = 16
"""More would only make large numbers."""


class _Turn(NamedTuple):
    """When a key is given out."""

    due: float
    patient: bool

    def or_earlier(self, other: _Turn) -> _Turn:
        return _Turn(min(self.due, other.due), self.patient and other.patient)


class WorkQueue[K]:
    """Belongs to one event loop. ``clock`` is in seconds and must be the loop's own, or one that tests move."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._waiting: dict[K, _Turn] = {}
        self._again: dict[K, _Turn] = {}
        """Those of keys that are being worked on."""
        self._heaps: dict[bool, list[tuple[float, int, K]]] = {False: [], True: []}
        """By patience; what has another turn by now is passed over."""
        self._order = count()
        self._busy: set[K] = set()
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Keys that are due and wait for a worker."""
        now = self._clock()
        return sum(turn.due <= now for turn in self._waiting.values())

    def oldest_age_s(self) -> float:
        """For how long the key that waits longest has been due; 0 where none is."""
        return max(0.0, self._clock() - min((turn.due for turn in self._waiting.values()), default=float("inf")))

    def add(self, key: K, after_s: float = 0.0, *, patient: bool = False) -> None:
        """Give the key out once, in ``after_s`` seconds or earlier; after all that are not ``patient``."""
        self._put(key, _Turn(self._clock() + after_s, patient))

    async def get(self) -> K:
        """The next key that is due; it is the caller's until ``done``, ``failed`` or ``forget``."""
        while True:
            self._changed.clear()
            key = self._take()
            if key is not None:
                return key
            try:
                await asyncio.wait_for(self._changed.wait(), self._next_s())
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """It went well."""
        self._failures.pop(key, None)
        self._let_go(key)

    def failed(self, key: K, at_least_s: float = 0.0) -> float:
        """It did not: it comes again after a pause, which is returned, or after what somebody has asked for."""
        failures = self._failures[key] = min(self._failures.get(key, 0) + 1, _DOUBLINGS)
        pause = at_least_s + random.uniform(0, min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S))  # noqa: S311  # spreads load
        self._let_go(key)
        self.add(key, pause)
        return pause

    def _put(self, key: K, turn: _Turn) -> None:
        waiting = self._again if key in self._busy else self._waiting
        known = waiting.get(key)
        if known is not None:
            turn = turn.or_earlier(known)
        if turn == known:
            return
        waiting[key] = turn
        if waiting is self._waiting:
            heapq.heappush(self._heaps[turn.patient], (turn.due, next(self._order), key))
            self._changed.set()

    def _take(self) -> K | None:
        """The first key that is due, from now on the caller's; None where none is."""
        for patient, heap in self._heaps.items():
            while heap and self._waiting.get(heap[0][2]) != (heap[0][0], patient):
                heapq.heappop(heap)  # another turn has taken its place
            if heap and heap[0][0] <= self._clock():
                return self._given(heap)
        return None

    def _given(self, heap: list[tuple[float, int, K]]) -> K:
        _, _, key = heapq.heappop(heap)
        del self._waiting[key]
        self._busy.add(key)
        if self._waiting:
            self._changed.set()
        return key

    def _next_s(self) -> float | None:
        """Seconds until the next key is due; None where there is none. After ``_take``."""
        dues = [heap[0][0] for heap in self._heaps.values() if heap]
        return min(dues) - self._clock() if dues else None

    def _let_go(self, key: K) -> None:
        self._busy.discard(key)
        if (turn := self._again.pop(key, None)) is not None:
            self._put(key, turn)
