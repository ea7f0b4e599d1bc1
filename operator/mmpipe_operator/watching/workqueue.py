"""The keyed queue between events and reconciles.

Laws:

* A key is in the queue once, however often it is added; the earliest time wins.
* A key that is being worked on is not given out again; what was added meanwhile is given out when it is done.
* A key that failed comes again after a pause that doubles, with full jitter, up to a bound; success forgets that.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from itertools import count

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 60.0
_DOUBLINGS = 16
"""More would only make large numbers."""


class WorkQueue[K]:
    """Belongs to one event loop. ``clock`` is in seconds and must be the loop's own, or one that tests move."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = count()
        self._busy: set[K] = set()
        self._again: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Keys that are due and wait for a worker."""
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def oldest_age_s(self) -> float:
        """For how long the key that waits longest has been due; 0 where none is."""
        return max(0.0, self._clock() - min(self._due.values(), default=float("inf")))

    def add(self, key: K, after_s: float = 0.0) -> None:
        """Give the key out once, in ``after_s`` seconds or earlier."""
        due = self._clock() + after_s
        waiting = self._again if key in self._busy else self._due
        if due >= waiting.get(key, float("inf")):
            return
        waiting[key] = due
        if waiting is self._due:
            heapq.heappush(self._heap, (due, next(self._order), key))
            self._changed.set()

    async def get(self) -> K:
        """The next key that is due; it is the caller's until ``done``, ``failed`` or ``forget``."""
        while True:
            self._changed.clear()
            pause = self._next_s()
            if pause is not None and pause <= 0:
                return self._take()
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
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

    def _next_s(self) -> float | None:
        """Seconds until the next key is due; None where there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # an earlier time has taken its place
        return self._heap[0][0] - self._clock() if self._heap else None

    def _take(self) -> K:
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._busy.add(key)
        if self._heap:
            self._changed.set()
        return key

    def _let_go(self, key: K) -> None:
        self._busy.discard(key)
        if (due := self._again.pop(key, None)) is not None:
            self.add(key, due - self._clock())
