"""Films made by FFmpeg's encoders through PyAV: pictures given or drawn, any container, with or without sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import count
from typing import TypedDict, Unpack

import av
import numpy as np
import pytest

from mmpipe.records import Floats, Pixels

type Film = Callable[..., bytes]

_QUIET = {
    "libx264": {"preset": "veryfast", "x264-params": "log-level=-1"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}


@pytest.fixture(scope="session")
def moving() -> Callable[[int], list[Pixels]]:
    """Pictures 96 x 64 of a texture that slides, so that no two are alike and motion search has work."""

    def make(number: int) -> list[Pixels]:
        texture = np.random.default_rng(1).integers(0, 255, (16, 24, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        return [np.roll(texture, (index, 2 * index), (0, 1)) for index in range(number)]

    return make


class Making(TypedDict, total=False):
    """How a film is made beside its pictures, muxer and encoder."""

    rate: int
    options: Mapping[str, str]
    """Of the encoder."""
    muxing: Mapping[str, str]
    """Of the muxer."""
    times: Sequence[int]
    """When each picture is shown, in ms: a variable rate."""
    sound: Floats
    """Mono at 16 kHz."""
    sound_at: float
    """When the sound starts, in seconds."""
    turn: int
    """Display rotation, in degrees counterclockwise."""


@pytest.fixture(scope="session")
def write_film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """The bytes of a film with the given pictures."""

    def make(
        pictures: Sequence[Pixels], muxer: str = "mp4", encoder: str = "libx264", **making: Unpack[Making]
    ) -> bytes:
        path = tmp_path_factory.mktemp("films") / "film"  # a file, since moving the index to the front reads it again
        with av.open(path, "w", format=muxer, options=dict(making.get("muxing", {}))) as container:
            stream = _track(container, encoder, pictures[0], making)
            voice = _voice(container) if "sound" in making else None
            for picture, pts in zip(pictures, making.get("times", count()), strict=False):
                frame = av.VideoFrame.from_ndarray(picture)
                frame.pts, frame.time_base = pts, stream.codec_context.time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if voice is not None:
                _speak(container, voice, making["sound"], making.get("sound_at", 0))
        return path.read_bytes()

    return make


def _track(container: av.container.OutputContainer, encoder: str, picture: Pixels, making: Making) -> av.VideoStream:
    rate = making.get("rate", 30)
    stream = container.add_stream(encoder, rate=rate, options={**_QUIET.get(encoder, {}), **making.get("options", {})})
    assert isinstance(stream, av.VideoStream)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000) if "times" in making else Fraction(1, rate)
    if "turn" in making:
        stream.set_display_rotation(making["turn"])
    return stream


def _voice(container: av.container.OutputContainer) -> av.AudioStream:
    codec = {"webm": "libopus", "avi": "pcm_s16le"}.get(container.format.name, "aac")
    voice = container.add_stream(codec, rate=16_000, layout="mono")
    assert isinstance(voice, av.AudioStream)
    return voice


def _speak(container: av.container.OutputContainer, voice: av.AudioStream, sound: Floats, at_s: float) -> None:
    frame = av.AudioFrame.from_ndarray(sound[None, :], format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
    fifo = av.AudioFifo()
    for piece in av.AudioResampler(format=voice.format, layout="mono", rate=16_000).resample(frame):
        fifo.write(piece)
    for piece in fifo.read_many(voice.codec_context.frame_size or 1024, partial=True):
        piece.pts = (piece.pts or 0) + round(at_s * 16_000)
        container.mux(voice.encode(piece))
    container.mux(voice.encode(None))
