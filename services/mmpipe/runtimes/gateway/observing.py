"""What a gateway says about its neighbours: how much is in the queue, and which breakers are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from mmpipe import telemetry
from mmpipe.adapters.errors import StoreError
from mmpipe.resilience.breaker import Breakers, State
from mmpipe.runtimes.gateway.queueing import LateQueue
from mmpipe.telemetry.state import Reading

_STATES = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}
"""As the catalogue has them."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is observed: ``breakers`` are those of the stores and the queue, and those of the stage services."""

    queue: LateQueue
    breakers: tuple[Breakers, ...]


@contextmanager
def observing(observed: Observed) -> Iterator[None]:
    """Within, metrics tell of it. What does not answer is absent from them."""
    queue = observed.queue

    async def depth() -> Iterable[Reading]:
        with suppress(StoreError):
            return [(count, {"modality": str(modality)}) for modality, count in (await queue.depth()).items()]
        return ()

    async def age() -> Iterable[Reading]:
        with suppress(StoreError):
            age_s = await queue.oldest_age_s()
            return () if age_s is None else ((age_s, {}),)
        return ()

    with ExitStack() as stack:
        stack.callback(telemetry.observe("mmpipe.queue.depth", depth))
        stack.callback(telemetry.observe("mmpipe.queue.age", age))
        stack.callback(telemetry.observe("mmpipe.breaker.state", lambda: _states(observed.breakers)))
        yield


def _states(groups: Iterable[Breakers]) -> list[Reading]:
    return [(_STATES[state], {"dependency": name}) for breakers in groups for name, state in breakers.states().items()]
