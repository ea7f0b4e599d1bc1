"""PFM: the portable float map, a three-word header before rows of float32 from the bottom up.

Format: https://www.pauldebevec.com/Research/HDR/PFM/. The sign of the scale tells the byte order; its magnitude is
ignored, as the Middlebury stereo tools ignore it.
"""

from __future__ import annotations

import re

import numpy as np

from mmpipe.records import Media
from mmpipe.stages.depth.arrays import Header, Numbers
from mmpipe.stages.verdicts import Refused

_GATE = "depth.decode"
_HEADER = re.compile(rb"P([fF])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?)[\d.eE+-]+\s")
_HEADER_BYTES = 256


def read_header(media: Media) -> Header:
    """Size and byte order. Raises :class:`Refused` for a header that isn't PFM's, or a map in colour."""
    found = _HEADER.match(media.content[:_HEADER_BYTES])
    if found is None:
        raise Refused(_GATE, "the PFM header can't be read: expected `Pf`, width, height and scale")
    kind, width, height, sign = found.groups()
    if kind == b"F":
        raise Refused(_GATE, "the PFM is in colour (`PF`): a depth map has one number per pixel (`Pf`)")
    shape, dtype = (int(height), int(width)), np.dtype("<f4" if sign == b"-" else ">f4")
    return Header(shape[1], shape[0], lambda: _numbers(media, found.end(), shape, dtype))


def _numbers(media: Media, start: int, shape: tuple[int, int], dtype: np.dtype[np.float32]) -> Numbers:
    count = shape[0] * shape[1]
    expected, found = count * dtype.itemsize, len(media.content) - start
    if found < expected:
        raise Refused(_GATE, f"the PFM ends after {found} of {expected} bytes of pixels: it is truncated")
    return np.frombuffer(media.content, dtype, count, start).reshape(shape)[::-1]
