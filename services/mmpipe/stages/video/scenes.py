"""Where a new scene begins: a cut changes the distribution of brightness between two pictures, motion hardly does.

The measure is the share of pixels that change their place in the luma histogram (total variation distance, in [0, 1]),
the classic of shot boundary detection (Boreczky and Rowe, *Comparison of video shot boundary detection techniques*,
SPIE 2670, 1996). Gradual transitions spread the change over many pictures and are not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from mmpipe.records import Pixels

CUT = 0.3
"""Least change that is a cut. Inside scenes of ordinary motion the change stays under 0.1; between unrelated pictures
it is mostly above 0.4."""

_BINS = 32
_WIDTH, _HEIGHT = 64, 36


def cuts(frames: Iterable[tuple[int, VideoFrame]]) -> Iterator[int]:
    """Times of the frames that begin a new scene. One small histogram is kept, whatever the length of the film."""
    before: NDArray[np.float64] | None = None
    for time, frame in frames:
        histogram = luma_histogram(_small(frame))
        if before is not None and change(before, histogram) >= CUT:
            yield time
        before = histogram


def luma_histogram(grey: Pixels) -> NDArray[np.float64]:
    """Share of the pixels in each of 32 steps of brightness, uint8 [height, width] -> [32]."""
    return np.bincount(grey.ravel() >> 3, minlength=_BINS) / grey.size


def change(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Total variation distance of two histograms, in [0, 1]."""
    return float(np.abs(before - after).sum() / 2)


def _small(frame: VideoFrame) -> Pixels:
    grey = frame.reformat(_WIDTH, _HEIGHT, "gray", interpolation="AREA", threads=1)
    return grey.to_ndarray().astype(np.uint8, copy=False)
