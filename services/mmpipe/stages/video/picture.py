"""A decoded frame becomes a square upright picture: scaled by the short edge, cut in the middle, turned as it asks.

One swscale pass from the coded pixels to RGB at the final size; nothing large is ever converted. Pixels that are not
square (DVD, HDV) are stretched to what a screen would show.
"""

from __future__ import annotations

from math import ceil
from struct import unpack_from

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mmpipe.records import Pixels

type Matrix = tuple[int, int, int, int]

UPRIGHT: Matrix = (1, 0, 0, 1)

_MATRIX_BYTES = 36


def square(frame: VideoFrame, size: int, pixel_aspect: float = 1.0) -> Pixels:
    """uint8 [size, size, 3] RGB: short edge scaled to ``size``, the middle cut out of the long one, not turned yet."""
    width, height = scaled(frame.width, frame.height, size, pixel_aspect)
    rgb = frame.reformat(width, height, "rgb24", interpolation="BILINEAR", threads=1).to_ndarray()
    top, left = (height - size) // 2, (width - size) // 2
    return np.ascontiguousarray(rgb[top : top + size, left : left + size], dtype=np.uint8)


def scaled(width: int, height: int, size: int, pixel_aspect: float = 1.0) -> tuple[int, int]:
    """Width and height with the short edge at ``size``; ``pixel_aspect`` is a pixel's width by its height."""
    ratio = width * pixel_aspect / height
    return (max(size, ceil(size * ratio)), size) if ratio >= 1 else (size, max(size, ceil(size / ratio)))


def turned(picture: Pixels, matrix: Matrix) -> Pixels:
    """The picture as ``matrix`` shows it: a right-angle rotation, a mirror image, or both.

    The matrix ``(a, b, c, d)`` maps a pixel (x, y) to (a x + c y, b x + d y), y downwards (ISO/IEC 14496-12, 6.2.2).
    """
    a, b, c, d = matrix
    crosswise = abs(b) > abs(a)
    picture = picture.swapaxes(0, 1) if crosswise else picture
    rightwards, downwards = (c, b) if crosswise else (a, d)
    return np.ascontiguousarray(picture[:: -1 if downwards < 0 else 1, :: -1 if rightwards < 0 else 1])


def display_matrix(stream: VideoStream) -> Matrix:
    """How the stream asks to be shown; :data:`UPRIGHT` where it does not."""
    data = stream.codec_context.coded_side_data.get("display_matrix", b"")
    if len(data) < _MATRIX_BYTES:
        return UPRIGHT
    a, b, _, c, d = unpack_from("=5i", data)
    return (a, b, c, d) if (a, b) != (0, 0) else UPRIGHT


def pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel by its height; 1 where the film does not say, or says what no screen could show."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / 4 <= ratio <= 4 else 1.0  # noqa: PLR2004 - film standards use 0.9 to 2
