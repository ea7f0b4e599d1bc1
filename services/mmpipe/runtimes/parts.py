"""What every data path says of a sample's parts before and after the stages: the local one and the one over services.

Pure. ``path`` and ``remote_path`` decide the order of the work; what a part means to a pipeline is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mmpipe.records import Clip, Embedded, Embedding, Fate, Item, Modality, Part, Rejected, Sample
from mmpipe.spec import PipelineSpec

SEGMENTED = frozenset((Modality.AUDIO, Modality.VIDEO))
"""Modalities whose parts may be long and are taken in segments."""

ORDER = (Modality.VIDEO, *(modality for modality in Modality if modality != Modality.VIDEO))
"""Films first: their sound tracks are audio."""


def unreadable(sample: Sample) -> list[Embedded]:
    """What was there and could not become a part."""
    return [Embedded(None, uri, None, rejected) for uri, rejected in sample.unreadable.items()]


def not_taken(spec: PipelineSpec, part: Part) -> Embedded:
    """A part of a modality that the pipeline does not take."""
    names = ", ".join(modality.name for modality in spec.modalities)
    reason = f"the pipeline takes {names} and no {part.modality}; add it to spec.modalities"
    return Embedded(part.modality, part.uri, None, Rejected("modalities", reason))


def with_facts(fate: Fate, part: Part) -> Fate:
    """What was known of the part when it came in stands beside what the stages observed."""
    return replace(fate, facts={**part.facts, **fate.facts}) if isinstance(fate, Item) else fate


def takes_sound_tracks(spec: PipelineSpec) -> bool:
    """Whether the sound of a film becomes audio."""
    video, audio = spec.modality(Modality.VIDEO), spec.modality(Modality.AUDIO)
    return audio is not None and video is not None and getattr(video.decode, "audio_track", "") == "Embed"


def has_sound(clip: Clip) -> bool:
    """Whether there is anything to hear."""
    return clip.audio is not None and clip.audio.size > 0


def brings_audio(sample: Sample) -> bool:
    """A sample with audio of its own needs none of its films'."""
    return any(part.modality == Modality.AUDIO for part in sample.parts)


def embedded_by_modality(embedded: Iterable[Embedded]) -> dict[Modality, Sequence[Item[Embedding]]]:
    """What fusion takes: the vectors of each modality, one for each segment, and no modality without any."""
    parts: dict[Modality, list[Item[Embedding]]] = {}
    for part in embedded:
        if part.modality is not None and isinstance(part.outcome, Item):
            parts.setdefault(part.modality, []).append(part.outcome)
    return dict(parts)
