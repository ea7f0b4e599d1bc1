"""How many retries a process allows itself, so that a dependency in trouble does not get a multiple of its load.

As in Finagle's RetryBudget: every call pays in a share of a retry, and a trickle comes in with time, for processes that
call seldom. While most calls succeed nobody notices; when all fail, retries end at ``ratio`` of the calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

TRICKLE_SAVED_S = 10.0
"""A new budget holds the trickle of this long, so that the very first call may be tried again."""


class Budget:
    """A bucket of tokens; a retry takes one. May be shared by threads and coroutines.

    ``ratio`` is paid in by each call and ``min_per_second`` by time, up to ``capacity``: the most retries at once after
    a long quiet.
    """

    def __init__(
        self,
        ratio: float = 0.2,
        min_per_second: float = 1.0,
        capacity: float = 100.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ratio = ratio
        self._min_per_second = min_per_second
        self._capacity = capacity
        self._clock = clock
        self._lock = Lock()
        self._tokens = min(capacity, min_per_second * TRICKLE_SAVED_S)
        self._filled_at = clock()

    def called(self) -> None:
        """A first attempt is made: pay in."""
        with self._lock:
            self._fill(self._ratio)

    def spend(self) -> bool:
        """Whether one retry is allowed; it is taken then."""
        with self._lock:
            self._fill(0.0)
            allowed = self._tokens >= 1
            self._tokens -= allowed
            return allowed

    def _fill(self, deposit: float) -> None:
        now = self._clock()
        trickle = (now - self._filled_at) * self._min_per_second
        self._filled_at = now
        self._tokens = min(self._capacity, self._tokens + trickle + deposit)
