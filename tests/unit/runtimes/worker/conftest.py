"""A worker's neighbours in one process: a queue in memory, SQLite and objects in a folder, vectors in a dictionary."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.runtimes.scripted import ScriptedStages

from mmpipe.adapters.fetch import Fetcher
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.queue import Delivery, Envelope, MemoryQueue, lane_of
from mmpipe.adapters.sink import Sink, Stores
from mmpipe.records import Modality
from mmpipe.runtimes.remote_path import RemotePath
from mmpipe.runtimes.worker.arrival import Arrivals
from mmpipe.runtimes.worker.commits import Commits
from mmpipe.runtimes.worker.courier import Courier, Crew
from mmpipe.runtimes.worker.ledger import Ledger
from mmpipe.spec import PipelineSpec
from mmpipe.spec.delivery import References, Reliability
from mmpipe.testing import MemoryVectors
from mmpipe.v1 import media_pb2, sample_pb2

ACCEPTED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class Ground:
    """What a worker under test works with."""

    metadata: Metadata
    objects: Objects
    folder: Path
    vectors: MemoryVectors = field(default_factory=MemoryVectors)
    stages: ScriptedStages = field(default_factory=ScriptedStages)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    reliability: Reliability = field(default_factory=Reliability)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def courier(self) -> AsyncIterator[Courier]:
        """With its writer running."""
        sink = self.sink()
        commits = Commits(sink)
        writing = asyncio.create_task(commits.run())
        fetcher = Fetcher(References(), self.objects, self.folder / "cache")
        crew = Crew(
            path=RemotePath(PipelineSpec(), self.stages),
            arrivals=Arrivals(fetcher, self.objects),
            sink=sink,
            commits=commits,
            ledger=Ledger(self.metadata),
            reliability=self.reliability,
            stopping=self.stopping,
        )
        try:
            yield Courier(crew)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    def sink(self) -> Sink:
        stores = Stores(self.vectors, self.objects, self.metadata)
        return Sink.open(stores, recipe="recipe", source="gateway", shared=True)

    async def delivered(self, envelope: Envelope) -> Delivery:
        """Through the queue to a worker."""
        lane = lane_of(_modalities(envelope.sample))
        await self.queue.publish(envelope, lane, secrets.token_hex(8))
        (delivery,) = await self.queue.pull(lane, 1, 1)
        return delivery

    def take(self, envelope: Envelope) -> Delivery:
        """One delivery, taken to its end."""

        async def scenario() -> Delivery:
            delivery = await self.delivered(envelope)
            async with self.courier() as courier:
                await courier.take(delivery)
            return delivery

        return asyncio.run(scenario())

    def states(self) -> dict[str, str]:
        """Of every sample that the metadata know."""
        found = self.metadata.reader.statuses(["a", "b"])
        return {sample_id: str(status.state) for sample_id, status in found.items()}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Metadata(str(tmp_path / "metadata.db"), "media") as metadata:
        yield Ground(metadata, Objects.open(str(tmp_path / "objects")), tmp_path)


def an_envelope(sample_id: str = "a", text: str = "a red bell", *, ignore_gates: bool = False) -> Envelope:
    """A sample of one text, as the gateway accepted it."""
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(text=text), uri=f"file:///{text}")
    sample = sample_pb2.Sample(id=sample_id, parts=[part])
    return Envelope(sample, ACCEPTED, ignore_gates=ignore_gates)


def _modalities(sample: sample_pb2.Sample) -> list[Modality]:
    names = {media_pb2.MODALITY_TEXT: Modality.TEXT, media_pb2.MODALITY_IMAGE: Modality.IMAGE}
    return [names[part.modality] for part in sample.parts if part.modality]
