"""Time that passes when a test says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Monotonic seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    async def advance_by_aio(self, seconds: float) -> None:
        self.advance(seconds)
