"""What is known about one sample: asked once, watched until it is settled, and forgotten on request.

Watching is asking again: a gateway hears nothing of what workers write, and the metadata answer in a millisecond. The
pauses grow, so that a sample that waits for hours in a backlog costs next to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from mmpipe.adapters import deletion
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.status import SampleStatus, Standing
from mmpipe.adapters.sink import Stores
from mmpipe.runtimes.gateway import messages
from mmpipe.runtimes.gateway.faults import Refusal, not_serving
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.gateway.validation import checked_id
from mmpipe.v1 import error_pb2, gateway_pb2, sample_pb2

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_GROWTH = 1.5
_SETTLED = (Standing.STORED, Standing.QUARANTINED, Standing.DEAD)


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a pipeline. ``all_stores`` are those that a deletion goes through; ``stopping`` ends watches."""

    metadata: Store[Metadata]
    all_stores: Store[Stores]
    stopping: asyncio.Event

    async def get(self, sample_id: str) -> sample_pb2.SampleStatus:
        """Raises Refusal NOT_FOUND for one never accepted."""
        return messages.sample_status(await self._status(checked_id(sample_id)))

    async def watch(self, sample_id: str) -> AsyncIterator[sample_pb2.SampleStatus]:
        """Its status now and whenever it changes, until it is settled.

        Raises Refusal as :meth:`get`, and NOT_SERVING where the gateway stops.
        """
        told, pause_s = None, _FIRST_PAUSE_S
        while (status := await self._status(checked_id(sample_id))).state not in _SETTLED:
            if status != told:
                yield messages.sample_status(status)
            told = status
            await self._pause(pause_s)
            pause_s = min(pause_s * _GROWTH, _LONGEST_PAUSE_S)
        yield messages.sample_status(status)

    async def delete(self, sample_id: str) -> gateway_pb2.DeleteSampleResponse:
        """Forget it in every store. Raises Refusal NOT_FOUND where no store knows it."""
        checked_id(sample_id)
        forgotten = await self.all_stores.ask(lambda stores: deletion.forget(stores, sample_id))
        if not forgotten.found:
            raise unknown(sample_id)
        return gateway_pb2.DeleteSampleResponse(vectors=forgotten.vectors, originals=forgotten.originals)

    async def _status(self, sample_id: str) -> SampleStatus:
        status = await self.metadata.ask(lambda metadata: metadata.reader.status(sample_id))
        if status is None:
            raise unknown(sample_id)
        return status

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), pause_s)
        if self.stopping.is_set():
            raise not_serving("watch")


def unknown(sample_id: str) -> Refusal:
    """Nobody has heard of this sample."""
    expected, remedy = "one that was accepted", "check the id"
    message = f"sample {sample_id!r}: found none of this id; expected {expected}; {remedy}"
    return Refusal(error_pb2.REASON_NOT_FOUND, message)
