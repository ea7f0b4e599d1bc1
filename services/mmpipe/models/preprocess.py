"""From a payload to the arrays a tower takes, as a package's ``package.json`` describes it.

A description is one of :data:`.inputs.Input`, told apart by ``kind``. One payload becomes *windows*: arrays whose
first axis counts equally shaped views of the payload (one for a picture, several for a long sound or text). A tower
embeds every window and averages, so a payload of any length works and no payload ever sees its neighbours in a batch.

numpy does the arithmetic; OpenCV is imported when the first picture comes. Normalisation that a network can do
for itself (scaling pixels) is folded into its graph, not done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmpipe.models.inputs import AudioInput, DepthInput, ImageInput, TextInput, VideoInput
from mmpipe.records import Clip, Floats, Pixels

type Arrays = Mapping[str, NDArray[np.generic]]

SILENCE_DB = -40.0
"""A sound whose loudest band stays below this is not amplified any further."""
DYNAMIC_RANGE_DB = 60.0
"""Bands this far below the loudest one count as silent; lossy codecs leave less than that in between."""


def image_arrays(spec: ImageInput, pixels: Pixels) -> Arrays:
    """One picture, uint8 [height, width, 3] RGB of any size."""
    return {"pixels": square_picture(pixels, spec.side)[None]}


def audio_arrays(spec: AudioInput, samples: Floats) -> Arrays:
    """One sound, float32 [samples] mono 16 kHz of any length, the empty one included."""
    return {"mel": log_mel_windows(spec, samples)}


def video_arrays(spec: VideoInput, clip: Clip) -> Arrays:
    """One film; its frames are repeated for every window of its sound."""
    frames = np.stack(
        [square_picture(clip.frames[at], spec.picture.side) for at in evenly(len(clip.frames), spec.frames)]
    )
    heard = clip.audio is not None and clip.audio.size > 0
    sound = clip.audio if clip.audio is not None and heard else np.zeros(0, np.float32)
    mel = log_mel_windows(spec.sound, sound)
    return {
        "frames": np.repeat(frames[None], len(mel), axis=0),
        "mel": mel,
        "has_audio": np.full(len(mel), heard, np.float32),
    }


def depth_arrays(spec: DepthInput, metres: Floats) -> Arrays:
    """One depth map, float32 [height, width] metres of any size, NaN where unknown."""
    square = centre_square(metres)
    rows = ((np.arange(spec.side) + 0.5) * square.shape[0] / spec.side).astype(int)
    sampled = square[np.ix_(rows, rows)]
    known = np.isfinite(sampled) & (sampled > 0)
    logs = np.log(np.clip(np.where(known, sampled, 1.0), spec.min_metres, spec.max_metres))
    return {"depth": np.stack([np.where(known, logs, 0.0), known]).astype(np.float32)[None]}


def text_arrays(spec: TextInput, ids: list[int]) -> Arrays:
    """One tokenised text; an empty one becomes a single window of padding."""
    kept = np.array(ids[: spec.max_tokens * spec.max_windows], np.int64)
    windows = max(-(-kept.size // spec.max_tokens), 1)
    padded = np.zeros(windows * spec.max_tokens, np.int64)
    padded[: kept.size] = kept
    return {"tokens": padded.reshape(windows, spec.max_tokens)}


def centre_square[T: np.generic](plane: NDArray[T]) -> NDArray[T]:
    """The largest centred square of a picture or a map, [height, width, ...]."""
    height, width = plane.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return plane[top : top + side, left : left + side]


def square_picture(pixels: Pixels, side: int) -> Pixels:
    """The centre square of a picture at ``side`` pixels: averaged when it shrinks, interpolated when it grows."""
    import cv2  # noqa: PLC0415 - a text tower never needs it

    square = np.ascontiguousarray(centre_square(pixels))
    method = cv2.INTER_AREA if square.shape[0] >= side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side, side), interpolation=method), np.uint8)


def evenly(available: int, wanted: int) -> NDArray[np.intp]:
    """``wanted`` indices from the first to the last of ``available`` ones, repeating some if there are too few."""
    return np.linspace(0, available - 1, wanted).round().astype(np.intp)


def log_mel_windows(spec: AudioInput, samples: Floats) -> Floats:
    """Log-mel energies of half-overlapping windows: float32 [windows, mel_bands, frames], 0 silent to 1 loudest."""
    looped = _looped(samples, spec.window_samples)
    mel = np.stack(
        [_mel_energies(spec, looped[start : start + spec.window_samples]) for start in _starts(spec, looped.size)]
    )
    decibels = 10 * np.log10(mel + 1e-10)
    loudest = max(float(decibels.max()), SILENCE_DB)
    return np.asarray(np.clip(1 + (decibels - loudest) / DYNAMIC_RANGE_DB, 0, 1), np.float32)


def _looped(samples: Floats, at_least: int) -> Floats:
    if not samples.size:
        return np.zeros(at_least, np.float32)
    return np.tile(samples, -(-at_least // samples.size))[:at_least] if samples.size < at_least else samples


def _starts(spec: AudioInput, samples: int) -> NDArray[np.intp]:
    spare = samples - spec.window_samples
    count = min(-(-2 * spare // spec.window_samples) + 1, spec.max_windows)
    return np.linspace(0, spare, count).astype(np.intp)


def _mel_energies(spec: AudioInput, window: Floats) -> Floats:
    frames = np.lib.stride_tricks.sliding_window_view(window, spec.fft_samples)[:: spec.hop_samples]
    spectrum = np.fft.rfft(frames * np.hanning(spec.fft_samples).astype(np.float32))
    power = spectrum.real**2 + spectrum.imag**2
    # einsum, not matmul: the BLAS would wake its threads for this, which costs ten times as much as the sum
    return np.asarray(np.einsum("mf,tf->mt", mel_filters(spec), power), np.float32)


@lru_cache(maxsize=8)
def mel_filters(spec: AudioInput) -> Floats:
    """Triangular filters with unit sum, evenly spaced on HTK's mel scale, m = 2595 log10(1 + f / 700).

    float32 [mel_bands, fft_samples // 2 + 1]; a band narrower than a bin takes the bin nearest to its centre.
    """
    hz = np.fft.rfftfreq(spec.fft_samples, 1 / spec.sample_rate_hz)
    low, high = (2595 * np.log10(1 + np.array([spec.low_hz, spec.high_hz]) / 700)).tolist()
    corners = 700 * (10 ** (np.linspace(low, high, spec.mel_bands + 2) / 2595) - 1)
    rising = (hz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - hz) / np.diff(corners)[1:, None]
    filters = np.maximum(np.minimum(rising, falling), 0)
    filters[np.arange(spec.mel_bands), np.abs(hz - corners[1:-1, None]).argmin(axis=1)] += 1e-6
    return np.asarray(filters / filters.sum(axis=1, keepdims=True) / spec.fft_samples, np.float32)
