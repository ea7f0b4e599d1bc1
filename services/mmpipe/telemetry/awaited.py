"""A gauge that only a coroutine can read, asked from the thread that serves a scrape.

A reading that fails or takes too long raises in that thread: OpenTelemetry logs it and leaves the gauge out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from mmpipe.telemetry.state import Observer, Reading

PATIENCE_S = 2.0
"""A scrape waits this long for a gauge; Prometheus gives up on the whole of it after 10 s by default."""


def awaited(
    read: Callable[[], Coroutine[object, object, Iterable[Reading]]], patience_s: float = PATIENCE_S
) -> Observer:
    """``read``, run on the event loop of the caller, as a plain function for other threads."""
    loop = asyncio.get_running_loop()

    def observe() -> Iterable[Reading]:
        if not loop.is_running() or _runs_here(loop):
            return ()
        answer = asyncio.run_coroutine_threadsafe(read(), loop)
        try:
            return answer.result(patience_s)
        finally:
            answer.cancel()

    return observe


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop would wait for itself, as when it flushes telemetry at its end."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
