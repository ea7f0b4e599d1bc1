"""When neighbours are asked, and what they said last: a reconcile reads that and never waits.

Each pipeline has its three neighbours asked at an interval, a few dozen pipelines at a time; a task for each would take
more memory than all else that is held of a pipeline. Who waits is told only when the report differs, with numbers
rounded as the status rounds them, so that a busy queue wakes nobody.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from functools import partial

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.vectors import CollectionKeeper, Place
from mmpipe.errors import MmpipeError
from mmpipe.spec import MultimodalPipeline
from mmpipe.telemetry import about
from mmpipe_operator.neighbours.askers import SILENCE_S, TIMEOUT_S, Askers, probed, told
from mmpipe_operator.neighbours.memory import UNASKED, Memory, remember
from mmpipe_operator.neighbours.questions import Missing, Questions, Secrets, questions
from mmpipe_operator.status import Probe, Report
from mmpipe_operator.status.rounding import bucket
from mmpipe_operator.watching.workqueue import WorkQueue

type Key = tuple[str, str]
"""Namespace and name."""
AT_ONCE = 32
"""Pipelines whose neighbours are asked at the same time."""
_MISSES = 2
"""Intervals for which a neighbour that has answered before may be silent without being called away."""


class NeighbourError(MmpipeError):
    """A neighbour did not do what the end of a pipeline needs; worth another try."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a pipeline's neighbours; ``letters`` matters for its number alone."""

    queue: Memory = UNASKED
    vectors: Memory = UNASKED
    letters: Memory = UNASKED


@dataclass(slots=True)
class _Asked:
    """One pipeline: what it asks, what is known, and the task that asks just now."""

    questions: Questions
    known: _Known
    report: Report
    task: asyncio.Task[None] | None = None


