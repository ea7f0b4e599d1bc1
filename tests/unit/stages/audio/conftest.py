"""Recordings made by reference libraries: soundfile (libsndfile's encoders) and PyAV (FFmpeg's)."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from mmpipe.records import Floats

type Write = Callable[[Floats, int, str, str], bytes]


@pytest.fixture(scope="session")
def sweep() -> Callable[[float, int], Floats]:
    """A chirp from 200 Hz on, at half of full scale: every instant sounds different, so a shift shows."""

    def make(seconds: float, rate_hz: int) -> Floats:
        times = np.arange(round(seconds * rate_hz)) / rate_hz
        return (0.5 * np.sin(2 * np.pi * (200 * times + 10 * times**2))).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def write() -> Write:
    """The bytes of a file: samples [n] or [n, channels], rate, and libsndfile's names of format and subtype."""

    def make(samples: Floats, rate_hz: int, form: str, subtype: str) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, samples, rate_hz, format=form, subtype=subtype or None)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def encode() -> Write:
    """The bytes of a file by FFmpeg: mono samples, rate, muxer and encoder."""

    def make(samples: Floats, rate_hz: int, muxer: str, encoder: str) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format=muxer) as container:
            stream = container.add_stream(encoder, rate=rate_hz, layout="mono")
            assert isinstance(stream, av.AudioStream)
            stream.bit_rate = 192_000
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
            size = stream.codec_context.frame_size or 1024
            fifo = av.AudioFifo()
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate_hz)
            for piece in resampler.resample(frame):
                fifo.write(piece)
            for piece in fifo.read_many(size, partial=True):
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def silent_film() -> bytes:
    """Ten grey pictures and no track of sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8))))
        container.mux(stream.encode(None))
    return file.getvalue()
