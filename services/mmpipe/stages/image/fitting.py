"""Fitting a picture into the square that the models get: how far to scale, with which kernel, and what to cut or add.

The grid is that of torchvision and of CLIP's own code (scale the short edge, then cut the middle), so encoders
trained on it see what they expect. Kernels are chosen by how much is left to scale, so that the result stays close to
Pillow's antialiased bicubic at a fraction of its time; ``bench/`` measures both.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmpipe.records import Pixels
from mmpipe.spec.image import ImageDecode

_MOST_HALVINGS = 3
"""JPEG's cosine transform scales by 1/2, 1/4 and 1/8 almost for free (libjpeg-turbo has SIMD for no other step)."""

# Shrinking factors at which the next kernel is closer to antialiased bicubic (PSNR over 1/f pictures of 256 to 3000
# px): up to 1.25 the cubic is, up to 1.7 the bilinear, up to 3 the bilinear behind a small blur, beyond that the mean
# of areas.
_CUBIC_UP_TO, _LINEAR_UP_TO, _BLURRED_UP_TO = 1.25, 1.7, 3.0
_BLUR_PIXELS, _BLUR_SIGMA = (3, 3), 0.7

_WIDEST = 4
"""A longer strip (long by short edge) is cut to this before it is scaled, not after: scaling a line is unbounded."""


def scaled_size(width: float, height: float, options: ImageDecode) -> tuple[int, int]:
    """Width and height after scaling and before the cut (``Crop``) or the border (``Pad``)."""
    size = options.size
    if options.resize == "Stretch":
        return size, size
    edge = min(width, height) if options.resize == "Crop" else max(width, height)
    return max(int(size * width / edge), 1), max(int(size * height / edge), 1)


def halvings(width: int, height: int, options: ImageDecode) -> int:
    """How often a decoder may halve the picture and still leave the pixels that are asked for; at most three times."""
    goal_width, goal_height = scaled_size(width, height, options)
    spare = min(width // goal_width, height // goal_height)
    return min(max(spare.bit_length() - 1, 0), _MOST_HALVINGS)


def halved(edge: int, times: int) -> int:
    """Pixels of an edge after some halvings, as libjpeg rounds: up."""
    return -(-edge >> times)


def extent(edges: tuple[int, int], times: int) -> tuple[float, float]:
    """Edges after some halvings, in halved pixels; where :func:`halved` rounds up, the last pixel counts in part."""
    return edges[0] / 2**times, edges[1] / 2**times


def fitted(pixels: Pixels, size: tuple[float, float], options: ImageDecode) -> Pixels:
    """The picture [H, W, 3] as a square [size, size, 3].

    ``size`` is its width and height, by their :func:`extent` where a decoder has halved it: the grid must not depend
    on rounding.
    """
    if options.resize == "Crop" and max(size) > _WIDEST * min(size):
        pixels = _shortened(pixels)
        size = pixels.shape[1], pixels.shape[0]
    scaled = _scaled(pixels, size, scaled_size(*size, options))
    return _padded(scaled, options.size) if options.resize == "Pad" else _middle(scaled, options.size, options.size)


def _shortened(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    longest = min(width, height) * _WIDEST
    return _middle(pixels, min(width, longest), min(height, longest))


def _scaled(pixels: Pixels, size: tuple[float, float], goal: tuple[int, int]) -> Pixels:
    if size == goal:
        return pixels
    shrink = max(size[0] / goal[0], size[1] / goal[1])
    blurred = _LINEAR_UP_TO < shrink <= _BLURRED_UP_TO
    source = cv2.GaussianBlur(pixels, _BLUR_PIXELS, _BLUR_SIGMA) if blurred else pixels
    # Factors instead of a size to come to: these may be fractions of a pixel off it, and OpenCV keeps to them exactly.
    factors = goal[0] / size[0], goal[1] / size[1]
    scaled = cv2.resize(source, None, fx=factors[0], fy=factors[1], interpolation=_kernel(shrink))
    return np.asarray(scaled, dtype=np.uint8)[: goal[1], : goal[0]]


def _kernel(shrink: float) -> int:
    if shrink > _BLURRED_UP_TO:
        return cv2.INTER_AREA
    return cv2.INTER_CUBIC if shrink <= _CUBIC_UP_TO else cv2.INTER_LINEAR


def _middle(pixels: Pixels, width: int, height: int) -> Pixels:
    """The middle ``width`` by ``height`` pixels, a view; rounded as torchvision's centre crop rounds."""
    top, left = round((pixels.shape[0] - height) / 2), round((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def _padded(pixels: Pixels, size: int) -> Pixels:
    square = np.zeros((size, size, 3), np.uint8)
    _middle(square, pixels.shape[1], pixels.shape[0])[:] = pixels
    return square
