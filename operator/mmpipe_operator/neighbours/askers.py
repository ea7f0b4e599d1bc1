"""What is asked of each kind of neighbour, and what an answer or a fault says about it.

Milvus and SQL have synchronous clients: they are asked on threads, a few for each kind, so that one kind that hangs
leaves the other its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

from mmpipe.adapters.errors import StoreError, StoreMismatch, StoreRefused
from mmpipe.adapters.letter_count import LetterCount
from mmpipe.adapters.queue.watching import QueueWatch
from mmpipe.adapters.vectors import CollectionKeeper, Place
from mmpipe.spec.sink import without_secrets
from mmpipe.telemetry import metrics
from mmpipe_operator.neighbours.lean import import_pymilvus
from mmpipe_operator.neighbours.lines import Dealings, Lines, Pace
from mmpipe_operator.neighbours.questions import LettersDatabase, Missing, QueueServer
from mmpipe_operator.status import Probe
from mmpipe_operator.status.reports import ProbeState

TIMEOUT_S = 5.0
"""Of one question."""
SILENCE_S = 10.0
_QUESTIONS_AT_ONCE = 16
_THREADS = 4
_MAX_MESSAGE = 500
_SHORTEST_SECRET = 4

_log = logging.getLogger(__name__)


class Askers:
    """Belongs to one event loop."""

    def __init__(self, timeout_s: float = TIMEOUT_S, silence_s: float = SILENCE_S) -> None:
        self._timeout_s = timeout_s
        self._vector_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mmpipe-vectors")
        self._letter_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mmpipe-letters")
        # A client's own limits come first; three times as long allows for the connection, and once for an import.
        alone, several = (Pace(count, 3 * timeout_s, silence_s) for count in (1, _QUESTIONS_AT_ONCE))
        self._queues = Lines(Dealings(self._watch, QueueWatch.close), several)
        self._vectors = Lines(Dealings(self._keeper, _closed), alone)
        self._letters = Lines(Dealings(self._count, _closed), alone)

    async def backlog(self, server: QueueServer, namespace: str, pipeline: str) -> int:
        """Samples waiting and in flight; 0 where the pipeline has no queue yet. Raises StoreError."""

        async def ask(watch: QueueWatch) -> int:
            return sum((await watch.lanes(namespace, pipeline) or {}).values())

        return await self._queues.ask(server, ask)

    async def vectors[A](self, place: Place, ask: Callable[[CollectionKeeper], A]) -> A:
        """What ``ask`` brings about or finds out there. Raises StoreError."""
        return await self._vectors.ask(place, lambda keeper: _on(self._vector_threads, partial(ask, keeper)))

    async def letters(self, database: LettersDatabase, pipeline: str) -> int:
        """Dead letters of a pipeline. Raises StoreError."""
        return await self._letters.ask(
            database, lambda letters: _on(self._letter_threads, partial(letters.of, pipeline))
        )

    async def let_go(self, wanted: Container[object]) -> None:
        """Hang up on all that nobody wants to ask any more."""
        await asyncio.gather(self._queues.let_go(wanted), self._vectors.let_go(wanted), self._letters.let_go(wanted))

    async def close(self) -> None:
        """Hang up; a thread that is still connecting ends with its time."""
        await asyncio.gather(self._queues.close(), self._vectors.close(), self._letters.close())
        for threads in (self._vector_threads, self._letter_threads):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    async def _watch(self, server: QueueServer) -> QueueWatch:
        return QueueWatch(server.url, server.credentials, self._timeout_s)

    async def _keeper(self, place: Place) -> CollectionKeeper:
        return await _on(self._vector_threads, partial(_keeper, place, self._timeout_s))

    async def _count(self, database: LettersDatabase) -> LetterCount:
        return await _on(self._letter_threads, partial(LetterCount, database.uri, database.password, self._timeout_s))


async def probed[Q: (QueueServer, Place, LettersDatabase)](
    neighbour: str, whom: Q | Missing, ask: Callable[[Q], Awaitable[int | None]]
) -> tuple[Probe, int | None]:
    """What the answer says about a neighbour, and the number that was asked for; None without an answer."""
    figure: int | None = None
    if isinstance(whom, Missing):
        probe = _probe("Refused", whom.message)
    else:
        try:
            figure = await ask(whom)
            probe = _probe("Reachable")
        except StoreError as error:
            probe = _probe(_state(error), told(error, whom))
        except Exception as error:  # noqa: BLE001  # logged and shown: no bug, of a client either, ends the asking
            _log.exception("asking %s: found a fault that was not expected", neighbour)
            probe = _probe("Unreachable", f"{neighbour}: found {type(error).__name__}; see the operator's log")
    metrics.count("mmpipe.operator.probes", neighbour=neighbour, state=probe.state)
    return probe, figure


@lru_cache(256)
def _probe(state: ProbeState, message: str = "") -> Probe:
    """One for all pipelines that hear the same: thousands may have one server."""
    return Probe(state, message)


def told(error: Exception, whom: QueueServer | Place | LettersDatabase) -> str:
    """The message, without any credential that a client or server may have put there."""
    message = without_secrets(str(error))
    for secret in _secrets(whom):
        message = message.replace(secret, "***")
    return message[:_MAX_MESSAGE]


def _keeper(place: Place, timeout_s: float) -> CollectionKeeper:
    import_pymilvus()
    return CollectionKeeper(place, timeout_s)


def _secrets(whom: QueueServer | Place | LettersDatabase) -> list[str]:
    match whom:
        case QueueServer():
            value = whom.credentials
        case Place():
            value = whom.token
        case LettersDatabase():
            value = whom.password
    parts = (value, value.partition(":")[2])
    return [part for part in parts if len(part) >= _SHORTEST_SECRET]


def _state(error: StoreError) -> ProbeState:
    if isinstance(error, StoreMismatch):
        return "Mismatch"
    return "Refused" if isinstance(error, StoreRefused) else "Unreachable"


async def _on[A](threads: ThreadPoolExecutor, work: Callable[[], A]) -> A:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


async def _closed(client: CollectionKeeper | LetterCount) -> None:
    """On none of the threads above: they may all be waiting for what this ends."""
    await asyncio.to_thread(client.close)
