"""A duration as people say it."""

from __future__ import annotations

_UNITS = ((3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def said(duration_ns: int) -> str:
    """Three digits and a unit: ``12.3 ms``; ``0`` for none."""
    size, unit = next(((size, unit) for size, unit in _UNITS if duration_ns >= size), _UNITS[-1])
    return f"{float(f'{duration_ns / size:.3g}'):g} {unit}" if duration_ns else "0"
