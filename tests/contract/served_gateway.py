"""The real gateway for the client's contract: over loopback in a thread, with a queue in memory, SQLite and a folder.

Its workers are the test: what a worker writes is written by the classes that a worker writes with (Ledger, Sink).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.unit.runtimes.gateway.conftest import Ground, ground_in, nouns

from mmpipe.adapters import wire
from mmpipe.adapters.planning import Passage
from mmpipe.adapters.queue.protocol import Delivery
from mmpipe.client import Client
from mmpipe.records import Modality, Rejected
from mmpipe.runtimes.gateway import authentication
from mmpipe.runtimes.gateway.server import Gateway, Listening
from mmpipe.runtimes.worker.ledger import Ledger
from mmpipe.runtimes.worker.verdicts import Dead
from mmpipe.spec.processes import Limits
from mmpipe.testing import a_result

STEP_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Loop:
    """The gateway's event loop, in a thread of its own: the client of the contract is a synchronous one."""

    _loop: asyncio.AbstractEventLoop

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Loop]:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            thread = threading.Thread(target=loop.run_forever)
            thread.start()
            try:
                yield cls(loop)
            finally:
                loop.call_soon_threadsafe(loop.stop)
                thread.join()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of it, once it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STEP_WITHIN_S)


@dataclass(frozen=True, slots=True)
class ServedDoor:
    """A client of a real gateway, and the hands of a worker."""

    client: Client
    _ground: Ground
    _loop: Loop

    def settle(self, sample_id: str) -> None:
        self._loop.run(self._write(sample_id, {}))

    def give_up(self, sample_id: str, stage: str, reason: str) -> None:
        self._loop.run(self._bury(sample_id, Dead(stage, reason)))

    def reject(self, sample_id: str, gate: str, reason: str) -> None:
        self._loop.run(self._write(sample_id, dict.fromkeys(Modality, Rejected(gate, reason, 0.5, 1.5))))

    async def _write(self, sample_id: str, rejected: Mapping[Modality, Rejected]) -> None:
        delivery = await self._taken(sample_id)
        sample = wire.decode_sample(delivery.envelope.sample, "sample")
        sink = self._ground.sink()
        sink.keep(sample)
        sink.write([a_result(sample, rejected)], Passage(delivery.envelope.accepted_at))
        await delivery.ack()

    async def _bury(self, sample_id: str, end: Dead) -> None:
        delivery = await self._taken(sample_id)
        await Ledger(self._ground.metadata).bury(delivery, end)
        await delivery.ack()

    async def _taken(self, sample_id: str) -> Delivery:
        """The last one that was accepted under this id; the older ones are superseded."""
        queue = self._ground.queue
        deliveries = [each for lane in await queue.lanes() for each in await queue.pull(lane, 1_000, 0.0)]
        return [each for each in deliveries if each.envelope.sample.id == sample_id][-1]


@contextmanager
def served_door(folder: Path, max_upload_bytes: int) -> Iterator[ServedDoor]:
    """A gateway from ready to stopped."""
    limits = Limits(max_upload_bytes=max_upload_bytes)
    with ground_in(folder) as ground, Loop.running() as loop:
        gateway, port = loop.run(_started(ground, limits))
        try:
            with Client(f"127.0.0.1:{port}") as client:
                yield ServedDoor(client, ground, loop)
        finally:
            loop.run(gateway.stop())


async def _started(ground: Ground, limits: Limits) -> tuple[Gateway, int]:
    stopping = asyncio.Event()
    door = replace(ground.door(limits), now=lambda: datetime.now(UTC))
    listening = Listening("127.0.0.1:0", authentication.anyone, drain_s=5.0, lame_duck_s=0.0)
    gateway = Gateway(nouns(ground, door, stopping), listening, stopping)
    return gateway, await gateway.start()
