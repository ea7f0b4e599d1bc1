"""When neighbours are asked, and what they said last: a reconcile reads that and never waits.

Each pipeline has one task that asks its three neighbours, waits for an interval, and asks again. It tells only when the
report differs, with the backlog rounded as the status rounds it, so that a busy queue wakes nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.vectors import CollectionKeeper
from mmpipe.errors import MmpipeError
from mmpipe.spec import MultimodalPipeline
from mmpipe_operator.neighbours import questions
from mmpipe_operator.neighbours.askers import TIMEOUT_S, Askers, probed
from mmpipe_operator.neighbours.questions import SecretMissing, Secrets
from mmpipe_operator.status import Report
from mmpipe_operator.status.rounding import bucket

type Key = tuple[str, str]
_AT_ONCE = 32
"""Pipelines whose neighbours are asked at the same time."""


class NeighbourError(MmpipeError):
    """A neighbour did not do what the end of a pipeline needs; worth another try."""


@dataclass(slots=True)
class _Asked:
    """One pipeline: whom to ask, what was said last, and the task that asks."""

    pipeline: MultimodalPipeline
    secrets: Secrets = field(repr=False)
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
        self._askers = Askers(timeout_s, min(interval_s, 10.0))
        self._asked: dict[Key, _Asked] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    def report(self, pipeline: MultimodalPipeline, secrets: Secrets) -> Report:
        """The last report; Unknown at first, and anew when the pipeline asks other neighbours or with other secrets."""
        key = (pipeline.metadata.namespace, pipeline.metadata.name)
        asked = self._asked.get(key)
        if asked is None or (asked.pipeline.spec, asked.secrets) != (pipeline.spec, secrets):
            known = asked.report if asked else self._first(pipeline)
            self._stop(key)
            asked = self._asked[key] = _Asked(pipeline, secrets, known)
            asked.task = asyncio.create_task(self._ask_for_ever(key, asked), name=f"neighbours of {'/'.join(key)}")
        return asked.report

    def forget(self, namespace: str, name: str) -> None:
        """Ask no more for a pipeline that is gone."""
        self._stop((namespace, name))

    async def drop_vectors(self, pipeline: MultimodalPipeline, secrets: Secrets) -> None:
        """Drop the pipeline's collection and alias; well if there are none. Raises NeighbourError."""
        self.forget(pipeline.metadata.namespace, pipeline.metadata.name)
        collection = questions.collection(pipeline)
        try:
            await self._askers.vectors(questions.place(pipeline, secrets), lambda keeper: keeper.drop(collection))
        except (StoreError, SecretMissing) as error:
            raise NeighbourError(str(error)) from error

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = [asked.task for asked in self._asked.values() if asked.task]
        for key in tuple(self._asked):
            self._stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._askers.close()

    def _stop(self, key: Key) -> None:
        asked = self._asked.pop(key, None)
        if asked is not None and asked.task is not None:
            asked.task.cancel()

    async def _ask_for_ever(self, key: Key, asked: _Asked) -> None:
        while True:
            async with self._room:
                report = await self._ask(asked)
            differs = _rounded(report) != _rounded(asked.report)
            asked.report = report
            if differs:
                self._changed(*key)
            await asyncio.sleep(self._interval_s * random.uniform(0.8, 1.2))  # noqa: S311  # spreads load

    async def _ask(self, asked: _Asked) -> Report:
        queue, vectors, letters = await asyncio.gather(
            probed("queue", self._backlog(asked)),
            probed("vectors", self._dimension(asked)),
            probed("metadata", self._letters(asked)),
        )
        return replace(
            self._first(asked.pipeline),
            queue=queue[0],
            backlog=queue[1],
            vectors=vectors[0],
            dimension=vectors[1],
            dead_letters=letters[1],
        )

    async def _backlog(self, asked: _Asked) -> int:
        question = questions.queue_question(asked.pipeline, asked.secrets)
        metadata = asked.pipeline.metadata
        return await self._askers.queue(question, metadata.namespace, metadata.name)

    async def _dimension(self, asked: _Asked) -> int | None:
        """Have the collection as it should be, where the dimension is known; its dimension, where it is there."""
        collection = questions.collection(asked.pipeline)

        def keep(keeper: CollectionKeeper) -> int | None:
            if collection.dimension:
                keeper.keep(collection)
            return keeper.dimension(collection)

        return await self._askers.vectors(questions.place(asked.pipeline, asked.secrets), keep)

    async def _letters(self, asked: _Asked) -> int:
        question = questions.letters_question(asked.pipeline, asked.secrets)
        return await self._askers.letters(question, asked.pipeline.metadata.name)

    @staticmethod
    def _first(pipeline: MultimodalPipeline) -> Report:
        """What is known without asking."""
        collection = questions.collection(pipeline)
        model = questions.known_model(pipeline)
        return Report(collection=collection.name, alias=collection.searched_as, model=model)


def _rounded(report: Report) -> tuple[Report, str, str]:
    """What of a report makes a difference to a status."""
    plain = replace(report, backlog=None, dead_letters=None)
    return plain, _bucket(report.backlog), _bucket(report.dead_letters)


def _bucket(count: int | None) -> str:
    return "" if count is None else bucket(count)
