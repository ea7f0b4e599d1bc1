"""Which side is up: the eight orientations of Exif, and how to undo them.

Applied after scaling, to the small square: for a square all eight only move pixels around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from mmpipe.records import Pixels

UPRIGHT = 1

# Exif 2.32, tag 0x0112. The value says where the stored picture's first row and column belong.
_TURNS: Mapping[int, Callable[[Pixels], Pixels]] = MappingProxyType(
    {
        2: lambda pixels: pixels[:, ::-1],
        3: lambda pixels: pixels[::-1, ::-1],
        4: lambda pixels: pixels[::-1],
        5: lambda pixels: pixels.swapaxes(0, 1),
        6: lambda pixels: pixels[::-1].swapaxes(0, 1),
        7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
        8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
    }
)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """The picture [H, W, 3] as it is meant to be seen, contiguous; an orientation unknown to Exif changes nothing."""
    turn = _TURNS.get(orientation)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height as seen: orientations from 5 on lie on their side."""
    return (height, width) if orientation in range(5, 9) else (width, height)
