"""Something to look at or listen to for every part: a preview of its modality, or the sentence why there is none.

``decoding`` gives the payload, ``rasters``, ``relief``, ``waveform`` and ``clips`` give the forms a browser takes. A
part that goes wrong never takes the page with it: its reason stands where the preview would.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from mmpipe.cli.clock import clock, span
from mmpipe.cli.page import clips, rasters
from mmpipe.cli.page.decoding import PICTURE_EDGE, Decoded, decode
from mmpipe.cli.page.relief import legend, relief
from mmpipe.cli.page.shown import ShownPart
from mmpipe.cli.page.waveform import waveform
from mmpipe.records import Clip, Floats, Modality, Pixels, Segment
from mmpipe.spec import PipelineSpec

log = logging.getLogger(__name__)

_EXCERPT_CHARACTERS = 480
_STRIP_FRAMES = 8
_STRIP_EDGE = 96


@dataclass(frozen=True, slots=True)
class Picture:
    """An image. ``src`` is a ``data:`` URI here and below."""

    kind: ClassVar = "picture"
    note: ClassVar = ""
    src: str


@dataclass(frozen=True, slots=True)
class DepthMap:
    """A coloured depth map with the legend of its colours; ``note`` says how much is unknown, "" where nothing is."""

    kind: ClassVar = "depth_map"
    src: str
    legend_src: str
    near: str
    far: str
    note: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording: ``path`` draws its waveform; ``note`` says which stretch is played, "" where it is the whole."""

    kind: ClassVar = "sound"
    path: str
    src: str
    note: str


@dataclass(frozen=True, slots=True)
class Film:
    """A film: its player and a strip of its frames; ``path`` ("" without sound) and ``note`` as of a recording."""

    kind: ClassVar = "film"
    poster_src: str
    src: str
    strip_src: str
    strip_times: str
    path: str
    note: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a text; ``note`` says how much more there is, "" where this is all."""

    kind: ClassVar = "excerpt"
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No preview, and why."""

    kind: ClassVar = "absent"
    note: ClassVar = ""
    reason: str


type Preview = Picture | DepthMap | Sound | Film | Excerpt | Absent


def preview(part: ShownPart, spec: PipelineSpec, segment: Segment | None = None) -> Preview:
    """The preview of ``part``, of its ``segment`` where a hit names one. Never raises on account of the part."""
    if part.content is None:
        return Absent("The original is not at hand: it was not kept, or it is too large for a page.")
    try:
        decoded = decode(part, spec, segment)
        return _DRAWN[part.modality](decoded) if isinstance(decoded, Decoded) else Absent(decoded.reason)
    except Exception as error:
        # Nine other hits are worth a page even if this part finds a bug in an encoder: log it whole, show it short.
        log.exception("no preview of %s", part.uri)
        return Absent(f"The preview failed: {type(error).__name__}: {error}")


def _text(decoded: Decoded) -> Preview:
    text: str = decoded.payload
    if len(text) <= _EXCERPT_CHARACTERS:
        return Excerpt(text, "")
    head = text[:_EXCERPT_CHARACTERS]
    head = head.rsplit(maxsplit=1)[0] if " " in head else head
    return Excerpt(f"{head.rstrip()} \N{HORIZONTAL ELLIPSIS}", f"{len(text) - len(head):,} more characters")


def _image(decoded: Decoded) -> Preview:
    pixels: Pixels = decoded.payload
    return Picture(rasters.webp(pixels))


def _depth(decoded: Decoded) -> Preview:
    depth: Floats = decoded.payload
    drawn = relief(depth, PICTURE_EDGE)
    if drawn is None:
        return Absent("The depth is unknown at every pixel.")
    return DepthMap(
        src=rasters.webp(drawn.pixels),
        legend_src=rasters.exact(legend()),
        near=f"{drawn.near_m:.3g} m",
        far=f"{drawn.far_m:.3g} m",
        note=f"grey: {drawn.unknown * 100:.3g}% unknown" if drawn.unknown else "",
    )


def _audio(decoded: Decoded) -> Preview:
    samples: Floats = decoded.payload
    return Sound(waveform(samples), rasters.data_uri("audio/mpeg", clips.mp3(samples)), _note(decoded))


def _video(decoded: Decoded) -> Preview:
    clip: Clip = decoded.payload
    start_s = decoded.segment.start_s if decoded.segment else 0.0
    picks = np.unique(np.linspace(0, len(clip.frames) - 1, _STRIP_FRAMES).round().astype(np.intp))
    return Film(
        poster_src=rasters.webp(clip.frames[len(clip.frames) // 2]),
        src=rasters.data_uri("video/mp4", clips.mp4(clip, start_s)),
        strip_src=rasters.webp(rasters.strip(clip.frames[picks], _STRIP_EDGE)),
        strip_times=", ".join(clock(float(time), tenths=True) for time in clip.timestamps_s[picks]),
        path="" if clip.audio is None or not clip.audio.size else waveform(clip.audio),
        note=_note(decoded),
    )


def _note(decoded: Decoded) -> str:
    return f"plays {span(decoded.segment)}" if decoded.segment else ""


_DRAWN: Mapping[Modality, Callable[[Decoded], Preview]] = MappingProxyType(
    {
        Modality.TEXT: _text,
        Modality.IMAGE: _image,
        Modality.AUDIO: _audio,
        Modality.VIDEO: _video,
        Modality.DEPTH: _depth,
    }
)
