"""Questions to neighbours, each bounded in time; connections are shared by all pipelines with the same address.

Milvus and SQL have synchronous clients: they are asked on threads, a few at a time. A neighbour that did not answer is
not asked again for a while, for whichever pipeline: a thousand pipelines of one dead server cost one wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from mmpipe.adapters.errors import StoreError, StoreMismatch, StoreRefused, StoreUnreachable
from mmpipe.adapters.metadata.counting import LetterCount
from mmpipe.adapters.queue.watching import QueueWatch
from mmpipe.adapters.vectors import CollectionKeeper, Place
from mmpipe.telemetry import metrics
from mmpipe_operator.neighbours.questions import LettersQuestion, QueueQuestion, SecretMissing
from mmpipe_operator.status import Probe

TIMEOUT_S = 5.0
THREADS = 4
_SILENCE_S = 10.0
"""How long a neighbour that did not answer is left alone."""

_log = logging.getLogger(__name__)


class Askers:
    """Belongs to one event loop."""

    def __init__(self, timeout_s: float = TIMEOUT_S, silence_s: float = _SILENCE_S) -> None:
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mmpipe-neighbours")
        self._open: dict[Any, Any] = {}
        self._locks: dict[Any, asyncio.Lock] = {}
        self._silent: dict[Any, tuple[float, StoreError]] = {}

    async def queue(self, question: QueueQuestion, namespace: str, pipeline: str) -> int:
        """The backlog; 0 where the pipeline has no queue yet. Raises StoreError."""

        async def ask() -> int:
            watch: QueueWatch = await self._opened(question, self._watch_of(question))
            return sum((await watch.lanes(namespace, pipeline) or {}).values())

        return await self._unless_silent(question, ask)

    async def vectors[A](self, place: Place, ask: Callable[[CollectionKeeper], A]) -> A:
        """What ``ask`` finds out about the collections there. Raises StoreError."""

        async def once() -> A:
            keeper = await self._opened(place, partial(self._in_thread, partial(CollectionKeeper, place, TIMEOUT_S)))
            return await self._in_thread(partial(ask, keeper))

        return await self._unless_silent(place, once)

    async def letters(self, question: LettersQuestion, pipeline: str) -> int:
        """Dead letters of a pipeline. Raises StoreError."""

        async def ask() -> int:
            make = partial(LetterCount, question.uri, question.password)
            letters: LetterCount = await self._opened(question, partial(self._in_thread, make))
            return await self._in_thread(partial(letters.of, pipeline))

        return await self._unless_silent(question, ask)

    async def close(self) -> None:
        """Let go of every connection. A thread that waits for an answer ends with its time."""
        for client in self._open.values():
            try:
                closing = client.close()
                if closing is not None:
                    await closing
            except StoreError as error:
                _log.info("%s while closing", error)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _watch_of(self, question: QueueQuestion) -> Callable[[], Awaitable[QueueWatch]]:
        async def make() -> QueueWatch:  # awaited as the others are
            return QueueWatch(question.url, question.credentials, self._timeout_s)

        return make

    async def _opened(self, key: object, make: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  # one of three clients
        """The client of this address, made once."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._open:
                self._open[key] = await make()
            return self._open[key]

    async def _in_thread[A](self, work: Callable[[], A]) -> A:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _unless_silent[A](self, key: object, ask: Callable[[], Awaitable[A]]) -> A:
        since, fault = self._silent.get(key, (float("-inf"), None))
        if fault is not None and time.monotonic() - since < self._silence_s:
            raise fault
        try:
            answer = await ask()
        except StoreUnreachable as error:
            self._silent[key] = time.monotonic(), error
            raise
        self._silent.pop(key, None)
        return answer


async def probed[A](neighbour: str, ask: Awaitable[A]) -> tuple[Probe, A | None]:
    """An answer with what it says about the neighbour; None where there is none."""
    try:
        answer = await ask
    except (StoreError, SecretMissing) as error:
        probe = Probe(_state(error), str(error))
        found = None
    else:
        probe, found = Probe("Reachable"), answer
    metrics.count("mmpipe.operator.probes", neighbour=neighbour, state=probe.state)
    return probe, found


def _state(error: Exception) -> Any:  # noqa: ANN401  # one of the states of a Probe
    if isinstance(error, StoreMismatch):
        return "Mismatch"
    if isinstance(error, StoreRefused | SecretMissing):
        return "Refused"
    return "Unreachable"
