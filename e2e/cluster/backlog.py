"""The queue of a pipeline in a real NATS, as tests fill and empty it: by the code of the gateway and the workers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from mmpipe.adapters.queue import Envelope
from mmpipe.adapters.queue.jetstream import JetStream
from mmpipe.adapters.queue.protocol import Lane
from mmpipe.v1 import sample_pb2

_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Every call connects anew, so that a server may go and come in between."""

    url: str
    namespace: str
    pipeline: str

    def add(self, count: int, lane: Lane = "image") -> None:
        """Samples that wait from now on; all of them are on disk when this returns."""

        async def publish(queue: JetStream) -> None:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(count):
                    id_ = uuid.uuid4().hex
                    envelope = Envelope(sample_pb2.Sample(id=id_), datetime.now(UTC))
                    tasks.create_task(queue.publish(envelope, lane, id_))

        self._with(publish)

    def finish(self, count: int, lane: Lane = "image") -> int:
        """Lease and acknowledge samples, as workers do; how many there were."""

        async def work(queue: JetStream) -> int:
            deliveries = await queue.pull(lane, count, _WAIT_S)
            return sum(await asyncio.gather(*(delivery.ack() for delivery in deliveries)))

        return self._with(work)

    @contextmanager
    def leased(self, count: int, lane: Lane = "image") -> Iterator[None]:
        """Samples are in flight inside the block, and acknowledged after it."""
        with asyncio.Runner() as runner:
            queue = runner.run(self._open())
            deliveries = runner.run(queue.pull(lane, count, _WAIT_S))
            try:
                assert len(deliveries) == count, f"found {len(deliveries)} samples to lease, expected {count}"
                yield
            finally:
                for delivery in deliveries:
                    runner.run(delivery.ack())
                runner.run(queue.close())

    def depth(self) -> int:
        """Samples that wait or are in flight."""

        async def ask(queue: JetStream) -> int:
            return sum((await queue.lanes()).values())

        return self._with(ask)

    def _with[T](self, act: Callable[[JetStream], Awaitable[T]]) -> T:
        async def run() -> T:
            queue = await self._open()
            try:
                return await act(queue)
            finally:
                await queue.close()

        return asyncio.run(run())

    async def _open(self) -> JetStream:
        return await JetStream.open(self.url, self.namespace, self.pipeline)
