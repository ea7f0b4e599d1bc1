"""Time to place. A stretch in which no span was open, such as a night in the queue, is drawn shorter than it was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mmpipe.cli.waterfall.rows import Row

LONGEST_IDLE = 0.3
"""An idle stretch takes at most this much of the time in which something was done."""
_STEPS_NS = tuple(digit * int(10**power) for power in range(3, 19) for digit in (1, 2, 5))
"""From a microsecond to centuries."""
_MANY_TICKS = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of time, and the piece of the axis that it has, from 0 to 1. ``cut`` where that is too short for it."""

    begun_ns: int
    ended_ns: int
    left: float
    right: float
    cut: bool = False

    def place(self, at_ns: int) -> float:
        """Where a moment of the stretch stands."""
        length_ns = self.ended_ns - self.begun_ns
        return self.left + (self.right - self.left) * (at_ns - self.begun_ns) / length_ns if length_ns else self.left


@dataclass(frozen=True, slots=True)
class Axis:
    """The whole time of a trace, in stretches without a gap."""

    stretches: tuple[Stretch, ...]

    @property
    def begun_ns(self) -> int:
        """Its first moment."""
        return self.stretches[0].begun_ns

    @property
    def ended_ns(self) -> int:
        """Its last moment."""
        return self.stretches[-1].ended_ns

    def place(self, at_ns: int) -> float:
        """Where a moment stands, from 0 to 1."""
        at = bisect_right(self.stretches, at_ns, key=lambda stretch: stretch.begun_ns) - 1
        return self.stretches[max(at, 0)].place(at_ns)

    def ticks(self) -> Iterator[tuple[int, int]]:
        """Round moments, each with the time since the beginning, or since the end of the last cut before it, in ns."""
        periods = list(self._periods())
        step_ns = _step(sum(ended - begun for begun, ended in periods))
        for begun, ended in periods:
            yield from ((at, at - begun) for at in range(begun, ended + 1, step_ns))

    def _periods(self) -> Iterator[tuple[int, int]]:
        """The times between cuts."""
        for cut, stretches in groupby(self.stretches, key=lambda stretch: stretch.cut):
            if not cut:
                whole = list(stretches)
                yield whole[0].begun_ns, whole[-1].ended_ns


def axis(rows: Sequence[Row]) -> Axis:
    """The axis on which all rows have their place."""
    busy = list(_busy(rows))
    longest = LONGEST_IDLE * sum(ended - begun for begun, ended in busy)
    pieces = list(_pieces(busy, longest))
    total = sum(length for _, _, length in pieces) or 1.0
    return Axis(tuple(_placed(pieces, total)))


def _busy(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """The times in which some span was open, joined where they overlap."""
    spans = sorted((row.begun_ns, row.ended_ns) for row in rows if not row.is_wait)
    begun, ended = spans[0]
    for next_begun, next_ended in spans[1:]:
        if next_begun > ended:
            yield begun, ended
            begun = next_begun
        ended = max(ended, next_ended)
    yield begun, ended


def _pieces(busy: Sequence[tuple[int, int]], longest: float) -> Iterator[tuple[int, int, float]]:
    """Beginning, end and drawn length of every stretch, busy and idle in turn."""
    before: int | None = None
    for begun, ended in busy:
        if before is not None:
            yield before, begun, min(begun - before, longest)
        yield begun, ended, float(ended - begun)
        before = ended


def _placed(pieces: Sequence[tuple[int, int, float]], total: float) -> Iterator[Stretch]:
    left = 0.0
    for begun, ended, length in pieces:
        right = left + length / total
        yield Stretch(begun, ended, left, right, cut=length < ended - begun)
        left = right


def _step(length_ns: int) -> int:
    """The smallest of 1, 2, 5, 10, ... with which there are not too many ticks."""
    return next(step for step in _STEPS_NS if length_ns <= step * _MANY_TICKS)
