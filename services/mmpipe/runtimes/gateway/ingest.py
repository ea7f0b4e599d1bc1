"""Packs of samples on a stream: one receipt for each sample, several packs at once, answered as they are done.

Most of what a call costs is paid once for a pack, so a sample takes less than half of the gateway's time that it takes
in a call of its own (docs/gateway.md). A fault of one sample stands in its receipt and touches no other.

Bounded twice: a stream has so many packs unanswered before the next one is read, which is what slows a fast client
down, and all streams together have so many at once, which is what bounds the memory.

A stream outlives a rolling restart no better than a call does: a gateway that stops answers every pack that it has
read and then ends the stream with NOT_SERVING, and the client sends the rest elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from mmpipe import telemetry
from mmpipe.adapters.rpc_faults import encode
from mmpipe.runtimes.gateway.acceptance import Door, accept
from mmpipe.runtimes.gateway.faults import Refusal, bad_field, fault_of, not_serving
from mmpipe.runtimes.gateway.limits import too_large
from mmpipe.v1 import gateway_pb2, sample_pb2

MAX_SAMPLES = 1024
MAX_PACK_BYTES = 3 * 1024 * 1024
PACKS_PER_STREAM = 8
PACKS_AT_ONCE = 32
"""Of all streams: at 3 MiB each about 100 MiB of samples."""

type Receipts = Callable[[gateway_pb2.IngestRequest], Awaitable[list[gateway_pb2.Receipt]]]
"""A receipt for each sample of a pack."""
type Packs = AsyncIterator[gateway_pb2.IngestRequest]


class Ingest:
    """All streams of a gateway. ``stopping`` is set when it drains."""

    def __init__(self, door: Door, stopping: asyncio.Event) -> None:
        self._door = door
        self._stopping = stopping
        self._at_once = asyncio.Semaphore(PACKS_AT_ONCE)

    async def answers(self, packs: Packs) -> AsyncIterator[gateway_pb2.IngestResponse]:
        """One stream, from its first pack to its last answer. Raises Refusal NOT_SERVING where the gateway stops."""
        trace = telemetry.traceparent()
        stream = _Stream(lambda pack: receipts(self._door, pack, trace), self._at_once)
        reading = asyncio.create_task(stream.read(_until(self._stopping, packs)))
        try:
            async for answer in stream.answered():
                yield answer
            await reading
        finally:
            reading.cancel()
            await asyncio.wait((reading,))
        if self._stopping.is_set():
            raise not_serving("stream")


class _Stream:
    """One stream: packs go in at one end, answers come out of the other."""

    def __init__(self, of: Receipts, at_once: asyncio.Semaphore) -> None:
        self._receipts = of
        self._at_once = at_once
        self._room = asyncio.Semaphore(PACKS_PER_STREAM)
        self._answers: asyncio.Queue[gateway_pb2.IngestResponse | None] = asyncio.Queue()

    async def read(self, packs: Packs) -> None:
        """Take packs as long as there is room, each one a task; done when all are answered."""
        try:
            async with asyncio.TaskGroup() as tasks:
                async for pack in packs:
                    await self._at_once.acquire()
                    tasks.create_task(self._answer(pack))
                    await self._room.acquire()
        finally:
            self._answers.put_nowait(None)

    async def answered(self) -> AsyncIterator[gateway_pb2.IngestResponse]:
        """The answers as they come."""
        while (answer := await self._answers.get()) is not None:
            yield answer
            self._room.release()

    async def _answer(self, pack: gateway_pb2.IngestRequest) -> None:
        try:
            answers = await self._receipts(pack)
        finally:
            self._at_once.release()
        self._answers.put_nowait(gateway_pb2.IngestResponse(pack=pack.pack, receipts=answers))


async def receipts(door: Door, pack: gateway_pb2.IngestRequest, stream: str) -> list[gateway_pb2.Receipt]:
    """One for each sample of a pack, in order; a fault of one is in its own, one of the pack in each.

    ``stream`` is the traceparent of the stream.
    """
    try:
        _check_size(pack)
    except Refusal as error:
        return [gateway_pb2.Receipt(sample_id=sample.id, error=encode(error.fault)) for sample in pack.samples]
    places = (f"samples[{at}]" for at in range(len(pack.samples)))
    samples = zip(pack.samples, places, strict=True)
    return await asyncio.gather(*(_receipt(door, sample, place, stream) for sample, place in samples))


async def _receipt(door: Door, sample: sample_pb2.Sample, place: str, stream: str) -> gateway_pb2.Receipt:
    try:
        return await accept(door, sample, place, stream)
    except Exception as error:  # noqa: BLE001  # the neighbours of a sample that meets a bug are none the worse for it
        return gateway_pb2.Receipt(sample_id=sample.id, error=encode(fault_of(error)))


def _check_size(pack: gateway_pb2.IngestRequest) -> None:
    if len(pack.samples) > MAX_SAMPLES:
        found, expected = f"{len(pack.samples):,} samples", f"at most {MAX_SAMPLES:,}"
        raise bad_field("samples", found, expected, "make several packs of them")
    if (size_bytes := pack.ByteSize()) > MAX_PACK_BYTES:
        raise too_large("samples", size_bytes, f"at most {MAX_PACK_BYTES:,} in a pack", "make several packs of them")


async def _until(stopping: asyncio.Event, packs: Packs) -> Packs:
    """The packs that come before the gateway stops."""
    stop: asyncio.Future[object] = asyncio.ensure_future(stopping.wait())
    try:
        while (pack := await _next(packs, stop)) is not None:
            yield pack
    finally:
        stop.cancel()


async def _next(packs: Packs, stop: asyncio.Future[object]) -> gateway_pb2.IngestRequest | None:
    reading = asyncio.ensure_future(anext(packs, None))
    try:
        await asyncio.wait((reading, stop), return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else None
    finally:
        reading.cancel()
