"""The size of a WebP, read before Pillow opens it: its decoder already takes memory for the canvas then.

Format: RFC 9649, 2.5 to 2.7 (lossy, lossless and extended files begin with a different chunk each).
"""

from __future__ import annotations

from mmpipe.stages.formats.catalogue import Content
from mmpipe.stages.verdicts import Refused

_HEADER_BYTES = 30
_FOURTEEN_BITS = 0x3FFF
_LOSSY_START, _LOSSLESS_START = b"\x9d\x01\x2a", b"\x2f"


def canvas(content: Content) -> tuple[int, int]:
    """Width and height in pixels. Raises :class:`Refused` where the file doesn't begin with one of the three chunks."""
    head = content[:_HEADER_BYTES].ljust(_HEADER_BYTES, b"\0")
    chunk = head[12:16]
    if chunk == b"VP8X":
        return _number(head[24:27]) + 1, _number(head[27:30]) + 1
    if chunk == b"VP8L" and head[20:21] == _LOSSLESS_START:
        bits = _number(head[21:25])
        return (bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1
    if chunk == b"VP8 " and head[23:26] == _LOSSY_START:
        return _number(head[26:28]) & _FOURTEEN_BITS, _number(head[28:30]) & _FOURTEEN_BITS
    raise Refused("image.decode", f"the WebP begins with the chunk {chunk!r} and no size: it is truncated or broken")


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
