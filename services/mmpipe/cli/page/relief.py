"""Depth in colours: near is bright, far is dark, unknown is grey, and a legend says how many metres that is.

The colours are viridis: evenly spaced to the eye, safe for colour-blind readers, and readable as grey (Smith and van
der Walt, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmpipe.records import Floats, Pixels

_UNKNOWN_RGB = (150, 150, 150)
_ENDS_PERCENT = (2, 98)
"""The colours span these percentiles, so that one stray pixel does not flatten all others."""


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """A coloured depth map: uint8 [height, width, 3] RGB, the metres at both ends of the colours, the share unknown."""

    pixels: Pixels
    near_m: float
    far_m: float
    unknown: float


def relief(depth: Floats, edge: int) -> Relief | None:
    """Colour ``depth``, float32 [height, width] metres; the longer edge becomes at most ``edge`` pixels.

    None where no pixel is known. Pixels are picked and never averaged: an edge between near and far is real.
    """
    small = _thinned(depth, edge)
    known = np.isfinite(small)
    if not known.any():
        return None
    near, far = (float(end) for end in np.percentile(small[known], _ENDS_PERCENT))
    closeness = np.where(known, (far - small) / max(far - near, 1e-6), 0.0)
    pixels = _coloured(closeness.clip(0.0, 1.0))
    pixels[~known] = _UNKNOWN_RGB
    return Relief(pixels, near, far, float((~known).mean()))


def legend() -> Pixels:
    """The colours from near to far, uint8 [1, 256, 3] RGB."""
    return _coloured(np.linspace(1.0, 0.0, 256)[None])


def _thinned(depth: Floats, edge: int) -> Floats:
    step = max(1.0, max(depth.shape) / edge)
    rows, columns = (np.arange(0, length, step).astype(np.intp) for length in depth.shape)
    return depth[np.ix_(rows, columns)]


def _coloured(values: NDArray[np.floating]) -> Pixels:
    import cv2  # 60 ms that only a page with depth maps pays

    bgr = cv2.applyColorMap((values * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
