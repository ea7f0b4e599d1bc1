"""A long part as segments: pure arithmetic on seconds, the same for recordings and films."""

from __future__ import annotations

from mmpipe.records import Segment

CRUMB_S = 1.0
"""A shorter rest joins the segment before it: too little to embed on its own."""

_ROUNDING_S = 1e-3
"""Containers round time stamps: a rest of 0.9999 s was a second."""


def cut(total_s: float, length_s: float) -> tuple[Segment | None, ...]:
    """Segments of ``length_s`` that tile ``total_s`` seconds; ``(None,)``, the whole, where one is enough."""
    count = max(1, int((total_s - CRUMB_S + _ROUNDING_S) // length_s) + 1)
    if count == 1:
        return (None,)
    starts = [index * length_s for index in range(count)]
    return tuple(Segment(start, end) for start, end in zip(starts, [*starts[1:], total_s], strict=True))
