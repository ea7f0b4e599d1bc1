"""JPEGs to measure with: 640x480, quality 90, 1/f noise as in natural pictures, about 130 KB (near the worst case)."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 640, 480
_COLOUR, _SLOPE = 0.2, 1.1
"""How much of each channel is its own, and how steeply amplitude falls: photographs have slopes of 0.8 to 1.5."""


@cache
def jpegs(count: int) -> tuple[bytes, ...]:
    """So many different pictures, the same ones on every machine."""
    return tuple(_jpeg(seed) for seed in range(count))


def _jpeg(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(natural(seed)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def natural(seed: int) -> NDArray[np.uint8]:
    """Noise with the spectrum of photographs: amplitude falls with 1/f (Field, 1987), channels mostly agree.

    uint8 [480, 640, 3]; grey levels have a standard deviation of 30.
    """
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 3))
    noise = (1 - _COLOUR) * noise[:, :, :1] + _COLOUR * noise
    y, x = np.fft.fftfreq(HEIGHT)[:, None, None], np.fft.fftfreq(WIDTH)[None, :, None]
    spectrum = np.fft.fft2(noise, axes=(0, 1)) / np.maximum(np.hypot(y, x), 1 / WIDTH) ** _SLOPE
    waves = np.fft.ifft2(spectrum, axes=(0, 1)).real
    scaled = (waves - waves.mean()) / waves.std() * 30 + 128
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
