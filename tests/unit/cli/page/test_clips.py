import io
from collections.abc import Callable

import av
import numpy as np
import soundfile

from mmpipe.cli.page import clips
from mmpipe.records import Clip, Floats


def _loudest_hz(samples: Floats, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / rate_hz)[spectrum.argmax()])


def _clip(times: list[float], audio: Floats | None = None) -> Clip:
    greys = np.linspace(20, 230, len(times)).astype(np.uint8)
    frames = np.broadcast_to(greys[:, None, None, None], (len(times), 64, 64, 3))
    return Clip(np.ascontiguousarray(frames), np.array(times, np.float32), audio)


def _decoded(content: bytes) -> list[tuple[float, float]]:
    """Time and mean grey of every frame, read back by FFmpeg."""
    with av.open(io.BytesIO(content), "r") as container:
        return [
            (frame.time or 0.0, float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)
        ]


def test_an_mp3_sounds_as_long_and_as_high_as_what_went_in(tone: Callable[[float, float], Floats]) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(clips.mp3(tone(1000, 2.0))), dtype="float32")
    assert rate_hz == 16_000
    assert abs(len(samples) / rate_hz - 2.0) < 0.08
    assert abs(_loudest_hz(samples, rate_hz) - 1000) < 2


def test_an_mp3_of_thirty_seconds_of_noise_stays_within_its_bit_rate() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 30 * 16_000).astype(np.float32)
    assert len(clips.mp3(noise)) < 30 * clips.SOUND_BITS_PER_S / 8 * 1.05


def test_a_film_keeps_the_uneven_times_of_its_frames() -> None:
    frames = _decoded(clips.mp4(_clip([5.0, 5.1, 5.8, 6.0]), start_s=5.0))
    assert np.allclose([time for time, _ in frames], [0, 0.1, 0.8, 1.0], atol=2e-3)
    assert np.allclose([grey for _, grey in frames], [20, 90, 160, 230], atol=6)


def test_a_film_whose_first_frame_comes_late_does_not_open_black() -> None:
    assert _decoded(clips.mp4(_clip([0.4, 0.8]), start_s=0.0))[0][0] == 0


def test_two_frames_of_one_instant_are_shown_once() -> None:
    assert len(_decoded(clips.mp4(_clip([0.0, 0.5, 0.5, 1.0]), start_s=0.0))) == 3


def test_a_film_carries_its_sound(tone: Callable[[float, float], Floats]) -> None:
    content = clips.mp4(_clip([0.0, 0.5, 1.0], tone(700, 1.0)), start_s=0.0)
    with av.open(io.BytesIO(content), "r") as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(_loudest_hz(heard, 16_000) - 700) < 5


def test_a_film_without_sound_has_no_sound_track() -> None:
    with av.open(io.BytesIO(clips.mp4(_clip([0.0, 0.5]), start_s=0.0))) as container:
        assert not container.streams.audio


def test_a_film_of_noise_stays_within_its_bit_rate() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 256, 256, 3), dtype=np.uint8)
    content = clips.mp4(Clip(frames, np.linspace(0, 4, 40).astype(np.float32)), start_s=0.0)
    assert len(content) < 4 * clips.PICTURE_BITS_PER_S / 8 * 1.5
