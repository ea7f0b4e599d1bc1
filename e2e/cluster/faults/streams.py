"""What may happen to the events of a watch on their way. Each is a ``Stream`` of ``proxy``; chance has a seed.

Bookmarks go as they come, unless the stream is silent: they say how far a watch has come, and a watch that has lost an
event does not know.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator

from e2e.cluster.faults.calls import Call
from e2e.cluster.faults.proxy import Stream

_BOOKMARK = b'"type":"BOOKMARK"'


def lost(seed: int, share: float) -> Stream:
    """So many events never come."""

    async def stream(call: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        chance = random.Random(f"{seed} {call.path}")  # noqa: S311  # chooses faults
        async for line in lines:
            if _BOOKMARK in line or chance.random() >= share:
                yield line

    return stream


def late(seconds: float) -> Stream:
    """Every event comes so late; those behind it wait their own time, so that their order stays."""

    async def stream(_: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        reader = asyncio.create_task(_read(lines, waiting))
        try:
            while True:
                came, line = await waiting.get()
                if not line:
                    return
                await asyncio.sleep(came + seconds - loop.time())
                yield line
        finally:
            reader.cancel()

    return stream


def duplicated(seed: int, share: float) -> Stream:
    """So many events come again, once others have come."""

    async def stream(call: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        chance = random.Random(f"{seed} {call.path}")  # noqa: S311  # chooses faults
        old: list[bytes] = []
        async for line in lines:
            yield line
            if _BOOKMARK not in line:
                old.append(line)
            if old and chance.random() < share:
                yield chance.choice(old)

    return stream


def reordered(seed: int, window_s: float) -> Stream:
    """What comes within a window comes in any order, at its end."""

    async def stream(call: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        chance = random.Random(f"{seed} {call.path}")  # noqa: S311  # chooses faults
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        reader = asyncio.create_task(_read(lines, waiting))
        try:
            while True:
                window = [(await waiting.get())[1]]
                await asyncio.sleep(window_s)
                window += [waiting.get_nowait()[1] for _ in range(waiting.qsize())]
                chance.shuffle(window)
                for line in filter(None, window):
                    yield line
                if b"" in window:
                    return
        finally:
            reader.cancel()

    return stream


async def silent(_: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Nothing comes, not even a bookmark, and the connection stays: a load balancer has forgotten it."""
    async for line in lines:
        if not line:
            yield line


async def expired(_: Call, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """410 Gone, as an API server says it in the stream: the version is too old to go on from."""
    del lines
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    yield json.dumps({"type": "ERROR", "object": status}, separators=(",", ":")).encode() + b"\n"


async def _read(lines: AsyncIterator[bytes], into: asyncio.Queue[tuple[float, bytes]]) -> None:
    """Each line with the time at which it came; an empty one is the end, whatever ended them."""
    try:
        async for line in lines:
            into.put_nowait((asyncio.get_running_loop().time(), line))
    finally:
        into.put_nowait((0.0, b""))
