"""Scenes as sound: each kind has its timbre, struck or held in the scene's rhythm, near and dry or far and reverberant.

Timbres are additive synthesis, frequency sweeps and filtered noise; see Roads, *The Computer Music Tutorial*, 1996.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mmpipe.models.tiny.world import Distance, Kind, Pitch, Rhythm, Scene
from mmpipe.records import Floats

type Wave = NDArray[np.float64]

SAMPLE_RATE_HZ = 16_000
REPEATS_PER_S: Mapping[Rhythm, tuple[float, float]] = MappingProxyType(
    {Rhythm.SLOW: (1.2, 1.9), Rhythm.FAST: (4.5, 6.5)}
)
"""How often a pulsed sound is struck, as a range per rhythm; a steady one is held."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a kind sounds: its base frequency when low, its spectrum, and how fast a stroke of it dies away."""

    base_hz: float
    sound: Callable[[Wave, float, np.random.Generator], Wave]
    decay_s: float


def render(scene: Scene, rng: np.random.Generator, duration_s: float = 3.0) -> Floats:
    """The sound of the scene: float32 [samples] mono 16 kHz, peak between 0.1 and 0.9."""
    times = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    voice = VOICES[scene.kind]
    base_hz = voice.base_hz * (2.0 if scene.pitch is Pitch.HIGH else 1.0) * rng.uniform(0.93, 1.07)
    dry = voice.sound(times, base_hz, rng) * _envelope(scene.rhythm, voice.decay_s, times, rng)
    heard = _from_afar(dry, rng) if scene.distance is Distance.FAR else dry
    hiss = rng.standard_normal(times.size) * 10 ** rng.uniform(-4, -2.4)
    return np.asarray(_peak_to(heard, rng.uniform(0.1, 0.9)) + hiss, np.float32).clip(-1, 1)


def _envelope(rhythm: Rhythm, decay_s: float, times: Wave, rng: np.random.Generator) -> Wave:
    """Loudness over time: level for a steady sound (with a slow swell), strokes that die away for a pulsed one."""
    if rhythm is Rhythm.STEADY:
        return 1 + 0.12 * np.sin(2 * np.pi * (times * rng.uniform(0.2, 0.6) + rng.random()))
    rate = rng.uniform(*REPEATS_PER_S[rhythm])
    since_stroke = ((times * rate + rng.random()) % 1) / rate
    decay = min(decay_s, 0.22 / rate) * rng.uniform(0.8, 1.2)
    return np.exp(-since_stroke / decay) * np.minimum(since_stroke / 0.006, 1)


