"""``/healthz`` and ``/readyz`` for the kubelet: alive while every watch brings what the cluster has, ready once up.

A watch can go silent without an error. So the operator lists everything now and then, and a watch that does not bring,
within a minute, what such a list has shown is one that nobody can trust: the process says it is not well, and the
kubelet starts it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from mmpipe_operator.kinds import Kind
from mmpipe_operator.running.probes import probed

SILENCE_S = 60.0
"""How long a watch may take to bring what a list has shown."""


class Health:
    """What the process knows of its own state."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.started = False
        self._clock = clock
        self._owed: dict[Kind, tuple[int, float]] = {}

    def owed(self, kind: Kind, version: int) -> None:
        """A list has shown this version, which the watch of the kind has yet to bring. An older debt stays."""
        self._owed.setdefault(kind, (version, self._clock()))

    def brought(self, kind: Kind, version: int) -> None:
        """The watch of a kind has come as far as this version."""
        owed, _ = self._owed.get(kind, (0, 0.0))
        if version >= owed:
            self._owed.pop(kind, None)

    def silence_s(self, kind: Kind) -> float:
        """How long the watch of a kind has not brought what it owes; 0 where it owes nothing."""
        return self._clock() - self._owed[kind][1] if kind in self._owed else 0.0

    def silent(self) -> list[str]:
        """Kinds whose watch has not brought what it owes for too long."""
        return [kind.plural for kind in self._owed if self.silence_s(kind) > SILENCE_S]

    def unwell(self) -> str:
        """Why the kubelet should start the process again; empty where it should not."""
        silent = ", ".join(self.silent())
        return f"found silent watches of {silent}, expected events" if silent else ""

    def unready(self) -> str:
        """Why the process is not up yet."""
        return "" if self.started else "starting"


def serving(health: Health, host: str, port: int) -> AbstractAsyncContextManager[int]:
    """Answer at that port (0 takes a free one) while the block runs; gives the port. Raises OSError if it is taken."""
    return probed({"/healthz": health.unwell, "/readyz": health.unready}, host, port)
