"""Real media made on the spot, small enough to decode in milliseconds."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image


def _picture(seed: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (96, 96, 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _sound(seconds: float = 1.0, loudness: float = 0.3) -> bytes:
    stream = io.BytesIO()
    times = np.arange(int(16_000 * seconds)) / 16_000
    soundfile.write(stream, loudness * np.sin(2 * np.pi * 440 * times), 16_000, format="WAV")
    return stream.getvalue()


def _film(seconds: int = 2, *, sound: bool = True) -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format="matroska") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=16_000, layout="mono") if sound else None
        noise = np.random.default_rng(seconds)
        for _ in range(5 * seconds):
            container.mux(video.encode(av.VideoFrame.from_ndarray(noise.integers(0, 255, (64, 64, 3), np.uint8))))
        container.mux(video.encode())
        if audio is not None:
            tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(16_000 * seconds) / 16_000)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return stream.getvalue()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A PNG of noise."""
    return _picture()


@pytest.fixture(scope="session")
def sound() -> bytes:
    """One second of a tone as WAV."""
    return _sound()


@pytest.fixture(scope="session")
def long_sound() -> bytes:
    """Seventy seconds of a tone as WAV: three segments."""
    return _sound(70)


@pytest.fixture(scope="session")
def silence() -> bytes:
    """One second of nothing as WAV."""
    return _sound(loudness=0)


@pytest.fixture(scope="session")
def film() -> bytes:
    """Two seconds of noise and a tone as Matroska."""
    return _film()


@pytest.fixture(scope="session")
def long_film() -> bytes:
    """Sixty-five seconds of noise and a tone: three segments."""
    return _film(65)


@pytest.fixture(scope="session")
def silent_film() -> bytes:
    """Two seconds of noise without a sound track."""
    return _film(sound=False)


@pytest.fixture
def folder(tmp_path: Path, picture: bytes, sound: bytes) -> Path:
    """Two samples: a picture with a caption, and a sound; and a picture that is broken."""
    media = tmp_path / "media"
    media.mkdir()
    (media / "a.png").write_bytes(picture)
    (media / "a.txt").write_text("a red bell")
    (media / "b.wav").write_bytes(sound)
    (media / "c.png").write_bytes(picture[:200])
    return media
