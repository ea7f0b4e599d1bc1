"""What was accepted, written down in the metadata: so that a sample's status is known before a worker has it.

The queue is what counts. Its acknowledgement made the sample durable, and this record only says so to whoever asks; a
caller waits for it a moment and no longer, and none waits while the metadata are down. Records are written in groups:
whatever came in while the last group was on its way is the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.metadata.acceptances import Acceptance

_log = logging.getLogger(__name__)

GROUP = 1_000
MOST_KEPT = 10_000
"""Records that wait for the metadata to come back; older ones are let go, and those samples' status is late."""
WAIT_S = 0.25
"""How long a receipt waits for its record."""
RETRY_S = 1.0
_GATHERING_S = 0.005
"""Pause after a group of several, so that the next one is larger: 1.7 times as many submissions a second by 32 callers
(docs/gateway.md). One that comes alone waits for nothing."""

type Group = list[tuple[Acceptance, asyncio.Future[None]]]
type Write = Callable[[Sequence[Acceptance]], None]
"""Write a group, in a thread. Raises StoreError."""


class Recorder:
    """The records on their way. For one event loop; :meth:`close` writes the last ones."""

    def __init__(self, write: Write, wait_s: float = WAIT_S, retry_s: float = RETRY_S) -> None:
        self._write = write
        self._wait_s, self._retry_s = wait_s, retry_s
        self._waiting: deque[tuple[Acceptance, asyncio.Future[None]]] = deque(maxlen=MOST_KEPT)
        self._writing: asyncio.Task[None] | None = None
        self._down = False
        self._closing = asyncio.Event()

    async def record(self, acceptance: Acceptance) -> None:
        """Have it written down; returns when it is, or when waiting for it is no longer worth it."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((acceptance, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        if not self._down:
            await asyncio.wait((written,), timeout=self._wait_s)

    async def close(self) -> None:
        """Write what is left, in one try."""
        self._closing.set()
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                self._down = not await self._written(group)
                if self._down and self._closing.is_set():
                    return
                await self._pause(self._retry_s if self._down else _GATHERING_S * (len(group) > 1))
        finally:
            self._writing = None

    def _next_group(self) -> Group:
        return [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]

    async def _written(self, group: Group) -> bool:
        try:
            await asyncio.to_thread(self._write, [acceptance for acceptance, _ in group])
        except StoreError as error:
            _log.warning("%d acceptances are not written down: %s", len(group), error)
            self._waiting.extendleft(reversed(group[: MOST_KEPT - len(self._waiting)]))
            return False
        for _, written in group:
            if not written.done():
                written.set_result(None)
        return True

    async def _pause(self, pause_s: float) -> None:
        """Ends early when the gateway stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._closing.wait()
