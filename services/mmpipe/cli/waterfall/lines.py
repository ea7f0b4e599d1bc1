"""The waterfall for a terminal: one line for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmpipe.cli.waterfall.axis import Axis, axis
from mmpipe.cli.waterfall.durations import said
from mmpipe.cli.waterfall.recorded import Recorded
from mmpipe.cli.waterfall.rows import Row, rows

_BAR = 40
_LABEL = 52


def lines(spans: Sequence[Recorded]) -> Iterator[str]:
    """The trace's id, then label, bar, duration and service of each row."""
    shown = rows(spans)
    time = axis(shown)
    yield f"trace {spans[0].trace_id}, {said(time.ended_ns - time.begun_ns)}"
    yield from (_line(row, time) for row in shown)


def _line(row: Row, time: Axis) -> str:
    left = round(time.place(row.begun_ns) * (_BAR - 1))
    right = max(round(time.place(row.ended_ns) * (_BAR - 1)), left)
    bar = (" " * left + ("·" if row.is_wait else "█") * (right - left + 1)).ljust(_BAR)
    label = f"{'  ' * row.depth}{row.label} {row.detail}".rstrip()
    return f"{label[:_LABEL]:{_LABEL}} {bar} {said(row.ended_ns - row.begun_ns):>8}  {row.service} {row.error}".rstrip()
