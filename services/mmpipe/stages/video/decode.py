"""Bytes of a film become a clip: a few square upright pictures with their times, and the sound of the same stretch.

:func:`segments` plans without decoding, :func:`build` decodes what was planned; memory is that of the chosen pictures
and the sound of one segment. The other modules of this package do the steps.

Truncated films: a film whose container cannot be read, or of which no picture decodes, is rejected. From any other what
is there is taken; fact ``truncated`` says so, and quality falls to the share that is there. Quality also falls with the
share of chosen pictures that do not decode. A sound track that does not decode is a fact (``sound_error``) and no
verdict on the pictures.
"""

from __future__ import annotations

import av
import numpy as np

from mmpipe.records import Clip, Facts, Floats, Item, Media, Rejected, Segment, Stage
from mmpipe.spec.video import VideoDecode
from mmpipe.stages.media import soundtrack
from mmpipe.stages.media.container import measured_s, seconds, ticks
from mmpipe.stages.media.errors import UnreadableError
from mmpipe.stages.media.segments import cut
from mmpipe.stages.verdicts import Refused, at_most, each
from mmpipe.stages.video import frames, sampling, scenes, timeline
from mmpipe.stages.video.film import GATE, Film, opened
from mmpipe.stages.video.frames import Stretch
from mmpipe.stages.video.timeline import Timeline

TRUNCATED_S, TRUNCATED_SHARE = 0.5, 0.02
"""A film that is shorter than promised by both of these is truncated; less is rounding in headers."""


def segments(media: Media, options: VideoDecode) -> tuple[Segment | None, ...] | Rejected:
    """The segments to decode ``media`` in, ``(None,)`` for the whole; or why it is not accepted.

    The header and the tail of the file are read; nothing is decoded. A truncated film is planned as far as it goes.
    """
    try:
        with opened(media, options) as film:
            total_s = measured_s(film.track)
            at_most(f"{GATE}.maxSeconds", total_s, options.max_seconds, "seconds of film")
            return cut(total_s, options.segment_seconds)
    except Refused as refused:
        return refused.rejected


def build(options: VideoDecode) -> Stage[Media, Clip]:
    """The stage that decodes films, each whole or its ``Media.segment``.

    Facts: ``codec``, ``width``, ``height`` (as coded) and ``seconds`` (of the stretch); ``sound_codec`` or
    ``sound_error`` where there is a track; ``truncated`` and ``damaged_packets`` only where there is something to tell.
    """

    def decoded(item: Item[Media]) -> Item[Clip]:
        with opened(item.payload, options) as film:
            read = timeline.read(film, item.payload.segment, options.max_frames)
            return _clip(item, Stretch(film, item.payload.segment, read), options)

    return each(decoded)


def _clip(item: Item[Media], stretch: Stretch, options: VideoDecode) -> Item[Clip]:
    film, read = stretch.film, stretch.timeline
    if not read.shown:
        raise UnreadableError(f"the film holds no picture{_because(read)}: export it again from its source")
    picks = _picks(stretch, options)
    pictures = frames.pictures(stretch, picks, options.size)
    if not pictures:
        raise UnreadableError(f"no picture of the film decodes{_because(read)}: export it again from its source")
    sound, sound_facts = _sound(stretch) if options.audio_track == "Embed" else (None, {})
    times = sorted(pictures)
    clip = Clip(
        frames=np.stack([pictures[time] for time in times]),
        timestamps_s=np.array([seconds(film.track, time) for time in times], np.float32),
        audio=sound,
    )
    present = _present(film, read)
    return item.becomes(clip, present * len(pictures) / len(picks), **_facts(stretch, present), **sound_facts)


def _picks(stretch: Stretch, options: VideoDecode) -> list[int]:
    """Times of the pictures to take, ascending, at least one."""
    shown = stretch.timeline.shown
    start, end = _bounds(stretch)
    inside = [coded for coded in stretch.timeline.pictures if coded.visible and start <= coded.shown < end]
    chosen: list[int] = []
    if options.sampling == "KeyFrames":
        chosen = sampling.evenly(sorted(coded.shown for coded in inside if coded.key), options.frames)
    elif options.sampling == "Scene":
        found = [time for time in scenes.cuts(frames.references(stretch)) if start < time < end]
        chosen = sampling.scenes(shown, found, start, end, options.frames) if found else []
    # A stretch without a cut or without a key frame of its own is taken evenly in time.
    return chosen or sampling.uniform(shown, start, end, options.frames)


def _bounds(stretch: Stretch) -> tuple[int, int]:
    """First and last instant of the stretch that the film fills, in ticks."""
    read, segment, track = stretch.timeline, stretch.segment, stretch.film.track
    if segment is None:
        return read.shown[0], max(read.end, read.shown[0] + 1)
    start = ticks(track, segment.start_s)
    return start, max(start + 1, min(read.end, ticks(track, segment.end_s)))


def _sound(stretch: Stretch) -> tuple[Floats | None, Facts]:
    """The sound of the stretch (None where there is none), and what is to tell about it."""
    start, end = (seconds(stretch.film.track, bound) for bound in _bounds(stretch))
    try:
        track = soundtrack.find(stretch.film.track.container)
        if track is None:
            return None, {}
        sound = soundtrack.heard(track, stretch.segment or Segment(max(0.0, start), end))
    except (UnreadableError, av.FFmpegError) as error:
        return None, {"sound_error": str(error)}
    return sound if len(sound) else None, {"sound_codec": track.stream.codec_context.name}


def _present(film: Film, read: Timeline) -> float:
    """The share of the promised length that is there, where the film ends in this stretch; else 1."""
    promised, end = film.promised_s, seconds(film.track, read.end)
    if promised is None or not read.last or promised - end <= max(TRUNCATED_S, TRUNCATED_SHARE * promised):
        return 1.0
    return max(0.0, end / promised)


def _facts(stretch: Stretch, present: float) -> Facts:
    context = stretch.film.stream.codec_context
    start, end = _bounds(stretch)
    told = {"truncated": True} if present < 1 or stretch.timeline.broken else {}
    return {
        "codec": stretch.film.codec,
        "width": context.width,
        "height": context.height,
        "seconds": round(seconds(stretch.film.track, end) - seconds(stretch.film.track, start), 3),
        **told,
        **({"damaged_packets": stretch.damaged} if stretch.damaged else {}),
    }


def _because(read: Timeline) -> str:
    return f" ({read.broken})" if read.broken else ""
