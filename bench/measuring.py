"""How benchmarks measure: interleaved repeats, medians, and a ratio that says which way is better.

On a shared machine absolute times move by 10 to 30 %; two things timed in turn move together, so their ratio holds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, what it was held against, and the goal for the ratio."""

    name: str
    ours: str
    reference: str
    value: float
    goal: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "met" if self.met else "MISSED"
        return f"| {self.name} | {self.ours} | {self.reference} | {self.value:.2f} | {sign} {self.goal:g} | {verdict} |"


def interleaved(contestants: Mapping[str, Callable[[], object]], repeats: int = 5) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, all taking turns. The first round warms up and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repeats + 1):
        for name, work in contestants.items():
            started = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def median_ratio(numerator: list[float], denominator: list[float]) -> float:
    """Median over the rounds of one time divided by the other of the same round."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))
