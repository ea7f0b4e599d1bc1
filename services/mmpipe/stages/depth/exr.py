"""EXR: the format of renderers, through the OpenEXR library.

The depth is the channel called Z (of any layer), else Y, else R. OpenEXR decodes all channels of a file at once, so
the caps count each of them.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import OpenEXR

from mmpipe.records import Media
from mmpipe.stages.depth.arrays import Header, Numbers
from mmpipe.stages.verdicts import Refused

_GATE = "depth.decode"
_DEPTH_CHANNELS = ("Z", "Y", "R")
# What the binding raises on broken bytes; it has no errors of its own.
_FAULTS = (RuntimeError, ValueError, TypeError, KeyError, OSError, OverflowError)
# Runtimes run one stage on each core: no threads of OpenEXR's own.
_THREADS = 0


def read_header(media: Media) -> Header:
    """Size and channels of the first part that has a depth channel. Raises :class:`Refused` where there is none."""
    parts = _parts(media, header_only=True)
    index, channel = _depth_channel(parts)
    (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in parts[index].header["dataWindow"])
    layers = sum(len(part.channels) for part in parts)
    return Header(right - left + 1, bottom - top + 1, lambda: _numbers(media, index, channel), layers)


def _numbers(media: Media, index: int, channel: str) -> Numbers:
    pixels: Any = _parts(media, header_only=False)[index].channels[channel].pixels
    return np.asarray(pixels)


def _parts(media: Media, *, header_only: bool) -> list[Any]:
    try:
        stream = BytesIO(media.content)
        opened = OpenEXR.File(stream, separate_channels=True, header_only=header_only, num_threads=_THREADS)
        return list(opened.parts)
    except _FAULTS as fault:
        raise Refused(_GATE, f"the EXR can't be read ({fault}): the file is truncated or broken") from fault


def _depth_channel(parts: list[Any]) -> tuple[int, str]:
    """Index of the part and name of the channel."""
    named = [(index, name) for index, part in enumerate(parts) for name in part.channels]
    for wanted in _DEPTH_CHANNELS:
        for index, name in named:
            if name.rpartition(".")[2].upper() == wanted:
                return index, name
    present = ", ".join(name for _, name in named) or "no channels"
    raise Refused(_GATE, f"the EXR has {present}: a depth map needs a channel called Z, Y or R")
