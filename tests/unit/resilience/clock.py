"""Time that passes when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Clock:
    """Monotonic seconds, and who slept through them."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        """As ``time.sleep``, at once."""
        self.pauses.append(seconds)
        self.advance(seconds)

    async def sleep_by_aio(self, seconds: float) -> None:
        """As ``asyncio.sleep``, at once."""
        self.sleep(seconds)
