"""The outline of each kind of thing, as polygons in its own square [-1, 1] x [-1, 1] with y downwards.

A shape is a union of polygons; details that are not part of the outline (a clock's hands) are kept apart, so that
pictures can draw them and depth maps need not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mmpipe.models.tiny.world import Kind

type Polygon = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """``parts`` make the outline; ``details`` are dark marks on it. All float64 [points, 2] as (x, y)."""

    parts: tuple[Polygon, ...]
    details: tuple[Polygon, ...] = ()


def polygon(*points: tuple[float, float]) -> Polygon:
    """A polygon from its corners."""
    return np.array(points, dtype=np.float64)


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    """An upright rectangle."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def disc(
    x: float, y: float, radius_x: float, radius_y: float | None = None, turns: tuple[float, float] = (0, 1)
) -> Polygon:
    """An ellipse, or the sector of it between two fractions of a turn (clockwise from the right)."""
    angles = 2 * np.pi * np.linspace(*turns, 40)
    rim = np.stack([x + radius_x * np.cos(angles), y + (radius_y or radius_x) * np.sin(angles)], axis=1)
    return rim if turns == (0, 1) else np.vstack([rim, [[x, y]]])


def _bell() -> Shape:
    body = polygon(
        (-0.18, -0.75), (0.18, -0.75), (0.42, -0.5), (0.5, 0.1), (0.62, 0.42), (0.9, 0.66),
        (-0.9, 0.66), (-0.62, 0.42), (-0.5, 0.1), (-0.42, -0.5),
    )  # fmt: skip
    return Shape((body, disc(0, -0.8, 0.17), disc(0, 0.72, 0.22)))


def _drum() -> Shape:
    sticks = (
        polygon((-0.95, -1), (-0.82, -1), (-0.2, -0.4), (-0.35, -0.4)),
        polygon((0.95, -1), (0.82, -1), (0.2, -0.4), (0.35, -0.4)),
    )
    return Shape(
        (box(-0.85, -0.4, 0.85, 0.65), disc(0, 0.65, 0.85, 0.27), disc(0, -0.4, 0.85, 0.27), *sticks),
        (disc(0, -0.4, 0.72, 0.17),),
    )


def _whistle() -> Shape:
    return Shape(
        (disc(-0.4, 0.25, 0.58), box(-0.4, -0.33, 1.0, 0.08), disc(-0.9, -0.38, 0.16)),
        (box(-0.2, -0.33, 0.0, -0.12), disc(-0.4, 0.25, 0.2)),
    )


def _siren() -> Shape:
    return Shape(
        (
            disc(0, 0.35, 0.62, 0.95, (0.5, 1)),
            box(-0.9, 0.35, 0.9, 0.85),
            polygon((-0.95, -0.55), (-0.85, -0.7), (-0.6, -0.4)),
            polygon((0.95, -0.55), (0.85, -0.7), (0.6, -0.4)),
            box(-0.07, -1.0, 0.07, -0.72),
        ),
        (box(-0.9, 0.35, 0.9, 0.43),),
    )


def _clock() -> Shape:
    hands = (
        polygon((-0.05, 0), (-0.04, -0.55), (0.04, -0.55), (0.05, 0)),
        polygon((0, -0.05), (0.4, -0.04), (0.4, 0.04), (0, 0.05)),
    )
    feet = (
        polygon((-0.55, 0.5), (-0.3, 0.65), (-0.62, 1), (-0.74, 0.92)),
        polygon((0.55, 0.5), (0.3, 0.65), (0.62, 1), (0.74, 0.92)),
    )
    return Shape((disc(0, 0, 0.78), *feet, disc(-0.55, -0.72, 0.24), disc(0.55, -0.72, 0.24)), hands)


def _guitar() -> Shape:
    return Shape(
        (
            disc(-0.42, 0.2, 0.5, 0.48),
            disc(0.05, -0.02, 0.36, 0.34),
            polygon((0.2, -0.2), (0.8, -0.52), (0.86, -0.4), (0.27, -0.02)),
            polygon((0.74, -0.58), (1.0, -0.72), (1.0, -0.44), (0.85, -0.36)),
        ),
        (disc(-0.1, 0.05, 0.16),),
    )


def _horn() -> Shape:
    return Shape(
        (
            polygon(
                (-0.95, -0.12),
                (0.15, -0.2),
                (0.6, -0.42),
                (0.95, -0.8),
                (0.95, 0.8),
                (0.6, 0.42),
                (0.15, 0.2),
                (-0.95, 0.12),
            ),
            disc(-0.9, 0, 0.12, 0.26),
        )
    )


def _kettle() -> Shape:
    handle = polygon(
        (-0.5, -0.3),
        (-0.55, -0.75),
        (-0.3, -0.98),
        (0.3, -0.98),
        (0.55, -0.75),
        (0.5, -0.3),
        (0.36, -0.3),
        (0.4, -0.7),
        (0.24, -0.84),
        (-0.24, -0.84),
        (-0.4, -0.7),
        (-0.36, -0.3),
    )
    body = polygon((-0.38, -0.3), (0.38, -0.3), (0.66, 0.35), (0.6, 0.8), (-0.6, 0.8), (-0.66, 0.35))
    spout = polygon((0.5, 0.25), (0.82, -0.25), (1.0, -0.3), (0.98, -0.14), (0.62, 0.55))
    return Shape((body, spout, handle))


_BUILDERS: Mapping[Kind, Callable[[], Shape]] = MappingProxyType(
    {
        Kind.BELL: _bell, Kind.DRUM: _drum, Kind.WHISTLE: _whistle, Kind.SIREN: _siren,
        Kind.CLOCK: _clock, Kind.GUITAR: _guitar, Kind.HORN: _horn, Kind.KETTLE: _kettle,
    }
)  # fmt: skip

SHAPES: Mapping[Kind, Shape] = MappingProxyType({kind: build() for kind, build in _BUILDERS.items()})
"""The shape of every kind."""
