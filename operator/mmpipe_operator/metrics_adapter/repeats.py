"""Tells a sentence that was said a moment ago from a new one: an outage must not fill the log.

Every autoscaler asks again every 15 s, and each is told; the log needs to hear it once in a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 60.0
_MOST = 1_000


class Repeats:
    """What was said lately."""

    def __init__(self, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._said_at: dict[str, float] = {}

    def is_new(self, sentence: str) -> bool:
        """Whether it was not said within ``every_s``; it is said now."""
        now = self._clock()
        if now - self._said_at.get(sentence, float("-inf")) < self._every_s:
            return False
        self._forget(now)
        self._said_at[sentence] = now
        return True

    def _forget(self, now: float) -> None:
        """Of a thousand in a minute nobody can keep count: then all of them are new again."""
        if len(self._said_at) >= _MOST:
            recent = {sentence: at for sentence, at in self._said_at.items() if now - at < self._every_s}
            self._said_at = recent if len(recent) < _MOST else {}
