"""From the bytes of a part to what the pipeline saw: the stages of its modality, with the options of its spec.

Pictures and films are decoded a little finer than a model wants them, from the same cut of the original. Long
recordings and films are decoded from where the hit is, and only as much of them as a page plays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

from mmpipe.cli.page.shown import ShownPart
from mmpipe.records import Failed, Item, Media, Modality, Rejected, Segment
from mmpipe.runtimes import chain
from mmpipe.spec import ModalitySpec, PipelineSpec
from mmpipe.spec.pipeline import MODALITY_SPECS

PICTURE_EDGE = 384
"""Pixels of a picture's edge: sharp at the width of a card on most screens."""
FILM_EDGE = 256
"""Pixels of a film's edge; even, as H.264 wants it."""
FILM_S = 6.0
"""Seconds of a film that are played: ten films of 720p take two cores 3 s to decode and encode so."""
FILM_FRAMES_PER_S = 10
SOUND_S = 30.0
"""Seconds of a recording that are played."""

_FINER: MappingProxyType[Modality, dict[str, object]] = MappingProxyType(
    {
        Modality.IMAGE: {"size": PICTURE_EDGE},
        Modality.AUDIO: {"segment_seconds": SOUND_S},
        Modality.VIDEO: {
            "size": FILM_EDGE,
            "segment_seconds": FILM_S,
            "sampling": "Uniform",
            "frames": round(FILM_S * FILM_FRAMES_PER_S),
        },
    }
)
_LONGEST_S = {Modality.AUDIO: SOUND_S, Modality.VIDEO: FILM_S}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A part's payload (``records``: the payloads of the modalities) and which stretch of the original it is."""

    payload: Any
    segment: Segment | None


def decode(part: ShownPart, spec: PipelineSpec, segment: Segment | None) -> Decoded | Rejected | Failed:
    """What the pipeline saw of ``part``, or why it saw nothing. ``segment``: the stretch that a hit names."""
    assert part.content is not None, part.uri  # noqa: S101  # previews say so before they decode
    options = _options(spec, part.modality)
    module = import_module(f"mmpipe.stages.{part.modality}.decode")
    media = Media(part.content, part.format)
    stretch = _stretch(part.modality, media, options, segment)
    if isinstance(stretch, Rejected):
        return stretch
    stages = [chain.NamedStage(f"{part.modality}.decode", module.build(options.decode))]
    if part.modality == Modality.TEXT:
        # A page of HTML is its visible text to the pipeline, and cleaning is what takes the markup off.
        cleaning = import_module("mmpipe.stages.text.clean")
        stages.append(chain.NamedStage("text.clean", cleaning.build(options.clean)))
    (fate,) = chain.run(stages, [Item(part.uri, replace(media, segment=stretch))])
    return Decoded(fate.payload, stretch) if isinstance(fate, Item) else fate


def _options(spec: PipelineSpec, modality: Modality) -> ModalitySpec:
    options = spec.modality(modality) or MODALITY_SPECS[modality]()
    finer = options.decode.model_copy(update=_FINER.get(modality, {}))
    return options.model_copy(update={"decode": finer})


def _stretch(
    modality: Modality, media: Media, options: ModalitySpec, segment: Segment | None
) -> Segment | Rejected | None:
    """What to decode of a recording or film: the head of the hit's segment, or of the whole."""
    if modality not in _LONGEST_S:
        return None
    if segment is not None:
        return Segment(segment.start_s, min(segment.end_s, segment.start_s + _LONGEST_S[modality]))
    module = import_module(f"mmpipe.stages.{modality}.decode")
    segments: tuple[Segment | None, ...] | Rejected = module.segments(media, options.decode)
    return segments if isinstance(segments, Rejected) else segments[0]
