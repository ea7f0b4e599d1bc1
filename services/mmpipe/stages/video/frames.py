"""The chosen pictures, decoded: fast where time stamps can be trusted, the plain way where they cannot.

The fast way feeds only the packets on the ``schedule`` and takes the frames whose time stamp was chosen. What it does
not deliver (a damaged packet, a picture that is coded but never shown) the plain way does: everything is decoded, and
the frame that is on screen at the chosen time is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mmpipe.records import Pixels, Segment
from mmpipe.stages.media.container import stamp
from mmpipe.stages.video.film import Film
from mmpipe.stages.video.picture import display_matrix, pixel_aspect, square, turned
from mmpipe.stages.video.schedule import schedule
from mmpipe.stages.video.timeline import Timeline, packets


@dataclass(slots=True)
class Stretch:
    """A stretch of an open film that is being decoded; ``damaged`` counts the packets that did not decode."""

    film: Film
    segment: Segment | None
    timeline: Timeline
    damaged: int = 0


def pictures(stretch: Stretch, picks: Sequence[int], size: int) -> dict[int, Pixels]:
    """The chosen pictures by the times at which they are shown, uint8 [size, size, 3] RGB, upright.

    Fewer than ``picks`` (ascending) where some do not decode.
    """
    found: dict[int, Pixels] = {}
    if not stretch.timeline.counted:
        found = {time: _picture(stretch, frame, size) for time, frame in _picked(stretch, picks)}
    missing = [pick for pick in picks if pick not in found]
    if missing:
        found |= {time: _picture(stretch, frame, size) for time, frame in _on_screen(shown(stretch), missing)}
    return found


def references(stretch: Stretch) -> Iterator[tuple[int, VideoFrame]]:
    """The frames that others are predicted from, or all where pictures are counted: enough to see changes."""
    if stretch.timeline.counted:
        return shown(stretch)
    return shown(stretch, {coded.shown: 0 for coded in stretch.timeline.pictures if not coded.dispensable})


def shown(stretch: Stretch, runs: Mapping[int, int] | None = None) -> Iterator[tuple[int, VideoFrame]]:
    """The frames of the packets in ``runs`` (None: of all), in the order in which they are shown, with their times."""
    times = iter(stretch.timeline.shown)
    for frame in _decoded(stretch, runs):
        time = next(times, None) if stretch.timeline.counted else frame.pts
        if time is not None:
            yield time, frame


def _picked(stretch: Stretch, picks: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    wanted = frozenset(picks)
    runs = schedule(stretch.timeline.pictures, wanted)
    return ((time, frame) for time, frame in shown(stretch, runs) if time in wanted)


def _on_screen(frames: Iterator[tuple[int, VideoFrame]], instants: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """For each instant, ascending, the last frame shown at or before it (the first of all, where none is)."""
    on_screen = following = next(frames, None)
    for instant in instants:
        while following is not None and following[0] <= instant:
            on_screen, following = following, next(frames, None)
        if on_screen is not None:
            yield on_screen


def _decoded(stretch: Stretch, runs: Mapping[int, int] | None) -> Iterator[VideoFrame]:
    """The frames of the packets in ``runs``; the decoder is emptied and starts anew between two runs."""
    context, run = stretch.film.stream.codec_context, None
    context.flush_buffers()
    for packet in _readable(stretch):
        wanted = 0 if runs is None else runs.get(stamp(packet) or 0)
        if wanted is None:
            continue
        if run is not None and wanted != run:
            yield from _frames(stretch, None)
            context.flush_buffers()
        run = wanted
        yield from _frames(stretch, packet)
    yield from _frames(stretch, None)


def _readable(stretch: Stretch) -> Iterator[Packet[VideoStream]]:
    """The packets of the stretch up to a break in the file, of which the timeline keeps the words."""
    try:
        yield from packets(stretch.film, stretch.segment)
    except av.FFmpegError:
        return


def _frames(stretch: Stretch, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
    """What the decoder puts out for a packet, or still holds (None); a packet that it refuses is counted."""
    try:
        return stretch.film.stream.decode(packet)
    except av.FFmpegError:
        stretch.damaged += 1
        return []


def _picture(stretch: Stretch, frame: VideoFrame, size: int) -> Pixels:
    stream = stretch.film.stream
    return turned(square(frame, size, pixel_aspect(stream)), display_matrix(stream))
