"""A gateway's neighbours in one process: a queue in memory, SQLite and objects in a folder, vectors in a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.queue.memory import MemoryQueue
from mmpipe.adapters.sink import Sink, Stores
from mmpipe.records import Floats, Part
from mmpipe.runtimes.gateway.acceptance import Door
from mmpipe.runtimes.gateway.dead_letters import DeadLetters
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.ingest import Ingest
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.runtimes.gateway.quarantine import Quarantine
from mmpipe.runtimes.gateway.queueing import GuardedQueue
from mmpipe.runtimes.gateway.recording import Recorder
from mmpipe.runtimes.gateway.samples import Samples
from mmpipe.runtimes.gateway.searching import Origin, Searching
from mmpipe.runtimes.gateway.service import Nouns
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.gateway.uploads import Uploads
from mmpipe.spec.processes import Limits
from mmpipe.testing import MODEL, MemoryVectors, vector_of
from mmpipe.v1 import media_pb2, sample_pb2


@dataclass(slots=True)
class Ground:
    """What is behind a gateway under test. ``seconds`` is its monotonic clock, ``moment`` its time of day."""

    metadata: Metadata
    objects: Objects
    vectors: MemoryVectors
    folder: Path
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    seconds: float = 0.0
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def door(self, limits: Limits | None = None) -> Door:
        stored = self.store("metadata", self.metadata)
        return Door(
            queue=self.guarded(),
            objects=self.store("objects", self.objects),
            metadata=stored,
            recorder=Recorder(lambda batch: stored.answer(lambda metadata: metadata.acceptances.record(batch))),
            limits=TenantLimits(limits or Limits(), lambda: self.seconds),
            schemes=("https",),
            now=lambda: self.moment,
            system="memory",
        )

    @staticmethod
    def store[S](name: str, opened: S) -> Store[S]:
        return Store(Dependency(name), lambda: opened)

    def guarded(self) -> GuardedQueue:
        return GuardedQueue(self.queue, Dependency("queue"))

    def stores(self) -> Stores:
        return Stores(self.vectors, self.objects, self.metadata)

    def sink(self) -> Sink:
        return Sink.open(self.stores(), recipe="recipe", source="gateway", shared=True)

    async def queued(self, lane: str = "text", count: int = 1_000) -> list[sample_pb2.Sample]:
        """The samples of a lane, as a worker would get them."""
        return [delivery.envelope.sample for delivery in await self.queue.pull(lane, count, 0.0)]


@contextmanager
def ground_in(folder: Path) -> Iterator[Ground]:
    with Metadata(str(folder / "metadata.db"), "test") as metadata:
        yield Ground(metadata, Objects.open(str(folder / "objects")), MemoryVectors(), folder)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with ground_in(tmp_path) as opened:
        yield opened


async def embed(parts: Sequence[Part]) -> Floats:
    return vector_of(bytes(parts[0].media.content).decode())


def nouns(ground: Ground, door: Door, stopping: asyncio.Event) -> Nouns:
    """What the methods of a gateway with this door are about."""
    vectors: Store[Any] = ground.store("vectors", ground.vectors)
    return Nouns(
        door=door,
        ingest=Ingest(door, stopping),
        uploads=Uploads(door.objects, door.limits),
        samples=Samples(door.metadata, ground.store("stores", ground.stores()), stopping),
        searching=Searching(embed, vectors, Origin("mmpipe_test_g1", MODEL), ("https",), door.limits),
        dead_letters=DeadLetters(door.metadata, door.queue, stopping),
        quarantine=Quarantine(door),
    )


@pytest.fixture
def stopping() -> asyncio.Event:
    return asyncio.Event()


def a_text(text: str, sample_id: str = "") -> sample_pb2.Sample:
    return sample_pb2.Sample(id=sample_id, parts=[sample_pb2.Part(media=media_pb2.Media(text=text))])
