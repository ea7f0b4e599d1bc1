"""Metrics tell of the queue and the breakers, and of nothing that did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from tests.unit.runtimes.gateway.conftest import a_text

from mmpipe.adapters.queue import Queue
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.adapters.queue.memory import MemoryQueue
from mmpipe.resilience.breaker import Breakers
from mmpipe.runtimes.gateway.observing import Observed, observing
from mmpipe.runtimes.gateway.queueing import LateQueue
from mmpipe.spec.delivery import Breaker as Options
from mmpipe.telemetry.testing import Emitted, capture


def scraped[T](queue: MemoryQueue, breakers: Breakers, look: Callable[[Emitted], T]) -> T:
    """What a scrape, in a thread of its own, finds."""

    async def opening() -> Queue:
        return queue

    async def scenario() -> T:
        envelope = Envelope(a_text("a red bell", "bell"), datetime(2026, 1, 1, tzinfo=UTC))
        await queue.publish(envelope, "text-image", "bell")
        queue.reachable = not breakers.states()
        with capture() as emitted, observing(Observed(LateQueue(opening), (breakers,))):
            return await asyncio.to_thread(look, emitted)

    return asyncio.run(scenario())


def test_the_depth_of_each_modality_and_the_age_of_the_oldest_sample_are_told() -> None:
    def look(emitted: Emitted) -> list[float]:
        modalities = ("text", "image", "audio")
        return [emitted.total("mmpipe.queue.depth", {"modality": modality}) for modality in modalities]

    assert scraped(MemoryQueue(), Breakers(Options()), look) == [1, 1, 0]
    assert "mmpipe.queue.age" in scraped(MemoryQueue(), Breakers(Options()), lambda emitted: emitted.metrics())


def test_a_queue_that_does_not_answer_is_absent_and_an_open_breaker_is_told() -> None:
    breakers = Breakers(Options(window_calls=1))
    breakers.of("queue").enter().failed()

    def look(emitted: Emitted) -> tuple[set[str], float]:
        return set(emitted.metrics()), emitted.total("mmpipe.breaker.state", {"dependency": "queue"})

    assert scraped(MemoryQueue(), breakers, look) == ({"mmpipe.breaker.state"}, 2.0)
