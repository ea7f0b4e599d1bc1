"""The data path: samples in, results out. What the local run, the Python API and the worker have in common.

A batch of samples is taken apart into items by modality, so that a stage sees as many at once as it can; the items go
through their chains; the vectors are joined by sample and fused. Nothing here reads an input or writes a store.

Long recordings and films are taken a few segments at a time, so the memory in use does not grow with their length. The
sound track of a film becomes audio where the sample brings none of its own: this module composes the two modalities,
since they must not know each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import batched

from mmpipe.models.package import ModelPackage, load, resolve
from mmpipe.records import (
    Embedded,
    Fusion,
    Item,
    Modality,
    Part,
    Rejected,
    Result,
    Sample,
    Segment,
)
from mmpipe.runtimes import chain
from mmpipe.runtimes.parts import (
    ORDER,
    brings_audio,
    embedded_by_modality,
    has_sound,
    not_taken,
    takes_sound_tracks,
    unreadable,
    with_facts,
)
from mmpipe.runtimes.segmenting import ITEMS_AT_ONCE, segments
from mmpipe.spec import ModalitySpec, PipelineSpec, Problem, SpecError
from mmpipe.stages.joint.fuse import fuse


@dataclass(frozen=True, slots=True)
class _Unit:
    """One item's place in the batch: which sample it belongs to, what it was made of, and which stretch it is."""

    sample: int
    part: Part
    segment: Segment | None


class DataPath:
    """The stages of a pipeline, loaded once and shared by threads."""

    def __init__(self, spec: PipelineSpec) -> None:
        """Nothing loads yet: the model package comes when first asked for, a modality's stages with a first part."""
        self.spec = spec
        self._chains: dict[Modality, tuple[chain.NamedStage, ...]] = {}
        self._building = threading.Lock()

    @cached_property
    def package(self) -> ModelPackage:
        """The one model package of the pipeline.

        Raises ModelError where it cannot be had, SpecError where its vectors are not as long as the spec says.
        """
        uri, wanted = self.spec.modalities[0].embed.model.uri, self.spec.sink.milvus.dimension
        package = load(resolve(uri))
        if wanted not in {None, package.dimension}:
            expected, remedy = f"{package.dimension}, that of {uri}", "leave it out, or name another model"
            raise SpecError([Problem("spec.sink.milvus.dimension", str(wanted), expected, remedy)])
        return package

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        """One result for each sample, in order. A part that fails or is rejected never takes another one with it."""
        started = time.perf_counter()
        embedded: list[list[Embedded]] = [unreadable(sample) for sample in samples]
        for modality in ORDER:
            parts = [
                (at, part) for at, sample in enumerate(samples) for part in sample.parts if part.modality == modality
            ]
            for at, outcome in self._embed(modality, parts, samples):
                embedded[at].append(outcome)
        fused = [self._fuse(outcomes) for outcomes in embedded]
        latency_ms = (time.perf_counter() - started) * 1e3
        return [
            Result(sample, tuple(outcomes), fusion, latency_ms)
            for sample, outcomes, fusion in zip(samples, embedded, fused, strict=True)
        ]

    def _embed(
        self, modality: Modality, parts: Sequence[tuple[int, Part]], samples: Sequence[Sample]
    ) -> Iterator[tuple[int, Embedded]]:
        if not parts:
            return
        if self.spec.modality(modality) is None:
            yield from ((at, not_taken(self.spec, part)) for at, part in parts)
            return
        rejected: list[tuple[int, Embedded]] = []
        units = self._units(modality, parts, rejected.append)
        for group in batched(units, ITEMS_AT_ONCE.get(modality, len(parts))):
            yield from self._embed_units(modality, group, samples)
        yield from rejected

    def _embed_units(
        self, modality: Modality, units: Sequence[_Unit], samples: Sequence[Sample]
    ) -> Iterator[tuple[int, Embedded]]:
        stages = self._stages(modality)
        items = [Item(unit.part.uri, replace(unit.part.media, segment=unit.segment)) for unit in units]
        decoded = chain.run(stages[:1], items)
        if modality == Modality.VIDEO:
            yield from self._sound_tracks(units, decoded, samples)
        yield from _placed(modality, units, chain.run(stages[1:], decoded))

    def _sound_tracks(
        self, units: Sequence[_Unit], decoded: Sequence[chain.Fate], samples: Sequence[Sample]
    ) -> Iterator[tuple[int, Embedded]]:
        """The sound of films as audio, for samples that bring no audio of their own."""
        if not takes_sound_tracks(self.spec):
            return
        tracks = [
            (unit, Item(fate.id, fate.payload.audio))
            for unit, fate in zip(units, decoded, strict=True)
            if isinstance(fate, Item) and has_sound(fate.payload) and not brings_audio(samples[unit.sample])
        ]
        fates = chain.run(self._stages(Modality.AUDIO)[1:], [item for _, item in tracks]) if tracks else []
        yield from _placed(Modality.AUDIO, [unit for unit, _ in tracks], fates)

    def _units(
        self, modality: Modality, parts: Sequence[tuple[int, Part]], reject: Callable[[tuple[int, Embedded]], None]
    ) -> Iterator[_Unit]:
        """The parts, long ones as segments; a part that cannot be cut into segments is rejected on the way."""
        options = self._options(modality)
        for at, part in parts:
            cut = segments(options, part.media)
            if isinstance(cut, tuple):
                yield from (_Unit(at, part, segment) for segment in cut)
            else:
                reject((at, Embedded(modality, part.uri, None, cut)))

    def _stages(self, modality: Modality) -> tuple[chain.NamedStage, ...]:
        with self._building:
            if modality not in self._chains:
                self._chains[modality] = chain.build(self._options(modality), self.package)
            return self._chains[modality]

    def _options(self, modality: Modality) -> ModalitySpec:
        options = self.spec.modality(modality)
        assert options is not None, modality  # noqa: S101  # callers ask for modalities of the spec only
        return options

    def _fuse(self, embedded: Sequence[Embedded]) -> Fusion | Rejected | None:
        asked = [Modality(modality.name) for modality in self.spec.modalities]
        return fuse(embedded_by_modality(embedded), asked, self.spec.fusion, self.spec.alignment)


def _placed(modality: Modality, units: Sequence[_Unit], fates: Sequence[chain.Fate]) -> Iterator[tuple[int, Embedded]]:
    for unit, fate in zip(units, fates, strict=True):
        outcome = with_facts(fate, unit.part)
        yield unit.sample, Embedded(modality, unit.part.uri, unit.segment, outcome)
