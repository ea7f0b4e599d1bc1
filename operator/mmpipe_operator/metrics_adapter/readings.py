"""The number that answers a question: from the queue's stream, or from the pods, and never from a guess (ADR 27).

Whatever can't be read is an error, so that an autoscaler stands still: a 0 would take the pods away from work that
waits behind a server that is down for a minute.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal, Protocol

from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline
from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.metrics_adapter.freshness import Fresh
from mmpipe_operator.metrics_adapter.pipelines import Known, Pipelines
from mmpipe_operator.metrics_adapter.problems import Unknown, Unreadable
from mmpipe_operator.metrics_adapter.request import MODALITY, PROCESS, Question
from mmpipe_operator.metrics_adapter.values import Reading
from mmpipe_operator.neighbours import NeighbourError
from mmpipe_operator.neighbours.questions import Secrets
from mmpipe_operator.neighbours.queue_depths import Depth
from mmpipe_operator.plan.model import WORKER

type Now = Callable[[], datetime]


class Queues(Protocol):
    """As ``neighbours.queue_depths.QueueDepths`` does."""

    async def of(self, pipeline: MultimodalPipeline, secrets: Secrets) -> Depth:
        """What waits in the queue of a pipeline. Raises NeighbourError."""
        ...


class Pods(Protocol):
    """As ``pods.PodDepths`` does."""

    async def of(self, namespace: str, pipeline: str, process: str) -> int:
        """What waits in the pods of a process. Raises Unreadable."""
        ...


class Readings:
    """Each reading is shared by all who ask within ``fresh_s``. Belongs to one event loop."""

    def __init__(
        self, pipelines: Pipelines, queues: Queues, pods: Pods, fresh_s: float, now: Now = lambda: datetime.now(UTC)
    ) -> None:
        self._pipelines = pipelines
        self._queues = queues
        self._pods = pods
        self._now = now
        self._depths: Fresh[tuple[str, str], tuple[Depth, datetime]] = Fresh(fresh_s)
        self._calls: Fresh[tuple[str, str, str], tuple[int, datetime]] = Fresh(fresh_s)

    async def answer(self, asked: Question) -> Reading:
        """What is so now. Raises ApiProblem."""
        known = await self._pipelines.get(asked.namespace, asked.pipeline)
        if asked.metric == names.QUEUE_DEPTH:
            return await self._queue_depth(asked, known)
        return await self._service_depth(asked, known)

    async def close(self) -> None:
        """Wait for no reading any more."""
        await self._depths.close()
        await self._calls.close()

    async def _queue_depth(self, asked: Question, known: Known) -> Reading:
        modality = asked.labels.get(MODALITY)
        if modality is not None and modality not in known.modalities:
            raise _unknown(asked, "modality", modality, known.modalities)
        depth, at = await self._depths.of((asked.namespace, asked.pipeline), lambda: self._of_queue(known))
        return Reading(depth.total if modality is None else depth.parts[Modality(modality)], at)

    async def _service_depth(self, asked: Question, known: Known) -> Reading:
        process = asked.labels[PROCESS]
        if process not in known.processes - {WORKER}:  # nothing calls a worker: it goes by the queue
            raise _unknown(asked, "process", process, known.processes - {WORKER})
        key = (asked.namespace, asked.pipeline, process)
        value, at = await self._calls.of(key, lambda: self._of_pods(*key))
        return Reading(value, at)

    async def _of_queue(self, known: Known) -> tuple[Depth, datetime]:
        at = self._now()
        try:
            return await _measured("stream", self._queues.of(known.pipeline, known.secrets)), at
        except NeighbourError as error:
            raise Unreadable(str(error)) from error

    async def _of_pods(self, namespace: str, pipeline: str, process: str) -> tuple[int, datetime]:
        at = self._now()
        return await _measured("pods", self._pods.of(namespace, pipeline, process)), at


async def _measured[A](source: Literal["stream", "pods"], reading: Awaitable[A]) -> A:
    result = "failed"
    try:
        with metrics.timed("mmpipe.adapter.reading.duration", source=source):
            answer = await reading
        result = "done"
    finally:
        metrics.count("mmpipe.adapter.readings", source=source, result=result)
    return answer


def _unknown(asked: Question, what: str, found: str, expected: frozenset[str] | frozenset[Modality]) -> Unknown:
    known = ", ".join(sorted(map(str, expected)))
    return Unknown(f"pipeline {asked.namespace}/{asked.pipeline}: found no {what} {found}, expected one of {known}")
