"""NPY: NumPy's own array file, read without ever unpickling.

The header is parsed by NumPy (``ast.literal_eval`` within a length limit); pixels are taken from the bytes as they are.
"""

from __future__ import annotations

from io import BytesIO
from math import prod
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy_format

from mmpipe.records import Media
from mmpipe.stages.depth.arrays import Header, Numbers
from mmpipe.stages.verdicts import Refused

_GATE = "depth.decode"
_HEADER_BYTES = 16_384
_READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
_NUMBER_KINDS = frozenset("fiu")


def read_header(media: Media) -> Header:
    """Shape and type. Raises :class:`Refused` unless it is a two-dimensional array of numbers."""
    head = BytesIO(media.content[:_HEADER_BYTES])
    shape, fortran, dtype = _parse(head)
    if dtype.kind not in _NUMBER_KINDS or dtype.hasobject:
        raise Refused(_GATE, f"the NPY holds {dtype}: a depth map is an array of integers or floating-point numbers")
    if len(shape) != 2:  # noqa: PLR2004 - height and width
        raise Refused(_GATE, f"the NPY has the shape {shape}: a depth map has two dimensions, height and width")
    start = head.tell()
    return Header(shape[1], shape[0], lambda: _numbers(media, start, shape, dtype, fortran=fortran))


def _parse(head: BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    try:
        version = npy_format.read_magic(head)
        return _READERS[version](head)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, EOFError, RecursionError) as fault:
        raise Refused(_GATE, f"the NPY header can't be read ({fault}): expected version 1 or 2, unbroken") from fault


def _numbers(
    media: Media, start: int, shape: tuple[int, ...], dtype: np.dtype[np.generic], *, fortran: bool
) -> Numbers:
    expected, found = prod(shape) * dtype.itemsize, len(media.content) - start
    if found < expected:
        raise Refused(_GATE, f"the NPY ends after {found} of {expected} bytes of pixels: it is truncated")
    flat: Numbers = np.frombuffer(media.content, dtype, prod(shape), start)
    return flat.reshape(shape, order="F" if fortran else "C")
