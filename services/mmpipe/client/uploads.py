"""Media as streams of chunks: from a path, bytes, a mapped file, or any binary stream that can be read twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from mmap import mmap
from pathlib import Path
from typing import BinaryIO

from mmpipe.adapters.inputs import InputError
from mmpipe.v1 import gateway_pb2

CHUNK_BYTES = 1024 * 1024
"""Most bytes of one UploadRequest (gateway.proto)."""

type Source = str | Path | bytes | mmap | BinaryIO
type Requests = Iterator[gateway_pb2.UploadRequest]


def requests_of(source: Source) -> Callable[[], Requests]:
    """What gives the requests of an upload, anew for each try. Raises InputError where a stream can be read only once.

    The size comes first and alone, so that a medium too large is refused before its bytes travel. A stream is read from
    where it stands now.
    """
    match source:
        case str() | Path():
            return lambda: _of_file(Path(source))
        case bytes() | mmap():
            return lambda: _of_bytes(source)
    if not source.seekable():
        raise InputError("upload", "a stream that can be read only once", "a file, a path or bytes", "spool it first")
    start = source.tell()
    return lambda: _of_stream(source, start)


def arequests_of(source: Source) -> Callable[[], AsyncIterator[gateway_pb2.UploadRequest]]:
    """The same for asyncio: a slow disk holds up a thread, and no event loop."""
    requests = requests_of(source)
    return lambda: _threaded(requests())


async def _threaded(requests: Requests) -> AsyncIterator[gateway_pb2.UploadRequest]:
    while (request := await asyncio.to_thread(next, requests, None)) is not None:
        yield request


def _of_file(path: Path) -> Requests:
    try:
        with path.open("rb") as stream:
            yield from _of_stream(stream, 0)
    except OSError as error:
        raise InputError(str(path), str(error.strerror), "a readable file", "give the path of one") from error


def _of_bytes(content: bytes | mmap) -> Requests:
    yield gateway_pb2.UploadRequest(size_bytes=len(content))
    for start in range(0, len(content), CHUNK_BYTES):
        yield gateway_pb2.UploadRequest(chunk=content[start : start + CHUNK_BYTES])


def _of_stream(stream: BinaryIO, start: int) -> Requests:
    size_bytes = stream.seek(0, os.SEEK_END) - start
    stream.seek(start)
    yield gateway_pb2.UploadRequest(size_bytes=size_bytes)
    while chunk := stream.read(CHUNK_BYTES):
        yield gateway_pb2.UploadRequest(chunk=chunk)
