"""JPEGs to measure with: 1/f noise as in natural pictures, in the sizes and densities of people's photographs.

Density decides: entropy decoding takes the same time for each byte whatever is done with the pixels, so a picture of
few bytes per pixel gains most from scaling while it is decoded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLOUR = 0.2
"""How much of each channel is its own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of JPEG: size, how steeply amplitude falls (photographs have slopes of 0.8 to 1.5), quality.

    ``speed_goal`` is how many times as fast as Pillow it is to be decoded; see ``bench.decode`` for the small ones.
    """

    name: str
    width: int
    height: int
    slope: float
    quality: int
    speed_goal: float = 4.0


DENSE = Kind("640x480, 0.42 bytes/px", 640, 480, 1.1, 90, 2.5)
"""About 130 KB, near the worst case: photographs saved for the web at high quality, as in COCO."""

KINDS = (
    DENSE,
    Kind("640x480, 0.21 bytes/px", 640, 480, 1.3, 85, 3.5),
    Kind("1600x1200, 0.18 bytes/px", 1600, 1200, 1.3, 85),
    Kind("4000x3000, 0.14 bytes/px", 4000, 3000, 1.3, 85),
)


@cache
def jpegs(count: int, kind: Kind = DENSE) -> tuple[bytes, ...]:
    """So many different pictures, the same ones on every machine."""
    return tuple(_jpeg(seed, kind) for seed in range(count))


def _jpeg(seed: int, kind: Kind) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(natural(seed, kind)).save(stream, "JPEG", quality=kind.quality)
    return stream.getvalue()


def natural(seed: int, kind: Kind = DENSE) -> NDArray[np.uint8]:
    """Noise with the spectrum of photographs: amplitude falls with 1/f (Field, 1987), channels mostly agree.

    uint8 [height, width, 3]; grey levels have a standard deviation of 30.
    """
    noise = np.random.default_rng(seed).standard_normal((kind.height, kind.width, 3))
    noise = (1 - _COLOUR) * noise[:, :, :1] + _COLOUR * noise
    y, x = np.fft.fftfreq(kind.height)[:, None, None], np.fft.fftfreq(kind.width)[None, :, None]
    spectrum = np.fft.fft2(noise, axes=(0, 1)) / np.maximum(np.hypot(y, x), 1 / kind.width) ** kind.slope
    waves = np.fft.ifft2(spectrum, axes=(0, 1)).real
    scaled = (waves - waves.mean()) / waves.std() * 30 + 128
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
