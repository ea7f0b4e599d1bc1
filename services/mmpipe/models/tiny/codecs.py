"""Payloads as real files and back: what JPEG, MP3, H.264 and 16-bit PNG make of a rendering.

Training and evaluation send media through here so that the towers meet the damage that real files carry, and
``examples/make_media.py`` writes its files with it. This is no decoder for strangers' files: those are
:mod:`mmpipe.stages`, with limits and gates.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np

from mmpipe.models.tiny.sounds import SAMPLE_RATE_HZ
from mmpipe.records import Clip, Floats, Pixels

MILLIMETRES_PER_METRE = 1_000
_CHUNK_SAMPLES = 1_024
_REPEATABLE = {"fflags": "+bitexact"}  # else Ogg and Matroska number each file at random


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """A container and codec in FFmpeg's names, the codec's sample rate and bits per second."""

    container: str
    codec: str
    rate_hz: int = SAMPLE_RATE_HZ
    bit_rate: int = 96_000


@dataclass(frozen=True, slots=True)
class FilmFormat:
    """A container with its picture codec, that codec's options, and the codec of the sound (None: a silent film)."""

    container: str
    codec: str
    options: Mapping[str, str] = field(default_factory=dict)
    sound: SoundFormat | None = None
    pixel_format: str = "yuv420p"


MP3 = SoundFormat("mp3", "libmp3lame")
OPUS = SoundFormat("ogg", "libopus", 48_000, 48_000)
M4A = SoundFormat("ipod", "aac", 44_100)
H264 = FilmFormat("mp4", "libx264", {"crf": "26", "preset": "veryfast"}, SoundFormat("", "aac", 44_100))
VP9 = FilmFormat(
    "webm",
    "libvpx-vp9",
    {"crf": "34", "b": "0", "deadline": "realtime", "cpu-used": "8"},
    SoundFormat("", "libopus", 48_000, 48_000),
)


def jpeg(pixels: Pixels, quality: int = 85) -> bytes:
    """A picture as JPEG, 4:2:0."""
    return _encoded(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def read_picture(content: bytes) -> Pixels:
    """The picture in a JPEG or PNG: uint8 [height, width, 3] RGB."""
    return np.asarray(_decoded(content, cv2.IMREAD_COLOR)[:, :, ::-1], np.uint8)


def depth_png(metres: Floats) -> bytes:
    """A depth map as 16-bit PNG in millimetres, 0 where unknown."""
    return _encoded(".png", np.nan_to_num(metres * MILLIMETRES_PER_METRE).clip(0, 65_535).round().astype(np.uint16), [])


def read_depth_png(content: bytes) -> Floats:
    """The depth map in a 16-bit PNG: float32 [height, width] metres, NaN where unknown."""
    millimetres = _decoded(content, cv2.IMREAD_UNCHANGED)
    return np.where(millimetres > 0, millimetres / np.float32(MILLIMETRES_PER_METRE), np.float32(np.nan)).astype(
        np.float32
    )


def sound(samples: Floats, form: SoundFormat) -> bytes:
    """A mono 16 kHz sound as a file."""
    target = io.BytesIO()
    with av.open(target, "w", format=form.container, options=_REPEATABLE) as container:
        stream = _sound_stream(container, form)
        for packet in _sound_packets(stream, samples):
            container.mux(packet)
    return target.getvalue()


def read_sound(content: bytes) -> Floats:
    """The sound in a file as float32 [samples] mono 16 kHz; empty if it has none."""
    with av.open(io.BytesIO(content), "r") as container:
        return _heard(container)


def film(clip: Clip, form: FilmFormat) -> bytes:
    """A film as a file: frames evenly spaced at the rate of its timestamps, and its sound where the format has one."""
    target = io.BytesIO()
    with av.open(target, "w", format=form.container, options=_REPEATABLE) as container:
        pictures = _picture_stream(container, clip, form)
        track = _sound_stream(container, form.sound) if form.sound and clip.audio is not None else None
        for packet in _picture_packets(pictures, clip.frames):
            container.mux(packet)
        if track is not None and clip.audio is not None:
            for heard in _sound_packets(track, clip.audio):
                container.mux(heard)
    return target.getvalue()


def read_film(content: bytes) -> Clip:
    """The film in a file: all frames, their timestamps, and its sound or None."""
    with av.open(io.BytesIO(content), "r") as container:
        seen = [(frame.to_ndarray(format="rgb24"), frame.time) for frame in container.decode(video=0)]
    frames, times = zip(*seen, strict=True)
    heard = read_sound(content)
    return Clip(np.stack(frames), np.array(times, np.float32), heard if heard.size else None)


def _encoded(suffix: str, pixels: np.ndarray, options: list[int]) -> bytes:
    done, content = cv2.imencode(suffix, pixels, options)
    if not done:
        raise ValueError(f"OpenCV can't write {suffix} for an array of shape {pixels.shape}")
    return bytes(content)


def _decoded(content: bytes, flags: int) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if pixels is None:
        raise ValueError(f"OpenCV can't read this picture of {len(content)} bytes")
    return pixels


def _sound_stream(container: av.container.OutputContainer, form: SoundFormat) -> av.AudioStream:
    stream = cast("av.AudioStream", container.add_stream(form.codec, rate=form.rate_hz, layout="mono"))
    stream.bit_rate = form.bit_rate
    return stream


def _sound_packets(stream: av.AudioStream, samples: Floats) -> Iterator[av.Packet[av.AudioStream]]:
    resampler = av.AudioResampler(stream.format.name, "mono", stream.rate, frame_size=stream.frame_size or None)
    for start in range(0, samples.size, _CHUNK_SAMPLES):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[None, start : start + _CHUNK_SAMPLES]), "fltp", "mono"
        )
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, start
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        for converted in resampler.resample(frame):
            yield from stream.encode(converted)
    for converted in resampler.resample(None):
        yield from stream.encode(converted)
    yield from stream.encode(None)


def _picture_stream(container: av.container.OutputContainer, clip: Clip, form: FilmFormat) -> av.VideoStream:
    stream = cast(
        "av.VideoStream", container.add_stream(form.codec, rate=_frame_rate(clip), options=dict(form.options))
    )
    stream.height, stream.width = clip.frames.shape[1:3]
    stream.pix_fmt = form.pixel_format
    return stream


def _frame_rate(clip: Clip) -> Fraction:
    span_s = float(clip.timestamps_s[-1] - clip.timestamps_s[0])
    return Fraction((len(clip.frames) - 1) / span_s).limit_denominator(1_000) if span_s > 0 else Fraction(1)


def _picture_packets(stream: av.VideoStream, frames: Pixels) -> Iterator[av.Packet[av.VideoStream]]:
    for pixels in frames:
        yield from stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
    yield from stream.encode(None)


def _heard(container: av.container.InputContainer) -> Floats:
    if not container.streams.audio:
        return np.zeros(0, np.float32)
    resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE_HZ)
    frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    chunks = [piece.to_ndarray()[0] for piece in [*frames, *resampler.resample(None)]]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
