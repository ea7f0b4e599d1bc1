"""Large media on their way into the object store: in chunks, never whole in memory, there whole or not at all.

A thread of the store takes the chunks that this coroutine reads from the stream. Between them is room for a few, which
is what slows a client down to the speed of the store. Where a stream breaks off, the thread finds an error in the place
of the next chunk and ends without an object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from mmpipe.adapters.objects import Objects
from mmpipe.runtimes.gateway.authentication import tenant
from mmpipe.runtimes.gateway.faults import bad_field
from mmpipe.runtimes.gateway.limits import TenantLimits, too_large
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.v1 import gateway_pb2, media_pb2

MAX_CHUNK_BYTES = 1024 * 1024
_CHUNKS_AHEAD = 4
IDLE_S = 30.0
"""Longest wait for the next chunk: an upload holds one of a few threads, which others wait for."""
_END_S = 5.0
"""Longest wait for a store to let go of an upload that broke off; it goes on letting go by itself."""

type Chunks = AsyncIterator[gateway_pb2.UploadRequest]
type Sleep = Callable[[float], Awaitable[object]]


class _BrokenOffError(Exception):
    """What the store finds in the place of the next chunk when there will be none."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """All uploads of a gateway. ``objects`` waits without end: how long an upload may take, its client says."""

    objects: Store[Objects]
    limits: TenantLimits
    sleep: Sleep = asyncio.sleep
    idle_s: float = IDLE_S

    async def upload(self, chunks: Chunks) -> gateway_pb2.UploadResponse:
        """Keep what comes and say where. Raises Refusal TOO_LARGE, BAD_FIELD or DEPENDENCY_DOWN, and keeps nothing."""
        pipe = _Pipe()
        storing = asyncio.ensure_future(self.objects.ask(lambda objects: objects.put_stream(pipe.taken())))
        storing.add_done_callback(_end_is_known)
        feeding = asyncio.ensure_future(self._feed(pipe, chunks))
        try:
            await asyncio.wait({storing, feeding}, return_when=asyncio.FIRST_COMPLETED)
            if not storing.done():
                await feeding
            sha256, size_bytes = await storing
        finally:
            feeding.cancel()
            pipe.break_off()
            await asyncio.wait((storing,), timeout=_END_S)
        reference = media_pb2.Reference(uri=f"object:{sha256}", sha256=sha256, size_bytes=size_bytes)
        return gateway_pb2.UploadResponse(reference=reference)

    async def _feed(self, pipe: _Pipe, chunks: Chunks) -> None:
        announced, received = 0, 0
        while (message := await self._next(chunks)) is not None:
            announced = announced or message.size_bytes
            received += len(message.chunk)
            self._check(announced, received, len(message.chunk))
            await self.sleep(self.limits.draw_bytes(tenant(), len(message.chunk)))
            await pipe.put(message.chunk)
        _check_whole(announced, received)
        await pipe.put(None)

    async def _next(self, chunks: Chunks) -> gateway_pb2.UploadRequest | None:
        try:
            async with asyncio.timeout(self.idle_s):
                return await anext(chunks, None)
        except TimeoutError as error:
            found, expected = f"none for {self.idle_s:g} s", "one after the other"
            raise bad_field("chunk", found, expected, "upload the whole again without a pause") from error

    def _check(self, announced: int, received: int, chunk_bytes: int) -> None:
        self.limits.check_upload(max(announced, received))
        if chunk_bytes > MAX_CHUNK_BYTES:
            raise too_large("chunk", chunk_bytes, f"at most {MAX_CHUNK_BYTES:,}", "send smaller chunks")
        if announced and received > announced:
            raise _other_size(announced, received)


class _Pipe:
    """Chunks on their way from the event loop to a thread; None is the end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | _BrokenOffError | None] = asyncio.Queue(_CHUNKS_AHEAD)

    async def put(self, chunk: bytes | None) -> None:
        """Returns when there is room."""
        if chunk != b"":
            await self._chunks.put(chunk)

    def break_off(self) -> None:
        """Whoever still takes chunks gets an error; does nothing once the end was taken."""
        while not self._chunks.empty():
            self._chunks.get_nowait()
        self._chunks.put_nowait(_BrokenOffError())

    def taken(self) -> Iterator[bytes]:
        """The chunks, in another thread."""
        while (chunk := self._take()) is not None:
            if isinstance(chunk, _BrokenOffError):
                raise chunk
            yield chunk

    def _take(self) -> bytes | _BrokenOffError | None:
        return asyncio.run_coroutine_threadsafe(self._chunks.get(), self._loop).result()


def _check_whole(announced: int, received: int) -> None:
    if received == 0:
        raise bad_field("chunk", "an upload of nothing", "at least one byte", "send the medium")
    if announced not in {0, received}:
        raise _other_size(announced, received)


def _other_size(announced: int, received: int) -> Exception:
    expected = f"the {announced:,} that were announced"
    return bad_field("size_bytes", f"{received:,} bytes", expected, "announce the size of the whole, or 0")


def _end_is_known(storing: asyncio.Future[tuple[str, int]]) -> None:
    """An upload that broke off has nobody who waits for the store's error."""
    if not storing.cancelled():
        storing.exception()
