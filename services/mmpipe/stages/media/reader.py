"""Bytes as a file: what libsndfile and PyAV read from, over ``bytes`` and over an ``mmap`` alike.

``io.BytesIO`` would copy a whole ``mmap`` into memory, and the ``mmap`` itself has one position that threads working on
different segments of the same film would fight over. A :class:`Reader` copies only what is read and has its own
position.
"""

from __future__ import annotations

import io
from collections.abc import Buffer
from mmap import mmap


class Reader(io.RawIOBase):
    """A read-only, seekable view of ``content``; close it (or use ``with``) before the ``mmap`` is closed."""

    def __init__(self, content: bytes | mmap) -> None:
        super().__init__()
        self._view = memoryview(content)
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to ``offset`` from the start, the position or the end; before the start is the start."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """At most ``size`` bytes (all that follow where it is negative), fewer at the end, none past it."""
        end = len(self._view) if size is None or size < 0 else self._position + size
        found = bytes(self._view[self._position : end])
        self._position += len(found)
        return found

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` as far as there are bytes; returns how many."""
        target = memoryview(buffer).cast("B")
        found = self._view[self._position : self._position + len(target)]
        target[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        """Let go of the content, so that an ``mmap`` can be closed."""
        self._view.release()
        super().close()
