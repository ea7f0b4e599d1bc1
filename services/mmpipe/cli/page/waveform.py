"""A sound as a drawing: the path of an SVG with one upright stroke for each moment."""

from __future__ import annotations

import numpy as np

from mmpipe.records import Floats

WIDTH = 150
"""Moments drawn, evenly over the sound, one for each unit of the drawing's view box."""
HEIGHT = 48
"""Height of the drawing's view box."""
_FAINTEST = 1e-3
"""A sound is drawn as if its peak were full scale, but no further up than from -60 dBFS: silence stays a line."""


def waveform(samples: Floats) -> str:
    """The ``d`` attribute of a path in a view box of :data:`WIDTH` by :data:`HEIGHT`; float32 [samples] in."""
    half = HEIGHT / 2
    reach = _peaks(samples) * (half - 1)
    return "".join(
        f"M{at}.5 {half - height:.1f}V{half + height:.1f}" for at, height in enumerate(np.maximum(reach, 0.4))
    )


def _peaks(samples: Floats) -> Floats:
    """The largest magnitude of each moment, float32 [WIDTH], the loudest moment being 1."""
    if not samples.size:
        return np.zeros(WIDTH, np.float32)
    starts = np.linspace(0, samples.size, WIDTH, endpoint=False).astype(np.intp)
    peaks = np.maximum.reduceat(np.abs(samples), starts)
    return (peaks / max(float(peaks.max()), _FAINTEST)).astype(np.float32)
