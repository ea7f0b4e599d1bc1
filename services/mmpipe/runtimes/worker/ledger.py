"""What a worker writes down about a sample before it is done: segments that are finished, and why it was given up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mmpipe import telemetry
from mmpipe.adapters import wire
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.checkpoints import Checkpoint
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.queue import Delivery, modalities_of
from mmpipe.records import Embedded, Failed, Modality, Sample
from mmpipe.runtimes.parts import SEGMENTED
from mmpipe.runtimes.remote_path import Checkpoints, Done, NoCheckpoints, Place
from mmpipe.runtimes.worker.verdicts import Dead
from mmpipe.v1 import item_pb2


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The metadata, as a courier writes in them. Raises StoreError."""

    metadata: Metadata

    def checkpoints(self, sample: Sample, fingerprint: str) -> Checkpoints:
        """Those of one sample as it is now; a sample without long parts needs none."""
        if not any(part.modality in SEGMENTED for part in sample.parts):
            return NoCheckpoints()
        return _Kept(self.metadata, sample, fingerprint)

    async def bury(self, delivery: Delivery, end: Dead) -> None:
        """Make the sample a dead letter, with all that is needed to send it again."""
        envelope, now = delivery.envelope, datetime.now(UTC)
        letter = DeadLetter(
            sample_id=envelope.sample.id,
            envelope=envelope.to_bytes(),
            lane=delivery.lane,
            modalities=modalities_of(delivery.lane),
            stage=end.stage,
            reason=end.reason,
            attempts=delivery.attempt,
            redrives=envelope.redrives,
            trace_id=telemetry.trace_id(),
            accepted_at=envelope.accepted_at,
            first_seen=now,
            last_seen=now,
        )
        await asyncio.to_thread(self.metadata.dead_letters.put, letter)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Checkpoints of one sample; those of other content or another recipe are not found."""

    metadata: Metadata
    sample: Sample
    fingerprint: str

    async def load(self) -> Mapping[Place, Done]:
        """See :class:`mmpipe.runtimes.remote_path.Checkpoints`."""
        rows = await asyncio.to_thread(self.metadata.checkpoints.load, self.sample.id, self.fingerprint)
        done: dict[Place, list[Embedded]] = {}
        for row in sorted(rows, key=_sound_first):
            if row.segment is not None:
                done.setdefault(Place(row.position, row.segment), []).append(self._embedded(row))
        if done:
            telemetry.count("mmpipe.checkpoints", len(done), action="used")
        return done

    async def save(self, place: Place, done: Done) -> None:
        """See there. A stretch that met a fault is not done."""
        if any(isinstance(embedded.outcome, Failed) for embedded in done):
            return
        rows = [_row(place, embedded) for embedded in done]
        await asyncio.to_thread(self.metadata.checkpoints.save, self.sample.id, self.fingerprint, rows)
        telemetry.count("mmpipe.checkpoints", 1, action="saved")

    def _embedded(self, row: Checkpoint) -> Embedded:
        fate = wire.decode_fate(item_pb2.Outcome.FromString(row.outcome), "checkpoint")
        return Embedded(row.modality, self.sample.parts[row.position].uri, row.segment, fate)


def _row(place: Place, embedded: Embedded) -> Checkpoint:
    assert embedded.modality is not None  # noqa: S101  # a part that was not recognised has no segments
    outcome = wire.encode_fate(embedded.outcome).SerializeToString()
    return Checkpoint(place.part, embedded.modality, place.segment, outcome)


def _sound_first(row: Checkpoint) -> tuple[int, bool]:
    """A film's sound track stands before its pictures, as when both were just made."""
    return row.position, row.modality != Modality.AUDIO
