"""The sound of a container through PyAV: mono blocks from any place on, laid where their time stamps say.

A recording (M4A, MP3, AAC) and the track of a film come the same way. Time stamps place the first block; from there
samples are counted, because containers round (Matroska to 1 ms), and only a gap wider than :data:`GAP_S` is believed
and filled with silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from mmpipe.records import Floats, Segment
from mmpipe.stages.media.container import AUDIO_DECODERS, Track, decoder, go_to, seconds
from mmpipe.stages.media.errors import UnreadableError
from mmpipe.stages.media.sound import SOURCE_RATES_HZ, joined, mono, resampled, stretch

GAP_S = 0.05
"""Time stamps that are off by more than this mean a gap (or an overlap) and not rounding."""

MAX_DAMAGED_SHARE = 0.1
"""A track of which more packets than this share do not decode is broken; fewer are heard as a short silence."""

FEW_PACKETS = 20
"""The share is told of at least so many: junk before the first packet is usual in MP3 files."""

_FULL_SCALE = {"u1": 128.0, "i2": 32_768.0, "i4": 2_147_483_648.0}


@dataclass(slots=True)
class _Damage:
    """Counts packets while a track is decoded."""

    packets: int = 0
    damaged: int = 0

    def add(self) -> None:
        """Count a damaged packet; raise :class:`UnreadableError` where they are too many."""
        self.damaged += 1
        if self.damaged > MAX_DAMAGED_SHARE * max(self.packets, FEW_PACKETS):
            raise UnreadableError(
                f"the sound cannot be decoded: {self.damaged} of {self.packets} packets are damaged: "
                "export it again from its source"
            )


def find(container: InputContainer) -> Track[AudioStream] | None:
    """The first sound track, ready to decode; None where there is none.

    Raises:
        UnreadableError: where its codec or rate is not one that we let near the bytes.
        av.FFmpegError: where its decoder does not take what the header says.

    """
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    if (name := decoder(stream)) not in AUDIO_DECODERS:
        raise UnreadableError(f"the sound is coded as {name}, which is not accepted: convert it to AAC or FLAC")
    context = stream.codec_context
    if context.sample_rate not in SOURCE_RATES_HZ:
        raise UnreadableError(
            f"the sound has {context.sample_rate} samples per second, expected {SOURCE_RATES_HZ[0]} to "
            f"{SOURCE_RATES_HZ[-1]}: export it again from its source"
        )
    context.thread_count = 1
    # A context that fails to open on its first packet is of no use after it: better to fail here.
    context.open(strict=False)
    return Track(container, stream)


def heard(track: Track[AudioStream], segment: Segment) -> Floats:
    """The sound of ``segment``, float32 [samples] mono 16 kHz; shorter where the track ends earlier.

    Raises:
        UnreadableError, av.FFmpegError: where it does not decode.

    """
    rate_hz = track.stream.codec_context.sample_rate
    place = stretch(segment, rate_hz)
    pieces = resampled(blocks(track, place.source_start, place.source_end), rate_hz)
    return joined(pieces, place.skip, place.count)


def blocks(track: Track[AudioStream], first: int, last: int | None) -> Iterator[Floats]:
    """Mono blocks of the source's rate that start at source sample ``first`` and go on without a gap up to ``last``.

    Raises:
        UnreadableError: where the track is broken, or changes its rate on the way.
        av.FFmpegError: where the container breaks; :func:`~mmpipe.stages.media.container.opened` words it.

    """
    rate_hz, cursor, damage = track.stream.codec_context.sample_rate, first, _Damage()
    go_to(track, first / rate_hz)
    for frame in _frames(track, damage):
        start = _position(track, frame, rate_hz)
        if last is not None and start >= last:
            break
        if cursor > first and abs(start - cursor) <= GAP_S * rate_hz:
            start = cursor
        yield from _silence(start - cursor, rate_hz)
        block = _floats(frame)[max(0, cursor - start) :]
        cursor = max(cursor, start) + len(block)
        yield block


def _frames(track: Track[AudioStream], damage: _Damage) -> Iterator[AudioFrame]:
    for packet in track.container.demux(track.stream):
        yield from _decoded(packet, damage)


def _decoded(packet: Packet[AudioStream], damage: _Damage) -> list[AudioFrame]:
    damage.packets += 1
    try:
        return list(packet.decode())
    except av.FFmpegError:
        damage.add()
        return []


def _position(track: Track[AudioStream], frame: AudioFrame, rate_hz: int) -> int:
    """Source sample at which ``frame`` starts."""
    if frame.sample_rate != rate_hz:
        raise UnreadableError(
            f"the sound changes from {rate_hz} to {frame.sample_rate} samples per second: export it at one rate"
        )
    return round(seconds(track, frame.pts or 0) * rate_hz)


def _silence(samples: int, rate_hz: int) -> Iterator[Floats]:
    """Zeros, a second at a time: a hostile time stamp must not ask for all of them at once."""
    for start in range(0, samples, rate_hz):
        yield np.zeros(min(rate_hz, samples - start), np.float32)


def _floats(frame: AudioFrame) -> Floats:
    """A decoded frame of any sample format as mono float32 in [-1, 1]."""
    samples = frame.to_ndarray()
    channels = samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1)
    scale = _FULL_SCALE.get(channels.dtype.str[1:])
    if scale is None:
        return mono(channels.astype(np.float32, copy=False))
    offset = 128.0 if channels.dtype == np.uint8 else 0.0
    return mono((channels - np.float32(offset)).astype(np.float32) * np.float32(1 / scale))
