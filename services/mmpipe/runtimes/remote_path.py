"""The data path over services: one sample's parts through the stages at once, joined and fused.

The same work as ``path`` does in one process, and the same answers (``tests/integration/test_same_answers.py``). A long
recording or film goes segment by segment: each one's outcome is kept by the journey's checkpoints before the next one
begins, so that whoever takes the sample up again after a crash does at most one segment twice. Nothing here knows a
queue or a store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from mmpipe import telemetry
from mmpipe.records import Embedded, Fate, Fusion, Item, Modality, Part, Rejected, Result, Sample, Segment
from mmpipe.resilience import deadline
from mmpipe.runtimes.parts import (
    ORDER,
    SEGMENTED,
    brings_audio,
    embedded_by_modality,
    not_taken,
    takes_sound_tracks,
    unreadable,
    with_facts,
)
from mmpipe.runtimes.stage_clients.clients import Asked, Segments, Stages
from mmpipe.runtimes.stage_clients.errors import StageRefused, StageUnavailable
from mmpipe.spec import PipelineSpec


@dataclass(frozen=True, slots=True)
class Place:
    """Where an outcome belongs: the position of the part in its sample, and the stretch."""

    part: int
    segment: Segment


type Done = Sequence[Embedded]
"""What became of one stretch: its own outcome, and that of its sound track."""


class Checkpoints(Protocol):
    """What is known of the long parts of one sample, kept by whoever takes the sample through."""

    async def load(self) -> Mapping[Place, Done]:
        """What an earlier try has done already."""
        ...

    async def save(self, place: Place, done: Done) -> None:
        """Keep one stretch. Returns when it is durable."""
        ...


class NoCheckpoints:
    """For samples that are not taken up again."""

    async def load(self) -> Mapping[Place, Done]:
        """Nothing."""
        return {}

    async def save(self, place: Place, done: Done) -> None:
        """Nowhere."""


@dataclass(frozen=True, slots=True)
class Journey:
    """How one sample is to be taken through.

    ``degrades``: parts whose services are down are left out (``Result.degraded``) instead of failing the sample.
    """

    asked: Asked = field(default_factory=Asked)
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)
    degrades: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """One part on its way, and all that there is to know about it."""

    sample: Sample
    position: int
    part: Part
    journey: Journey
    known: Mapping[Place, Done]


class RemotePath:
    """The stages of a pipeline over services, for samples one at a time, as many at once as one likes."""

    def __init__(self, spec: PipelineSpec, stages: Stages) -> None:
        self._spec = spec
        self._stages = stages
        self._sound = takes_sound_tracks(spec)

    async def process(self, sample: Sample, journey: Journey) -> Result:
        """The result of a sample. Raises StageUnavailable where it may have one later, StageRefused where never.

        A verdict or fault of a part is in the result and raises nothing.
        """
        started = time.perf_counter()
        embedded, degraded = await self._embed(sample, journey)
        fusion = await self._fuse(embedded, journey)
        latency_ms = (time.perf_counter() - started) * 1e3
        return Result(sample, tuple(embedded), fusion, latency_ms, degraded)

    async def embed(self, sample: Sample, asked: Asked) -> list[Embedded]:
        """What becomes of each part, with no fusion: for queries. Raises as :meth:`process`."""
        return (await self._embed(sample, Journey(asked)))[0]

    async def _embed(self, sample: Sample, journey: Journey) -> tuple[list[Embedded], tuple[Modality, ...]]:
        known = await journey.checkpoints.load()
        parts = sorted(enumerate(sample.parts), key=lambda numbered: ORDER.index(numbered[1].modality))
        ways = [_Way(sample, position, part, journey, known) for position, part in parts]
        ends = await asyncio.gather(*(self._through(way) for way in ways), return_exceptions=True)
        left_out = [way.part.modality for way, end in zip(ways, ends, strict=True) if _may_go_without(end, journey)]
        _raise_worst([end for end in ends if not _may_go_without(end, journey) or len(left_out) == len(ways)])
        outcomes = [outcome for end in ends if not isinstance(end, BaseException) for outcome in end]
        return unreadable(sample) + outcomes, tuple(dict.fromkeys(left_out))

    async def _through(self, way: _Way) -> list[Embedded]:
        part = way.part
        if self._spec.modality(part.modality) is None:
            return [not_taken(self._spec, part)]
        with telemetry.span("mmpipe.worker.part", modality=str(part.modality)) as span:
            segments = await self._timed(self._segments(way))
            if not isinstance(segments, tuple):
                return [Embedded(part.modality, part.uri, None, segments)]
            span.set(segments=len(segments))
            return [outcome for segment in segments for outcome in await self._segment_once(way, segment)]

    async def _segments(self, way: _Way) -> Segments | Fate:
        if way.part.modality not in SEGMENTED:
            return (None,)
        return await self._stages.segments(way.part.modality, way.part.media, way.journey.asked)

    async def _segment_once(self, way: _Way, segment: Segment | None) -> Done:
        if segment is None:
            return await self._timed(self._segment(way, None))
        place = Place(way.position, segment)
        if place in way.known:
            return way.known[place]
        done = await self._timed(self._segment(way, segment))
        await way.journey.checkpoints.save(place, done)
        return done

    async def _segment(self, way: _Way, segment: Segment | None) -> Done:
        part, asked = way.part, way.journey.asked
        sound = part.modality == Modality.VIDEO and self._sound and not brings_audio(way.sample)
        item = Item(part.uri, replace(part.media, segment=segment))
        chained = await self._stages.chain(part.modality, [item], asked, sound=sound)
        fates = [(part.modality, chained.fates[0])]
        if 0 in chained.sound_tracks:
            heard = await self._stages.finish(Modality.AUDIO, [Item(part.uri, chained.sound_tracks[0])], asked)
            fates.insert(0, (Modality.AUDIO, heard[0]))
        return [Embedded(modality, part.uri, segment, with_facts(fate, part)) for modality, fate in fates]

    async def _fuse(self, embedded: Sequence[Embedded], journey: Journey) -> Fusion | Rejected | None:
        parts = embedded_by_modality(embedded)
        return await self._timed(self._stages.fuse(parts, journey.asked)) if parts else None

    async def _timed[T](self, work: Awaitable[T]) -> T:
        """Each step has the deadline of a sample, so that a long film is not one long call."""
        with deadline.within(self._spec.reliability.deadline_seconds):
            return await work


def _may_go_without(end: object, journey: Journey) -> bool:
    """A service that is known to be down, where the pipeline allows it; what a server died of is no reason."""
    return journey.degrades and isinstance(end, StageUnavailable) and not end.reached


def _raise_worst(ends: Sequence[object]) -> None:
    """Of several faults the one that says most about the sample: a bug, a refusal, a server that died of it."""
    faults = [end for end in ends if isinstance(end, BaseException)]
    if faults:
        raise min(faults, key=_rank)


def _rank(fault: BaseException) -> int:
    if isinstance(fault, StageUnavailable):
        return 2 if fault.reached else 3
    return 1 if isinstance(fault, StageRefused) else 0
