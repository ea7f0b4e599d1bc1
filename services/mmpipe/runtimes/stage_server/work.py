"""What is done with a batch: items through stages, media into segments, vectors into one.

Each is a frozen value that can be called. Equal work shares batches, so whatever changes an answer or what is answered
is part of the equality, and what follows from it (the stages themselves) is not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mmpipe.models.package import ModelPackage, load, resolve
from mmpipe.records import Embedding, Failed, Fate, Floats, Fusion, Item, Media, Modality, Rejected, Segment
from mmpipe.runtimes import chain
from mmpipe.runtimes.chain import NamedStage
from mmpipe.runtimes.parts import has_sound
from mmpipe.runtimes.segmenting import ITEMS_AT_ONCE, segments
from mmpipe.runtimes.stage_server.faults import NotHere
from mmpipe.spec import ModalitySpec, PipelineSpec
from mmpipe.spec.gates import without_gates
from mmpipe.stages.joint.fuse import fuse

type Batchwise = Callable[[Sequence[Any]], Sequence[Any]]
type Instrument = Callable[[str, Batchwise], Batchwise]
"""What telemetry is wrapped around a stage with, by its dotted name."""

UNBOUNDED = 1 << 30
"""Items that a batch may hold where memory is no matter."""


@dataclass(frozen=True, slots=True)
class Chained:
    """What became of one item, and the sound of the film that it was."""

    fate: Fate
    sound: Floats | None = None


@dataclass(frozen=True, slots=True)
class ChainWork:
    """Items of one modality through stages without a gap."""

    modality: Modality
    verbs: tuple[str, ...]
    ignore_gates: bool
    sound_tracks: bool
    stages: tuple[NamedStage, ...] = field(compare=False, repr=False)

    @property
    def most_items(self) -> int:
        """As many as may be decoded at once."""
        return ITEMS_AT_ONCE.get(self.modality, UNBOUNDED)

    def __call__(self, items: Sequence[Item[Any]], /) -> list[Chained]:
        """As ``DataPath`` does it: a film's sound is taken as decoded, whatever becomes of its pictures."""
        first = chain.run(self.stages[:1], items)
        tracks = [_sound(fate) for fate in first] if self.sound_tracks else [None] * len(first)
        return [Chained(*pair) for pair in zip(chain.run(self.stages[1:], first), tracks, strict=True)]


@dataclass(frozen=True, slots=True)
class SegmentWork:
    """Media of one modality into the stretches that they are to be decoded in."""

    modality: Modality
    options: ModalitySpec = field(compare=False, repr=False)
    most_items: int = UNBOUNDED

    def __call__(self, media: Sequence[Media], /) -> list[tuple[Segment | None, ...] | Rejected | Failed]:
        """The stretches of each, or why there are none."""
        return [segments(self.options, each) for each in media]


type Parts = Mapping[Modality, Sequence[Item[Embedding]]]


@dataclass(frozen=True, slots=True)
class FuseWork:
    """The vectors of samples into one for each."""

    ignore_gates: bool
    fuse: Batchwise = field(compare=False, repr=False)
    most_items: int = UNBOUNDED

    def __call__(self, samples: Sequence[Parts], /) -> Sequence[Any]:
        """One answer for each sample: Fusion, Rejected, Failed, or None where there is nothing to fuse."""
        return self.fuse(samples)


class Workshop:
    """The stages that this process has, built when first asked for and then shared by threads."""

    def __init__(
        self,
        spec: PipelineSpec,
        modalities: Iterable[Modality],
        verbs: Sequence[str] = chain.VERBS,
        instrument: Instrument = lambda _, stage: stage,
    ) -> None:
        self.spec, self.modalities, self.verbs = spec, tuple(modalities), tuple(verbs)
        self._instrument = instrument
        self._stages: dict[tuple[Modality, str, bool], NamedStage] = {}
        self._building = threading.Lock()

    @cached_property
    def package(self) -> ModelPackage:
        """The one model package of the pipeline. Raises ModelError where it cannot be had."""
        return load(resolve(self.spec.modalities[0].embed.model.uri))

    def chained(
        self, modality: Modality, verbs: Sequence[str], *, ignore_gates: bool = False, sound_tracks: bool = False
    ) -> ChainWork:
        """Items through these stages. Raises NotHere for one that this process does not have."""
        options = self._options(modality, verbs)
        films = sound_tracks and modality == Modality.VIDEO and verbs[0] == "decode"
        open_gates = ignore_gates and "clean" in verbs
        with self._building:
            stages = tuple(self._stage(options, verb, open_gates=open_gates and verb == "clean") for verb in verbs)
        return ChainWork(modality, tuple(verbs), open_gates, films, stages)

    def segmented(self, modality: Modality) -> SegmentWork:
        """Media into segments: who decodes does it. Raises NotHere."""
        return SegmentWork(modality, self._options(modality, ["decode"]))

    def fused(self, *, ignore_gates: bool = False) -> FuseWork:
        """Vectors into one. Where one sample cannot be fused, no other fails."""
        asked = tuple(Modality(modality.name) for modality in self.spec.modalities)
        fusion, alignment = self.spec.fusion, self.spec.alignment
        if ignore_gates:
            alignment = alignment.model_copy(update={"min_confidence": 0.0})

        def one(parts: Parts) -> Fusion | Rejected | Failed | None:
            try:
                return fuse(parts, asked, fusion, alignment)
            except Exception as error:  # noqa: BLE001  # as a stage that raises: a fault of one sample, reported as such
                return Failed("fuse", f"{type(error).__name__}: {error}; run again to retry, and report it if it stays")

        return FuseWork(ignore_gates, self._instrument("fuse", lambda samples: [one(parts) for parts in samples]))

    def _options(self, modality: Modality, verbs: Sequence[str]) -> ModalitySpec:
        options = self.spec.modality(modality) if modality in self.modalities else None
        if options is None:
            raise NotHere(modality, f"one for {' or '.join(self.modalities) or 'none'}")
        for verb in verbs:
            if verb not in self.verbs:
                raise NotHere(f"{modality}.{verb}", f"one for {' or '.join(self.verbs)}")
        return options

    def _stage(self, options: ModalitySpec, verb: str, *, open_gates: bool) -> NamedStage:
        key = Modality(options.name), verb, open_gates
        if key not in self._stages:
            chosen = without_gates(options) if open_gates else options
            named = chain.build_stage(chosen, verb, lambda: self.package)
            self._stages[key] = NamedStage(named.name, self._instrument(named.name, named.stage))
        return self._stages[key]


def _sound(fate: Fate) -> Floats | None:
    return fate.payload.audio if isinstance(fate, Item) and has_sound(fate.payload) else None
