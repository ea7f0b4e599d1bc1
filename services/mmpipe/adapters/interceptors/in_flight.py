"""How many calls a server has begun to answer and not ended: what an autoscaler of the server goes by."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mmpipe.telemetry.state import Reading


class InFlight:
    """Of one server, over all its threads. ``read`` is an observer of ``mmpipe.server.in_flight``."""

    def __init__(self) -> None:
        self._calls = 0
        self._lock = threading.Lock()

    def read(self) -> list[Reading]:
        """Now; there from the start, so that 0 calls never look like no reading."""
        return [(self._calls, {})]

    @contextmanager
    def counted(self) -> Iterator[None]:
        """The block is a call."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, calls: int) -> None:
        with self._lock:
            self._calls += calls
