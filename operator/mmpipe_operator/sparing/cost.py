"""What it would cost to stop a pod now, as a small whole number: pure.

What is short is finished while the pod drains. What is long is not: another pod begins it again, or goes on at its last
segment. So age comes before number, and both by doublings, as the order of pods is all that matters and each change of
a cost is a write.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

IDLE = 0
"""No annotation at all is worth as much."""
LONG_S = 20.0
"""``serving.drainSeconds`` by default: what is older is not finished by a pod that is stopped."""
LONG = 100
"""More than any number of samples is worth."""


@dataclass(frozen=True, slots=True)
class Load:
    """Work in flight in one pod: samples of a worker or calls of a server, and the age of the oldest sample."""

    items: float = 0.0
    oldest_s: float = 0.0


def cost(load: Load) -> int:
    """0 of an idle pod; 1, 2, 3 ... of 1, 2, 4 ... items; 100 more for each doubling of age from ``LONG_S`` on."""
    if load.items <= 0:
        return IDLE
    return _doublings(load.items) + LONG * _doublings(load.oldest_s / LONG_S)


def _doublings(value: float) -> int:
    return 1 + int(math.log2(value)) if value >= 1 else 0
