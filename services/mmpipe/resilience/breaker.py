"""placeholder by LEAD until RESILIENCE writes it"""
from __future__ import annotations
from typing import Any
class BreakerOpen(Exception):
    retry_after_s = 1.0
class Permit:
    def succeeded(self) -> None: ...
    def failed(self) -> None: ...
    def ignored(self) -> None: ...
class Breaker:
    def enter(self) -> Permit: return Permit()
class Breakers:
    def __init__(self, options: Any, clock: Any, on_change: Any = None) -> None: self._b: dict[str, Breaker] = {}
    def of(self, name: str) -> Breaker: return self._b.setdefault(name, Breaker())
    def states(self) -> dict[str, int]: return {n: 0 for n in self._b}
