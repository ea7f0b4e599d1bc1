"""The chunks of a WAV file, only as far as to see whether its sound is all there.

A WAV file is ``RIFF size WAVE`` and then chunks of ``id size body``, bodies padded to even length (Microsoft,
*Multimedia Programming Interface and Data Specifications 1.0*, 1991). RIFX has big-endian sizes; RF64 keeps the size of
``data`` elsewhere (EBU Tech 3306).
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

from mmpipe.stages.media.errors import UnreadableError

_FIRST_CHUNK = 12
_CHUNK_HEADER = 8

_STREAMED = 0x7FFF_0000
"""Sizes from here on mean "unknown": writers to a pipe put 0xFFFFFFFF, 0x7FFFFFFF and the like."""


def check_complete(content: bytes | mmap) -> None:
    """Raise :class:`UnreadableError` where the ``data`` chunk promises more bytes than the file has."""
    promised, present = next(
        ((size, len(content) - body) for name, size, body in _chunks(content) if name == b"data"), (0, 0)
    )
    if present < promised < _STREAMED:
        raise UnreadableError(
            f"the recording breaks off: {present} bytes of sound found, {promised} expected by its header: "
            "copy the file again from its source"
        )


def _chunks(content: bytes | mmap) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and place of the body of each chunk."""
    order = "big" if content[:4] == b"RIFX" else "little"
    place = _FIRST_CHUNK
    while len(header := content[place : place + _CHUNK_HEADER]) == _CHUNK_HEADER:
        size = int.from_bytes(header[4:], "big" if order == "big" else "little")
        yield header[:4], size, place + _CHUNK_HEADER
        place += _CHUNK_HEADER + size + size % 2
