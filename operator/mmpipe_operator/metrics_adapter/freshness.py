"""Answers that are shared: by all who ask while one is on its way, and by who asks within a moment after.

A pipeline's autoscalers ask for much the same within a second, and two questions of one answer cost the queue and the
pods no more than one. Only answers are kept; what failed is asked anew by the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Held[A]:
    answer: asyncio.Task[A]
    asked_at: float


class Fresh[K, A]:
    """Answers by key, each good for ``fresh_s`` from when it was asked for. Belongs to one event loop."""

    def __init__(self, fresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._held: dict[K, _Held[A]] = {}
        self._tidied_at = clock()

    async def of(self, key: K, ask: Callable[[], Coroutine[object, object, A]]) -> A:
        """The answer for a key. Raises what ``ask`` does."""
        held = self._held.get(key)
        if held is None or not self._good(held):
            self._tidy()
            held = self._held[key] = _Held(asyncio.create_task(ask()), self._clock())
            held.answer.add_done_callback(_noticed)
        return await asyncio.shield(held.answer)  # who gives up must not take it from the others

    async def close(self) -> None:
        """Wait for nobody's answer any more."""
        answers = [held.answer for held in self._held.values()]
        self._held.clear()
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)

    def _good(self, held: _Held[A]) -> bool:
        answer = held.answer
        if not answer.done():
            return True
        whole = not answer.cancelled() and answer.exception() is None
        return whole and self._clock() - held.asked_at < self._fresh_s

    def _tidy(self) -> None:
        """Let go of old answers, now and then: whose pipeline is gone is never asked for again."""
        if self._clock() - self._tidied_at >= 10 * self._fresh_s:
            self._tidied_at = self._clock()
            self._held = {key: held for key, held in self._held.items() if self._good(held)}


def _noticed(answer: asyncio.Task[object]) -> None:
    """A failure that nobody waits for any more is no news to anybody."""
    if not answer.cancelled():
        answer.exception()
