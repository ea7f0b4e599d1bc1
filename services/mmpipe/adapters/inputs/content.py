"""Bytes of one file or one member, however large: in memory while small, mapped from disk when not.

A mapped file is read page by page by whoever decodes it, and its handle goes when the last reference to the map goes.
Two consequences are taken on purpose: a mapped file must not be cut short while it is decoded (the kernel would stop
the process with SIGBUS), and every map holds one file descriptor.

Opening never blocks (a FIFO without a writer would) and nothing but regular files is read. This module knows nothing
of formats, samples or archives.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Buffer, Callable, Iterator
from contextlib import ExitStack
from mmap import ACCESS_READ, mmap
from typing import BinaryIO

from mmpipe.adapters.inputs.errors import SpoolError
from mmpipe.adapters.inputs.limits import MIB, too_large
from mmpipe.adapters.inputs.uris import readable
from mmpipe.records import Rejected

type Content = bytes | mmap

MAP_FROM_BYTES = 8 * MIB
"""Files from this size on are mapped, not read."""
SPOOL_FROM_BYTES = 64 * MIB
"""Members of archives from above this size go through a temporary file; below, they are ``bytes``."""

_CHUNK_BYTES = MIB
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_MACHINE_FAULTS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_REMEDIES = {
    errno.ENOENT: "it vanished after it was listed, or is a link to nothing: restore it or take it out",
    errno.EACCES: "give this user permission to read it",
    errno.EPERM: "give this user permission to read it",
    errno.ELOOP: "the link leads to itself: point it at a file",
}


def read_file(path: str, max_bytes: int) -> Content | Rejected:
    """The content of a regular file, or why there is none. Raises OSError only for faults of the machine."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except ValueError as error:  # a NUL in the path: no file system has such a name
        return Rejected("input.read", f"{readable(path)} is not a path ({error}); expected one without NUL bytes.")
    except OSError as error:
        return _refused_by_system(path, error)
    try:
        return _read_descriptor(descriptor, path, max_bytes)
    except OSError as error:
        return _refused_by_system(path, error)
    finally:
        os.close(descriptor)


def read_head(path: str, size_bytes: int) -> bytes:
    """The first bytes of a file; empty for what is no regular file. Raises OSError as the system does."""
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, size_bytes) if is_regular else b""
    finally:
        os.close(descriptor)


def _read_descriptor(descriptor: int, path: str, max_bytes: int) -> Content | Rejected:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Rejected("input.read", f"{readable(path)} is {file_type(status.st_mode)}; expected a regular file.")
    if status.st_size > max_bytes:
        return too_large(readable(path), status.st_size, max_bytes)
    if status.st_size >= MAP_FROM_BYTES:
        return mmap(descriptor, status.st_size, access=ACCESS_READ)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(status.st_size)


def file_type(mode: int) -> str:
    """What a path that isn't a regular file is, for a sentence."""
    names = {stat.S_IFDIR: "a folder, or a link to one", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return names.get(stat.S_IFMT(mode), "a device")


def _refused_by_system(path: str, error: OSError) -> Rejected:
    if error.errno in _MACHINE_FAULTS:
        raise error
    remedy = _REMEDIES.get(error.errno or 0, "check the disk and the path")
    return Rejected("input.read", f"{readable(path)} cannot be read ({error.strerror}); {remedy}.")


def read_member(stream: BinaryIO, size_bytes: int, name: str, max_bytes: int) -> Content | Rejected:
    """The next ``size_bytes`` of a stream as one member's content; a stream that ends before is an outcome."""
    if size_bytes > max_bytes:
        return too_large(name, size_bytes, max_bytes)
    content = stream.read(size_bytes) if size_bytes <= SPOOL_FROM_BYTES else _spooled(stream, size_bytes)
    if len(content) == size_bytes:
        return content
    return Rejected(
        "input.damaged",
        f"{name} ends after {len(content)} bytes; expected {size_bytes}; copy the archive again.",
        score=len(content),
        threshold=size_bytes,
    )


def read_stream(stream: BinaryIO, name: str, max_bytes: int) -> Content | Rejected:
    """Everything that is left of a stream of unknown length."""
    in_memory = min(SPOOL_FROM_BYTES, max_bytes)
    head = stream.read(in_memory + 1)
    if len(head) <= in_memory:
        return head
    whole = _spooled(joined(head, stream), max_bytes + 1)
    return whole if len(whole) <= max_bytes else too_large(name, len(whole), max_bytes)


def _spooled(stream: BinaryIO, size_bytes: int) -> Content:
    with spool(stream, size_bytes) as file:
        length = file.seek(0, io.SEEK_END)
        return mmap(file.fileno(), length, access=ACCESS_READ) if length else b""


def spool(stream: BinaryIO, max_bytes: int) -> BinaryIO:
    """The first ``max_bytes`` of a stream in a temporary file without a name: its room is free once nobody holds it."""
    with ExitStack() as until_filled:
        file = until_filled.enter_context(tempfile.TemporaryFile(prefix="mmpipe-", buffering=0))
        for chunk in _chunks(stream, max_bytes):
            _write(file, chunk)
        file.seek(0)
        until_filled.pop_all()
    return io.BufferedReader(file)


def _chunks(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    left = max_bytes
    while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        yield chunk
        left -= len(chunk)


def _write(file: io.FileIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    try:
        while left:  # a raw file may take less than it is given
            left = left[file.write(left) :]
    except OSError as error:
        raise SpoolError(
            tempfile.gettempdir(),
            f"cannot be written ({error.strerror})",
            "room for what has to be spooled",
            "free some, or point TMPDIR at a larger disk",
        ) from error


def peeked(stream: BinaryIO, size_bytes: int, is_enough: Callable[[bytes], bool]) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream that can't seek, and a stream that still begins with them.

    Reads ``size_bytes``, or until what has come ``is_enough``: a live stream must not wait for more.
    """
    head, read = b"", _reader(stream)
    while len(head) < size_bytes and not is_enough(head) and (chunk := read(size_bytes - len(head))):
        head += chunk
    return head, joined(head, stream)


def _reader(stream: BinaryIO) -> Callable[[int], bytes]:
    """read1 hands on what a pipe holds by now; read would wait for all that was asked for."""
    reader: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    return reader


def joined(head: bytes, stream: BinaryIO) -> BinaryIO:
    """Bytes that were read already, followed by the stream they came from."""
    return io.BufferedReader(_Joined(head, stream), _CHUNK_BYTES)


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = io.BytesIO(head)
        self._read_rest = _reader(stream)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        chunk = self._head.read(len(view)) or self._read_rest(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)
