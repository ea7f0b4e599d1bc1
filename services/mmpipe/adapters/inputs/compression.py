"""A compressed stream as the plain bytes in it, watched for bombs.

The guard compares what came out with what went in, all the time: a bomb ends after ``RATIO_GRACE_BYTES`` or
``ratio`` times what was read of it, long before memory or disk is gone. Working memory is bounded per format: gzip
32 KiB, bzip2 4 MiB, zstd 128 MiB (Arrow's window limit), xz as set here.

zstd comes through Arrow, which the base install has anyway (Python's own arrives with 3.14); it is imported only when
met.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Buffer, Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, cast

from mmpipe.adapters.inputs.errors import DamagedInputError, InputBombError
from mmpipe.adapters.inputs.kinds import Packing
from mmpipe.adapters.inputs.limits import MIB, InputLimits

_CHUNK_BYTES = 128 * 1024
_XZ_MEMORY_BYTES = 256 * MIB
"""Most memory that one xz stream may ask for; ``xz -9`` asks for 65 MiB."""
_BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)  # Arrow raises OSError and ValueError


def unpacked(packed: BinaryIO, packing: Packing, where: str, limits: InputLimits) -> BinaryIO:
    """The plain bytes of ``packed``. Reading raises DamagedInputError or InputBombError about ``where``."""
    counted = _Counted(packed)
    plain = _OPENERS[packing](io.BufferedReader(counted, _CHUNK_BYTES))
    return io.BufferedReader(_Watched(plain, counted, where, limits), _CHUNK_BYTES)


class _Counted(io.RawIOBase):
    """A stream that knows how much was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        chunk = self._read(len(view))
        view[: len(chunk)] = chunk
        self.count += len(chunk)
        return len(chunk)


class _Watched(io.RawIOBase):
    """Unpacked bytes as long as their ratio to the packed ones is within the limits."""

    def __init__(self, plain: BinaryIO, packed: _Counted, where: str, limits: InputLimits) -> None:
        self._plain = plain
        self._packed = packed
        self._where = where
        self._limits = limits
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        chunk = self._read(len(view))
        view[: len(chunk)] = chunk
        self._given += len(chunk)
        self._refuse_bombs()
        return len(chunk)

    def _read(self, size: int) -> bytes:
        try:
            return cast("bytes", getattr(self._plain, "read1", self._plain.read)(size))
        except _BROKEN as error:
            raise DamagedInputError(
                self._where,
                f"its compression breaks off after {self._packed.count} bytes ({error})",
                "a complete file",
                "copy it again, or test it with the tool that made it",
            ) from error

    def _refuse_bombs(self) -> None:
        if self._limits.allows_ratio(self._given, self._packed.count):
            return
        raise InputBombError(
            self._where,
            f"unpacks {self._packed.count} bytes to {self._given} and more",
            f"at most {self._limits.max_decompression_ratio:g} bytes per byte",
            "raise source.files.maxDecompressionRatio if you trust it",
        )


class _Xz(io.RawIOBase):
    """What lzma.LZMAFile does, with the memory limit that it has no argument for."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._decoder = self._new_decoder()

    @staticmethod
    def _new_decoder() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        chunk = b""
        while not chunk and (fed := self._feed()) is not None:
            chunk = self._decoder.decompress(fed, len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def _feed(self) -> bytes | None:
        """What the decoder needs next, None at the end of the last stream; raises EOFError within one."""
        if not self._decoder.needs_input and not self._decoder.eof:
            return b""
        left_over = self._decoder.unused_data if self._decoder.eof else b""
        fed = left_over or self._packed.read(_CHUNK_BYTES)
        if not fed and not self._decoder.eof:
            raise EOFError("the stream has no end marker")
        if self._decoder.eof:
            self._decoder = self._new_decoder()
        return fed or None


def _gzip(packed: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=packed))


def _bz2(packed: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", bz2.BZ2File(packed))


def _xz(packed: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Xz(packed), _CHUNK_BYTES)


def _zstd(packed: BinaryIO) -> BinaryIO:
    import pyarrow as pa  # noqa: PLC0415  # 150 ms that only zstd is worth

    return cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))


_OPENERS: Mapping[Packing, Callable[[BinaryIO], BinaryIO]] = MappingProxyType(
    {Packing.GZIP: _gzip, Packing.BZ2: _bz2, Packing.XZ: _xz, Packing.ZSTD: _zstd},
)
