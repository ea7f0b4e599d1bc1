"""From readings that jump to a cost that stands: pure, and the reason why busy pods are seldom written.

A cost rises with the first reading that asks for it, as work may be lost, and falls after a few that all do. Busy pods
that differ by one step are not told apart. A pod that could not be read keeps what it has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmpipe_operator.sparing.cost import IDLE

READINGS = 3
"""Readings in a row that a cost must be lower in before it falls."""
STEP = 1
"""Largest difference between costs that is left as it is."""


@dataclass(slots=True)
class Steadiness:
    """The last readings of each pod, by its uid. A restart forgets them, and costs fall a little later."""

    _readings: dict[str, deque[int]] = field(default_factory=dict)

    def settled(self, uid: str, reading: int, standing: int) -> int:
        """The cost that a pod should have, which is ``standing`` where it is not worth a write."""
        readings = self._readings.setdefault(uid, deque(maxlen=READINGS))
        readings.append(reading)
        highest = max(readings)
        if highest < standing and len(readings) < READINGS:
            return standing
        both_busy = IDLE not in {highest, standing}
        return standing if both_busy and abs(highest - standing) <= STEP else highest

    def keep(self, uids: Iterable[str]) -> None:
        """Forget all pods but these."""
        self._readings = {uid: self._readings[uid] for uid in uids if uid in self._readings}