def _from_afar(dry: Wave, rng: np.random.Generator) -> Wave:
    """Mostly reflections: noise that decays over about half a second, highs lost to the air (Moorer, 1979)."""
    times = np.arange(int(0.7 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    room = rng.standard_normal(times.size) * np.exp(-times / rng.uniform(0.12, 0.2))
    wet = _filtered(dry, np.fft.rfft(room, _padded(dry.size + room.size)), dry.size + room.size)[: dry.size]
    mixed = _peak_to(wet, 1.0) + 0.25 * _peak_to(dry, 1.0)
    return _band(mixed, 0, rng.uniform(1_800, 2_600))


def _peak_to(wave: Wave, level: float) -> Wave:
    return wave * (level / max(float(np.abs(wave).max()), 1e-9))


def _padded(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _filtered(wave: Wave, response: NDArray[np.complex128], size: int) -> Wave:
    padded = _padded(size)
    return np.fft.irfft(np.fft.rfft(wave, padded) * response, padded)[: wave.size]


def _band(wave: Wave, low_hz: float, high_hz: float) -> Wave:
    """The part of a wave between two frequencies, with soft edges (a second-order roll-off on both sides)."""
    hz = np.fft.rfftfreq(_padded(wave.size), 1 / SAMPLE_RATE_HZ)
    response = 1 / (1 + (hz / high_hz) ** 6)
    if low_hz:
        response = response / (1 + (low_hz / np.maximum(hz, 1e-3)) ** 6)
    return _filtered(wave, response.astype(np.complex128), wave.size)


def _partials(
    times: Wave, base_hz: float, ratios: NDArray[np.float64], levels: NDArray[np.float64], rng: np.random.Generator
) -> Wave:
    heard = ratios * base_hz < 0.47 * SAMPLE_RATE_HZ
    wave = np.zeros(times.size)
    for hz, level in zip(ratios[heard] * base_hz, levels[heard], strict=True):
        turns = (hz * times + rng.random()) % 1.0
        wave += level * np.sin((2 * np.pi * turns).astype(np.float32))  # single precision: three times as fast
    return wave


def _bell(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    """The partials of a church bell: hum, prime, tierce, quint, nominal and above (Fletcher & Rossing, 1998)."""
    return _partials(
        times,
        base_hz,
        np.array([0.5, 1, 1.2, 1.5, 2, 2.6, 3.2, 4.2]),
        np.array([0.4, 1, 0.9, 0.4, 1, 0.6, 0.5, 0.4]),
        rng,
    )


def _drum(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    body = _partials(times, base_hz, np.array([1, 1.59, 2.14, 2.3]), np.array([1, 0.5, 0.3, 0.2]), rng)
    return body + 1.5 * _band(rng.standard_normal(times.size), base_hz, base_hz * 6)


def _whistle(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    trill = 0.025 * base_hz / 28 * np.sin(2 * np.pi * 28 * times)
    return np.sin(2 * np.pi * base_hz * times + 2 * np.pi * trill) + 0.05 * rng.standard_normal(times.size)


def _siren(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    sweep_hz = rng.uniform(0.7, 1.3)
    phase = base_hz * (times - 0.35 / (2 * np.pi * sweep_hz) * np.cos(2 * np.pi * (sweep_hz * times + rng.random())))
    return np.sin(2 * np.pi * phase) + 0.5 * np.sin(4 * np.pi * phase) + 0.33 * np.sin(6 * np.pi * phase)


def _clock(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    """Ticks, sixteen a second, of a resonating case; a rhythm gathers them into bursts."""
    since_tick = ((times * 16 + rng.random()) % 1) / 16
    case = _band(rng.standard_normal(times.size), base_hz * 0.85, base_hz * 1.15)
    return case * np.exp(-since_tick / 0.006)


def _guitar(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    chord = (1.0, 1.26, 1.5)
    order = np.arange(1, 12, dtype=np.float64)
    return np.sum([_partials(times, base_hz * note, order, order**-1.2, rng) for note in chord], axis=0)


def _horn(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    order = np.arange(1, 26, dtype=np.float64)
    levels = order**-0.3 * np.exp(-(((order * base_hz - 1_100) / 1_200) ** 2))
    return _partials(times, base_hz, order, levels, rng)


def _kettle(times: Wave, base_hz: float, rng: np.random.Generator) -> Wave:
    steam = _band(rng.standard_normal(times.size), base_hz * 0.5, base_hz * 1.6)
    bubbling = 1 + 0.3 * np.sin(2 * np.pi * 11 * times + rng.random())
    return steam * bubbling


VOICES: Mapping[Kind, Voice] = MappingProxyType(
    {
        Kind.BELL: Voice(420, _bell, 0.35),
        Kind.DRUM: Voice(90, _drum, 0.09),
        Kind.WHISTLE: Voice(1_150, _whistle, 0.2),
        Kind.SIREN: Voice(480, _siren, 0.2),
        Kind.CLOCK: Voice(1_300, _clock, 0.12),
        Kind.GUITAR: Voice(165, _guitar, 0.3),
        Kind.HORN: Voice(150, _horn, 0.25),
        Kind.KETTLE: Voice(900, _kettle, 0.2),
    }
)
"""The voice of every kind. Far sounds lose what lies above about 2 kHz, so every voice has something below it."""
