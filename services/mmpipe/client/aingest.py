"""One ingest of the asynchronous client: a task reads samples, another carries packs, the caller takes receipts.

``intake`` decides what happens; ``ingest`` is the same with threads. One loop runs all of it, so nothing is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from mmpipe.adapters import wire
from mmpipe.client.errors import GatewayError
from mmpipe.client.ingest import UPLOADS
from mmpipe.client.intake import Intake
from mmpipe.client.records import Receipt
from mmpipe.client.samples import SampleLike, inline_size, sample_of, to_upload
from mmpipe.records import Sample
from mmpipe.v1 import gateway_pb2

if TYPE_CHECKING:
    from mmpipe.client.atransport import AsyncTransport

_SAMPLES_PER_TURN = 64
"""Read from a source that never waits, before others of the loop get their turn."""

type Samples = Iterable[SampleLike] | AsyncIterable[SampleLike]


class AsyncIngest:
    """See the head of this module. ``prepare`` uploads what is large of a sample."""

    def __init__(self, transport: AsyncTransport, prepare: Callable[[Sample], Awaitable[Sample]]) -> None:
        calling = transport.calling
        self._transport, self._prepare = transport, prepare
        self._intake = Intake(transport.clock, calling.retry.attempts, calling.backoff)
        self._changed = asyncio.Event()
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._stream: object = None

    async def receipts(self, samples: Samples) -> AsyncIterator[Receipt]:
        """One receipt for each sample, in order."""
        tasks = [asyncio.ensure_future(self._guarded(work)) for work in (self._read(samples), self._carry())]
        try:
            while not self._intake.stopped or self._intake.has_ready:
                await self._until(lambda: self._intake.has_ready)
                for receipt in self._intake.ready():
                    yield receipt
                self._changed.set()
        finally:
            self._intake.closed = True
            await _cancelled(tasks)
        if (fault := self._intake.fault or self._intake.ending) is not None:
            raise fault

    async def _guarded(self, work: Awaitable[None]) -> None:
        """What goes wrong in a task is raised where receipts are taken."""
        try:
            await work
        except Exception as fault:  # noqa: BLE001  # as the docstring says
            self._intake.fail(fault)
            self._changed.set()

    async def _until(self, ready: Callable[[], bool]) -> bool:
        """Wait until something can be done; False where nothing will."""
        while not (ready() or self._intake.stopped):
            self._changed.clear()
            await self._changed.wait()
        return not self._intake.stopped

    async def _read(self, samples: Samples) -> None:
        ending: Exception | None = None
        async with asyncio.TaskGroup() as uploads:
            try:
                await self._read_all(samples, uploads)
            except Exception as error:  # noqa: BLE001  # raised where receipts are taken, after what came before
                ending = error
        self._intake.end(ending)
        self._changed.set()

    async def _read_all(self, samples: Samples, uploads: asyncio.TaskGroup) -> None:
        async for value in _each(samples):
            sample = sample_of(value)
            if not await self._until(lambda: self._intake.room):
                return
            number = self._intake.begin(inline_size(sample))
            if to_upload(sample):
                uploads.create_task(self._guarded(self._upload(number, sample)))
            else:
                self._put(number, sample)

    async def _upload(self, number: int, sample: Sample) -> None:
        try:
            async with self._uploads:
                self._put(number, await self._prepare(sample))
        except GatewayError as error:
            self._intake.refuse(number, sample.id, error)
            self._changed.set()

    def _put(self, number: int, sample: Sample) -> None:
        self._intake.put(number, wire.encode_sample(sample))
        self._changed.set()

    async def _carry(self) -> None:
        while await self._until(lambda: self._intake.sendable):
            await self._pause(self._lost(await self._carry_stream()))

    async def _carry_stream(self) -> GatewayError:
        """One stream, to its end: why it ended."""
        self._stream = stream = object()
        try:
            async with self._transport.conversation(self._packs(stream)) as responses:
                async for response in responses:
                    await self._pause(self._answered(response))
        except GatewayError as error:
            return error
        return self._transport.calling.ended()

    def _answered(self, response: gateway_pb2.IngestResponse) -> float:
        """Take the receipts of a pack; how long to leave the gateway alone then."""
        pause = self._intake.answered(response)
        self._intake.paused = pause > 0
        self._changed.set()
        return pause

    async def _packs(self, stream: object) -> AsyncIterator[gateway_pb2.IngestRequest]:
        """The packs of one stream; they end with the stream, or with the ingest."""
        while await self._until(lambda: self._intake.sendable or self._stream is not stream):
            if self._stream is not stream:
                return
            yield self._intake.next_pack()

    def _lost(self, error: GatewayError) -> float:
        self._stream = None
        pause = 0.0 if self._intake.stopped else self._intake.lost(error)
        self._changed.set()
        return 0.0 if self._intake.stopped else pause

    async def _pause(self, pause: float) -> None:
        """Leave the gateway alone for so many seconds."""
        if pause <= 0:
            return
        await self._transport.sleep(pause)
        self._intake.paused = False
        self._changed.set()


async def _each(samples: Samples) -> AsyncIterator[SampleLike]:
    if isinstance(samples, AsyncIterable):
        async for sample in samples:
            yield sample
        return
    for number, sample in enumerate(samples, 1):
        yield sample
        if number % _SAMPLES_PER_TURN == 0:
            await asyncio.sleep(0)


async def _cancelled(tasks: Iterable[asyncio.Future[None]]) -> None:
    """The tasks, ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
