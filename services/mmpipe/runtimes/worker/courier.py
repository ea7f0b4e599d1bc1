"""One delivery, from the queue to its end: through the stages, into the stores, and only then acknowledged.

Each step is held: while a dependency is away the courier keeps the delivery, waits and tries that step again, and what
earlier steps have done stays done. Whatever else goes wrong is a verdict (``verdicts``): the sample is given back, or
becomes a dead letter. Nothing is ever acknowledged before its end is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from mmpipe import telemetry
from mmpipe.adapters.planning import Passage, Planned
from mmpipe.adapters.queue import Delivery, Envelope
from mmpipe.adapters.sink import Sink, Written
from mmpipe.records import Rejected, Result, Sample
from mmpipe.runtimes.remote_path import Journey, RemotePath
from mmpipe.runtimes.stage_clients.clients import Asked
from mmpipe.runtimes.worker.arrival import Arrivals
from mmpipe.runtimes.worker.commits import Commits
from mmpipe.runtimes.worker.ledger import Ledger
from mmpipe.runtimes.worker.verdicts import Busy, Crashed, Dead, Wait, check_whole, verdict
from mmpipe.spec.delivery import Reliability

log = logging.getLogger(__name__)

RELEASED = "released"
"""Fingerprint variant of samples that a person let in whatever their gates say."""


class Stopped(Exception):  # noqa: N818  # it reads as what happened
    """The worker is asked to stop while a dependency is away: another worker shall have the sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """What a courier works with."""

    path: RemotePath
    arrivals: Arrivals
    sink: Sink
    commits: Commits
    ledger: Ledger
    reliability: Reliability
    stopping: asyncio.Event


class Courier:
    """Takes deliveries to their end, any number at once."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    async def take(self, delivery: Delivery) -> None:
        """Settle one delivery: acknowledged, or given back. Raises nothing that is about the sample."""
        sample_id = delivery.envelope.sample.id
        with telemetry.about(sample_id=sample_id), _span(delivery) as span:
            outcome = await self._settle(delivery)
            span.set(outcome=outcome)
            _count(delivery, outcome)

    async def _settle(self, delivery: Delivery) -> str:
        """The outcome, as `mmpipe.samples` counts it."""
        try:
            outcome = await self._through(delivery)
        except Stopped:
            await delivery.retry(0)
            return "retried"
        except asyncio.CancelledError:
            await delivery.retry(0)
            raise
        except Exception as fault:  # noqa: BLE001  # a stage or store may raise anything; the verdict says what it means
            return await self._fallen(delivery, fault)
        await delivery.ack()
        return outcome

    async def _fallen(self, delivery: Delivery, fault: Exception) -> str:
        end = verdict(fault, delivery.attempt, self._crew.reliability.max_deliveries)
        if isinstance(end, Dead):
            return await self._dead(delivery, end, fault)
        log.warning("given back for %.1f s: %s", end.after_s, end.reason, exc_info=fault)
        await delivery.retry(end.after_s)
        return "retried"

    async def _dead(self, delivery: Delivery, end: Dead, fault: Exception) -> str:
        log.error("given up at %s: %s", end.stage, end.reason, exc_info=fault)
        try:
            await self._held(lambda: self._crew.ledger.bury(delivery, end))
        except Stopped:
            await delivery.retry(0)
            return "retried"
        telemetry.count("mmpipe.dead_letters", 1, stage=end.stage)
        await delivery.ack()
        return "dead"

    async def _through(self, delivery: Delivery) -> str:
        crew, envelope = self._crew, delivery.envelope
        if delivery.attempt > crew.reliability.max_deliveries:
            found = f"{delivery.attempt - 1} deliveries, none of which came to an end"
            raise Crashed(f"{found}; expected at most {crew.reliability.max_deliveries}: it may crash its worker")
        sample = await self._held(lambda: crew.arrivals.sample(envelope.sample))
        try:
            return await self._sample_through(sample, envelope)
        finally:
            crew.sink.let_go(sample.id)  # where it was never planned

    async def _sample_through(self, sample: Sample, envelope: Envelope) -> str:
        crew, variant = self._crew, RELEASED if envelope.ignore_gates else ""
        fingerprint = await asyncio.to_thread(crew.sink.fingerprint, sample, variant)
        confirm = partial(crew.sink.confirm, sample.id, fingerprint, envelope.accepted_at)
        if await self._held(lambda: asyncio.to_thread(confirm)):
            return "unchanged"
        checkpoints = crew.ledger.checkpoints(sample, fingerprint)
        degrades = crew.reliability.when_unavailable == "Degrade"
        journey = Journey(Asked("ingest", envelope.ignore_gates), checkpoints, degrades)
        result = await self._held(lambda: crew.path.process(sample, journey))
        check_whole(result)
        return await self._stored(result, Passage(envelope.accepted_at, result.degraded, variant))

    async def _stored(self, result: Result, passage: Passage) -> str:
        with telemetry.span("mmpipe.sink.write") as span:
            await self._held(lambda: asyncio.to_thread(self._crew.sink.keep, result.sample))
            planned = self._crew.sink.plan(result, replace(passage, traceparent=span.traceparent))
            outcome = await self._held(lambda: self._written(planned))
        if result.degraded and outcome == "stored":
            telemetry.count("mmpipe.samples", 1, outcome="degraded")
        _count_quarantined(result)
        return outcome

    async def _written(self, planned: Planned) -> str:
        sample_id = planned.rows.id
        written = await self._crew.commits.write(planned)
        if sample_id in written.busy:
            raise Busy(f"sample {sample_id}: found another worker writing it; expected it free; it is tried again")
        return _outcome(sample_id, written)

    async def _held[T](self, step: Callable[[], Awaitable[T]]) -> T:
        """The step, tried again while a dependency is away. Raises Stopped when the worker is to stop meanwhile."""
        while True:
            try:
                return await step()
            except Exception as fault:
                wait = verdict(fault, 1, self._crew.reliability.max_deliveries)
                if not isinstance(wait, Wait):
                    raise
                log.warning("waiting: %s", wait.reason)
                await self._pause(wait.after_s)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._crew.stopping.wait()
        except TimeoutError:
            return
        raise Stopped


def _span(delivery: Delivery) -> AbstractContextManager[telemetry.Span]:
    """Of the same trace as the submission, and linked to it."""
    origin = delivery.envelope.traceparent
    return telemetry.span(
        "mmpipe.worker.sample",
        parent=origin,
        links=(origin,),
        sample_id=delivery.envelope.sample.id,
        messaging_system="nats",
        messaging_operation_type="process",
        modalities=delivery.lane,
        attempt=delivery.attempt,
    )


def _outcome(sample_id: str, written: Written) -> str:
    return "superseded" if sample_id in written.superseded else str(written.states[sample_id])


def _count_quarantined(result: Result) -> None:
    for embedded in result.embedded:
        if isinstance(embedded.outcome, Rejected):
            telemetry.count("mmpipe.quarantined", 1, modality=str(embedded.modality or "unknown"))


def _count(delivery: Delivery, outcome: str) -> None:
    telemetry.count("mmpipe.samples", 1, outcome=outcome)
    if outcome != "retried":
        seconds = (datetime.now(UTC) - delivery.envelope.accepted_at).total_seconds()
        telemetry.record("mmpipe.sample.duration", seconds, outcome=outcome)
