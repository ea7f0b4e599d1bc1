"""Containers through PyAV (FFmpeg): opened safely, measured, and with FFmpeg's own words in the errors.

Media are hostile: the demuxer is the one of the recognised format and never guessed (so no playlist or script format
can run), no protocol may be opened from inside a container, and only the decoders named here may see the bytes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from mmpipe.records import Media
from mmpipe.stages.media.errors import UnreadableError
from mmpipe.stages.media.reader import Reader

VIDEO_DECODERS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg"})
"""FFmpeg's names of the decoders that films may use."""

AUDIO_DECODERS = frozenset(
    {"aac", "alac", "ac3", "eac3", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis"}
    | {f"pcm_{kind}" for kind in ("u8", "s16le", "s16be", "s24le", "s24be", "s32le", "f32le", "f64le", "mulaw", "alaw")}
    | {"adpcm_ms", "adpcm_ima_wav"}
)
"""FFmpeg's names of the decoders that recordings and sound tracks may use."""

_DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "m4a": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "mp3": "mp3",
    "aac": "aac",
    "wav": "wav",
    "flac": "flac",
    "ogg": "ogg",
}

_CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2}(?:\.\d+)?)")

_OPTIONS = {"codec_whitelist": ",".join(sorted(VIDEO_DECODERS | AUDIO_DECODERS)), "protocol_whitelist": "none"}


def _listen() -> None:
    """Have FFmpeg's error lines reach :class:`av.logging.Capture`, and nowhere else.

    PyAV drops all lines unless a level is set ("moov atom not found" would be lost from the reason); once it is, lines
    that nobody captures go to Python's logger ``libav``, whose last resort is stderr: the null handler closes that.
    """
    if av.logging.get_level() is None:
        av.logging.set_level(av.logging.ERROR)
    logging.getLogger("libav").addHandler(logging.NullHandler())


_listen()


@contextmanager
def opened(media: Media) -> Iterator[InputContainer]:
    """The container of ``media``, closed afterwards.

    Raises:
        UnreadableError: for whatever FFmpeg raises, on opening and inside the ``with`` block.

    """
    with Reader(media.content) as reader, av.logging.Capture() as lines:
        try:
            with av.open(reader, "r", format=_DEMUXERS[media.format], options=_OPTIONS) as container:
                yield container
        except av.FFmpegError as error:
            raise UnreadableError(_sentence(media.format, error, lines)) from error


def _sentence(name: str, error: av.FFmpegError, lines: list[tuple[int, str, str]]) -> str:
    said = f"{error.strerror} ({lines[-1][2].strip()})" if lines else f"{error.strerror}"
    return f"the {name} file cannot be decoded: {said}: export it again from its source"


@dataclass(frozen=True, slots=True)
class Track[S: Stream]:
    """One stream of an open container. Its times are told in seconds from the start of the media."""

    container: InputContainer
    stream: S


def decoder(stream: Stream) -> str:
    """FFmpeg's name of the decoder for the stream."""
    # FFmpeg has none for a damaged codec number; PyAV's types do not say so.
    context = cast("CodecContext | None", stream.codec_context)
    return "something unknown" if context is None else context.name


def promised_s(track: Track[Stream]) -> float | None:
    """When the stream ends by the headers, in seconds from the start of the media; None where they don't say.

    The stream's own duration, else its ``DURATION`` tag (Matroska), else that of the container, which its longest
    stream sets.
    """
    stream, container = track.stream, track.container
    if stream.duration is not None and stream.duration > 0:
        return seconds(track, stream.start_time or 0) + float(stream.duration * stream.time_base)
    whole = None if container.duration is None or container.duration <= 0 else container.duration / av.time_base
    return _clock_s(stream.metadata.get("DURATION", "")) or whole


def seconds(track: Track[Stream], ticks: int) -> float:
    """A time stamp of the stream in seconds from the start of the media."""
    return float(ticks * track.stream.time_base) - _start_s(track.container)


def ticks(track: Track[Stream], time_s: float) -> int:
    """Seconds from the start of the media as a time stamp of the stream."""
    return round((time_s + _start_s(track.container)) / float(track.stream.time_base))


def go_to(track: Track[Stream], time_s: float) -> None:
    """Read on from the last key frame at or before ``time_s``, or from the start where there is no seeking."""
    try:
        track.container.seek(ticks(track, max(0.0, time_s)), stream=track.stream)
    except av.FFmpegError:
        # Without a usable index (a broken tail, a stream of unknown length) only the start is a place to go to.
        track.container.seek(ticks(track, 0.0), stream=track.stream)


def stamp[S: Stream](packet: Packet[S]) -> int | None:
    """When a packet is shown, or decoded where the container does not say more; None for the flush at the end."""
    return packet.dts if packet.pts is None else packet.pts


def measured_s(track: Track[Stream]) -> float:
    """The length of the stream in seconds by its last packets: no header is believed and nothing is decoded.

    The tail is read from the key frame before the promised end; where the promise leads nowhere, the whole file is.
    """
    promise = promised_s(track)
    tail = 0.0 if promise is None else _end_s(track, promise)
    return tail or _end_s(track, 0.0)


def _end_s(track: Track[Stream], from_s: float) -> float:
    go_to(track, from_s)
    return max((seconds(track, end) for end in _packet_ends(track)), default=0.0)


def _packet_ends(track: Track[Stream]) -> Iterator[int]:
    try:
        for packet in track.container.demux(track.stream):
            if (shown := stamp(packet)) is not None:
                yield shown + (packet.duration or 0)
    except av.FFmpegError:
        # A file that breaks off ends here; decoding the stretch says so with FFmpeg's words.
        return


def _start_s(container: InputContainer) -> float:
    """Time stamp at which the media start, in seconds."""
    return (container.start_time or 0) / av.time_base


def _clock_s(text: str) -> float | None:
    """``01:02:03.5`` in seconds; None where the text is no such clock."""
    match = _CLOCK.fullmatch(text.strip("\0 "))
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