class Neighbours:
    """See above. Belongs to one event loop."""

    def __init__(
        self, changed: Callable[[str, str], None], interval_s: float = 30.0, timeout_s: float = TIMEOUT_S
    ) -> None:
        """``changed`` is called with namespace and name when a report differs from the one before."""
        self._changed = changed
        self._interval_s = interval_s
        self._askers = Askers(timeout_s, min(interval_s, SILENCE_S))
        self._asked: dict[Key, _Asked] = {}
        self._turns: WorkQueue[Key] = WorkQueue()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._rounds: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._parting: dict[Key, Place] = {}
        self._wanted: Counter[object] = Counter()
        """Whom somebody asks, and how many do: thousands of pipelines may share one neighbour."""

    def report(self, pipeline: MultimodalPipeline, secrets: Secrets) -> Report:
        """The last report. Unknown is a neighbour that was not asked yet, at this address and with these secrets."""
        wanted = questions(pipeline, secrets)
        key = (wanted.namespace, wanted.name)
        asked = self._asked.get(key)
        if asked is None or asked.questions != wanted:
            known = _still_known(asked, wanted)
            self._stop(key)
            asked = self._asked[key] = _Asked(wanted, known, _report(wanted, known))
            self._wanted.update(wanted.whom)
            self._turns.add(key)
            self._rounds = self._rounds or self._begin(self._give_turns())
        return asked.report

    def heard(self, namespace: str, name: str) -> Report | None:
        """The last report about what is asked already; None where nothing is."""
        asked = self._asked.get((namespace, name))
        return asked.report if asked else None

    def forget(self, namespace: str, name: str) -> None:
        """Ask no more for a pipeline that is gone."""
        self._parting.pop((namespace, name), None)
        self._stop((namespace, name))

    async def drop_vectors(self, pipeline: MultimodalPipeline, secrets: Secrets) -> None:
        """Drop the pipeline's collection and aliases; well if there are none. Raises NeighbourError.

        Nothing is dropped that is not this pipeline's, or that another pipeline uses as well. A token that went before
        the pipeline, as all does with a namespace, is the one that was last asked with.
        """
        wanted = questions(pipeline, secrets)
        place, collection = self._part((wanted.namespace, wanted.name), wanted.place), wanted.collection
        if isinstance(place, Missing):
            raise NeighbourError(place.message)
        if place.lite:
            return  # it was in the pods
        for namespace, name in self._users(place.uri, place.database, collection.name):
            found = f"collection {collection.name}: found it used by the pipeline {namespace}/{name} too"
            raise NeighbourError(
                f"{found}, expected by none but {wanted.namespace}/{wanted.name}; delete that one first"
            )
        try:
            await self._askers.vectors(place, lambda keeper: keeper.drop(collection))
        except StoreError as error:
            raise NeighbourError(told(error, place)) from error
        finally:
            await self._hang_up()

    async def close(self) -> None:
        """Ask nobody any more."""
        for task in (self._rounds, *(asked.task for asked in self._asked.values())):
            if task:
                task.cancel()
        self._asked.clear()
        self._wanted.clear()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self._askers.close()

    def _part(self, key: Key, place: Place | Missing) -> Place | Missing:
        """Ask no more for a pipeline that is going; where its vectors are."""
        asked = self._asked.get(key)
        if asked is not None and not isinstance(asked.questions.place, Missing):
            self._parting[key] = asked.questions.place
        self._stop(key)
        return self._parting.get(key, place) if isinstance(place, Missing) else place

    def _users(self, uri: str, database: str, collection: str) -> Iterator[Key]:
        for key, asked in self._asked.items():
            place = asked.questions.place
            where = (place.uri, place.database) if not isinstance(place, Missing) else None
            if where == (uri, database) and asked.questions.collection.name == collection:
                yield key

    def _stop(self, key: Key) -> None:
        asked = self._asked.pop(key, None)
        if asked is None:
            return
        for whom in asked.questions.whom:
            self._wanted[whom] -= 1
            if not self._wanted[whom]:
                del self._wanted[whom]
        if asked.task is not None:
            asked.task.cancel()
        self._begin(self._hang_up(asked.task))

    async def _hang_up(self, ending: asyncio.Task[None] | None = None) -> None:
        """On all whom nobody asks any more, once who is ending has ended."""
        if ending:
            await asyncio.wait({ending})
        await self._askers.let_go(self._wanted)

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    async def _give_turns(self) -> None:
        while True:
            await self._room.acquire()
            key = await self._turns.get()
            turn = self._begin(self._turn(key))
            turn.add_done_callback(partial(self._turn_over, key))
            if key in self._asked:
                self._asked[key].task = turn

    def _turn_over(self, key: Key, turn: asyncio.Task[None]) -> None:
        self._room.release()
        self._turns.done(key)
        asked = self._asked.get(key)
        if asked is not None:
            asked.task = None if asked.task is turn else asked.task
            self._turns.add(key, self._interval_s * random.uniform(0.8, 1.2))  # noqa: S311  # spreads load

    async def _turn(self, key: Key) -> None:
        """Ask for one pipeline, and tell if the report differs."""
        asked = self._asked.get(key)
        if asked is None:
            return
        with about(pipeline="/".join(key)):
            asked.known = await self._ask(asked.questions, asked.known)
        report = _report(asked.questions, asked.known)
        differs = _rounded(report) != _rounded(asked.report)
        asked.report = report
        if differs:
            self._changed(*key)

    async def _ask(self, wanted: Questions, known: _Known) -> _Known:
        namespace, name, collection = wanted.namespace, wanted.name, wanted.collection

        def keep(keeper: CollectionKeeper) -> int | None:
            return keeper.keep(collection)

        queue, vectors, letters = await asyncio.gather(
            probed("queue", wanted.queue, lambda server: self._askers.backlog(server, namespace, name)),
            probed("vectors", wanted.place, lambda place: self._askers.vectors(place, keep)),
            probed("metadata", wanted.letters, lambda database: self._askers.letters(database, name)),
        )
        return _Known(
            self._remembered(known.queue, *queue),
            self._remembered(known.vectors, *vectors),
            self._remembered(known.letters, *letters),
        )

    def _remembered(self, before: Memory, probe: Probe, figure: int | None) -> Memory:
        return remember(before, probe, figure, time.monotonic(), _MISSES * self._interval_s)


def _still_known(asked: _Asked | None, wanted: Questions) -> _Known:
    """What of the answers is about the same questions."""
    if asked is None:
        return _Known()
    before, known = asked.questions, asked.known
    same_vectors = (before.place, before.collection) == (wanted.place, wanted.collection)
    return _Known(
        known.queue if before.queue == wanted.queue else UNASKED,
        known.vectors if same_vectors else UNASKED,
        known.letters if before.letters == wanted.letters else UNASKED,
    )


def _report(wanted: Questions, known: _Known) -> Report:
    return Report(
        queue=known.queue.probe,
        backlog=known.queue.figure,
        vectors=known.vectors.probe,
        dimension=known.vectors.figure,
        dead_letters=known.letters.figure,
        collection=wanted.collection.name,
        alias=wanted.collection.searched_as,
        model=wanted.model,
    )


def _rounded(report: Report) -> tuple[Report, str, str]:
    """What of a report makes a difference to a status."""
    plain = replace(report, backlog=None, dead_letters=None)
    return plain, _bucket(report.backlog), _bucket(report.dead_letters)


def _bucket(count: int | None) -> str:
    return "" if count is None else bucket(count)
