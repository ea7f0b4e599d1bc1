"""The fast path for JPEG: a cheap look at the header, then libjpeg-turbo, scaling while it decodes.

The header is walked in Python because three things are wanted before any decoder sees the bytes: the size to hold
against the caps, the Exif orientation, and the number of scans. A file that simplejpeg doesn't take as it is (CMYK,
12 bits, arithmetic coding, stray bytes) is left to ``decode``, which hands it to Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import simplejpeg

from mmpipe.records import Pixels
from mmpipe.stages.formats.catalogue import Content
from mmpipe.stages.formats.tiff_tags import ORIENTATION, first_directory
from mmpipe.stages.image.fitting import halved
from mmpipe.stages.image.orientation import UPRIGHT
from mmpipe.stages.verdicts import Refused

_GATE = "image.decode"

# Markers of ITU-T T.81, table B.1.
_APP1, _START_OF_SCAN, _END_OF_IMAGE, _PADDING = 0xE1, 0xDA, 0xD9, 0xFF
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_EXIF = b"Exif\0\0"
_FAST_PRECISION_BITS = 8
_FAST_COMPONENTS = frozenset((1, 3))

_MOST_SEGMENTS = 4096
"""A colour profile in pieces takes up to 255 of them, extended metadata a few hundred."""

_MOST_SCANS = 100
"""A progressive file has about ten; every further one costs a pass over all pixels (libjpeg-turbo, LJT-01-004)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a JPEG before it is decoded; ``fast`` says whether simplejpeg decodes its kind."""

    width: int
    height: int
    orientation: int
    fast: bool


def read_header(content: Content) -> Header:
    """Size, orientation and kind. Raises :class:`Refused` without a frame header, or with too many scans."""
    at, orientation = 2, UPRIGHT
    for _ in range(_MOST_SEGMENTS):
        marker, body, after = _segment(content, at)
        if marker == _APP1 and content[body : body + len(_EXIF)] == _EXIF:
            orientation = first_directory(content, body + len(_EXIF)).get(ORIENTATION, UPRIGHT)
        if marker in _FRAMES:
            return _frame(content, marker, body, orientation)
        at = after
    raise Refused(_GATE, f"the JPEG has no frame header within {_MOST_SEGMENTS} segments: it is made to waste time")


def decode_scaled(content: Content, header: Header, halvings: int) -> Pixels | None:
    """RGB pixels [H, W, 3], halved so many times while decoding; None where simplejpeg finds anything to object to."""
    height, width = halved(header.height, halvings), halved(header.width, halvings)
    try:
        return np.asarray(simplejpeg.decode_jpeg(content, "RGB", min_height=height, min_width=width), dtype=np.uint8)
    except ValueError:
        return None


def _segment(content: Content, at: int) -> tuple[int, int, int]:
    """The next marker, where its body begins and where it ends (T.81, B.1.1.4); a padding byte counts as one."""
    if content[at : at + 2] == b"\xff\xff":
        return _PADDING, at + 1, at + 1
    marker = content[at + 1 : at + 2]
    if content[at : at + 1] != b"\xff" or marker in {b"", bytes([_START_OF_SCAN]), bytes([_END_OF_IMAGE])}:
        raise Refused(_GATE, f"the JPEG has no frame header before byte {at}: it is truncated or broken")
    return marker[0], at + 4, at + 2 + max(int.from_bytes(content[at + 2 : at + 4]), 2)


def _frame(content: Content, marker: int, body: int, orientation: int) -> Header:
    frame = content[body : body + 6]
    if len(frame) < 6:  # noqa: PLR2004 - precision, height, width, components (T.81, B.2.2)
        raise Refused(_GATE, f"the JPEG ends inside its frame header, at byte {len(content)}: it is truncated")
    if marker == _PROGRESSIVE:
        _check_scans(content)
    fast = marker in _HUFFMAN_FRAMES and frame[0] == _FAST_PRECISION_BITS and frame[5] in _FAST_COMPONENTS
    return Header(int.from_bytes(frame[3:5]), int.from_bytes(frame[1:3]), orientation, fast)


def _check_scans(content: Content) -> None:
    # Entropy-coded bytes never look like a marker, so counting is enough; a thumbnail in Exif adds one or a few.
    scans = bytes(content).count(bytes((0xFF, _START_OF_SCAN)))
    if scans > _MOST_SCANS:
        reason = f"the JPEG has {scans} progressive scans, at most {_MOST_SCANS} are decoded: it is made to waste time"
        raise Refused(_GATE, reason, scans, _MOST_SCANS)
