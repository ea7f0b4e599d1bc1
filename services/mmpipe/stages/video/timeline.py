"""Which coded pictures a stretch of film has, read from packets without decoding one.

Times are ticks of the stream's time base. Mostly a picture's time is its presentation time stamp (pts). AVI stores
none, and FFmpeg's guesses are wrong where pictures are reordered; there pictures are *counted*: decoders put them out
in the order in which they are shown, one for each packet, so the k-th of them has the k-th decoding time stamp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import av
from av.packet import Packet
from av.video.stream import VideoStream

from mmpipe.records import Segment
from mmpipe.stages.media.container import go_to, seconds, stamp
from mmpipe.stages.verdicts import at_most
from mmpipe.stages.video.film import GATE, Film
from mmpipe.stages.video.references import Rank, Ranking, dispensable, ranking

REORDER_S = 1.0
"""How far apart a picture may be decoded and shown. What is shown before a segment's end may come this much later in
the file, and a key frame this much before its start is sure to be shown before it."""


@dataclass(frozen=True, slots=True)
class Coded:
    """One packet: when its picture is shown (ticks), whether decoding can start there, and whether it may be left out.

    ``visible`` is False for what an edit list cuts away: it is decoded for others' sake and never shown.
    """

    shown: int
    key: bool
    dispensable: bool
    visible: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The coded pictures of a stretch in decoding order, from a key frame before it to :data:`REORDER_S` after it.

    ``counted``: see the head of this module. ``end``: ticks at which the last of them ends. ``last``: the file has no
    more, by its end or by a break, whose words ``broken`` keeps.
    """

    pictures: tuple[Coded, ...]
    counted: bool
    end: int
    last: bool
    broken: str

    @property
    def shown(self) -> list[int]:
        """The times of the visible pictures, in the order in which they are shown."""
        return sorted(picture.shown for picture in self.pictures if picture.visible)


class _Stamped(NamedTuple):
    """What is kept of a packet."""

    pts: int | None
    dts: int | None
    duration: int
    key: bool
    visible: bool
    rank: Rank


def read(film: Film, segment: Segment | None, max_frames: int) -> Timeline:
    """The timeline around ``segment`` (None: of the whole film).

    Raises:
        Refused: where it has more than ``max_frames`` pictures, whatever the header said.

    """
    rank = ranking(film.codec, film.stream.codec_context.extradata)
    found: list[_Stamped] = []
    last, broken = True, ""
    try:
        for packet in packets(film, segment):
            if _after(film, segment, packet):
                last = False
                break
            found.append(_stamped(packet, rank))
            at_most(f"{GATE}.maxFrames", len(found), max_frames, "or more pictures in the stretch")
    except av.FFmpegError as error:
        # What came before the break is a film; the verdict on the rest is up to the caller.
        broken = error.strerror or "unreadable"
    return _timeline(found, counted=_is_counted(film, found), last=last, broken=broken)


def packets(film: Film, segment: Segment | None) -> Iterator[Packet[VideoStream]]:
    """The packets from the key frame before ``segment`` to the first that lies :data:`REORDER_S` after it."""
    go_to(film.track, 0.0 if segment is None else segment.start_s - REORDER_S)
    for packet in film.track.container.demux(film.stream):
        if stamp(packet) is not None:
            yield packet
        if _after(film, segment, packet):
            return


def _after(film: Film, segment: Segment | None, packet: Packet[VideoStream]) -> bool:
    when = stamp(packet)
    return segment is not None and when is not None and seconds(film.track, when) >= segment.end_s + REORDER_S


def _stamped(packet: Packet[VideoStream], rank: Ranking) -> _Stamped:
    return _Stamped(
        packet.pts,
        packet.dts,
        packet.duration or 0,
        packet.is_keyframe,
        not packet.is_discard,
        rank(memoryview(packet)),
    )


def _is_counted(film: Film, found: list[_Stamped]) -> bool:
    """Whether presentation time stamps are missing, ambiguous, or FFmpeg's guesses."""
    guessed = film.track.container.format.name == "avi" and bool(film.stream.codec_context.has_b_frames)
    shown = {packet.pts for packet in found}
    return guessed or None in shown or len(shown) < len(found)


def _timeline(found: list[_Stamped], *, counted: bool, last: bool, broken: str) -> Timeline:
    times = [_shown(packet, counted=counted) for packet in found]
    spare = dispensable([packet.rank for packet in found])
    return Timeline(
        pictures=tuple(
            Coded(time, packet.key, dispensable=unneeded, visible=packet.visible)
            for time, packet, unneeded in zip(times, found, spare, strict=True)
        ),
        counted=counted,
        end=max((time + packet.duration for time, packet in zip(times, found, strict=True)), default=0),
        last=last,
        broken=broken,
    )


def _shown(packet: _Stamped, *, counted: bool) -> int:
    first, second = (packet.dts, packet.pts) if counted else (packet.pts, packet.dts)
    return (first if first is not None else second) or 0
