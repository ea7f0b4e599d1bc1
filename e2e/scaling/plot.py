"""A day as one SVG file: what waits above, the workers below. No script, no font; light or dark as the viewer likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from e2e.scaling.day import CALM_S, MOST, PACE, TARGET, Moment
from jinja2 import Environment, StrictUndefined

WIDTH, HEIGHT = 960, 430
LEFT, RIGHT = 60, 930
_DEPTH_TOP, _DEPTH_BOTTOM = 90, 230
_PODS_TOP, _PODS_BOTTOM = 280, 390
_TEMPLATE = Path(__file__).with_name("plot.svg.j2")
_STEP_S = 60


@dataclass(frozen=True, slots=True)
class Panel:
    """``ticks`` are heights with what they stand for, ``paths`` classes with what is drawn."""

    label: str
    top: int
    ticks: Sequence[tuple[float, int]]
    paths: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From seconds and numbers to the drawing's units."""

    length_s: float
    most: int
    top: int
    bottom: int

    def x(self, at_s: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * at_s / self.length_s, 1)

    def y(self, number: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * number / self.most, 1)


def plot(moments: Sequence[Moment]) -> str:
    """SVG text."""
    length_s = moments[-1].at_s
    depth = _Scale(length_s, max(moment.depth for moment in moments), _DEPTH_TOP, _DEPTH_BOTTOM)
    pods = _Scale(length_s, MOST, _PODS_TOP, _PODS_BOTTOM)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title="Workers follow the queue, to zero and back",
        subtitle=(
            f"one worker for each {TARGET} samples, {MOST} at most, {PACE} sample a second each, "
            f"fewer after {CALM_S} s of calm; the autoscaler looks every 15 s"
        ),
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        panels=(_depths(moments, depth), _workers(moments, pods)),
        moments=[(depth.x(at), f"{at // 60} min") for at in range(0, int(length_s) + 1, _STEP_S)],
    )


def _depths(moments: Sequence[Moment], scale: _Scale) -> Panel:
    line = [(moment.at_s, moment.depth) for moment in moments]
    ticks = [(scale.y(number), number) for number in (0, scale.most)]
    return Panel("samples that wait or are in flight", _DEPTH_TOP, ticks, [("depth", _area(line, scale))])


def _workers(moments: Sequence[Moment], scale: _Scale) -> Panel:
    ready = [(moment.at_s, moment.ready) for moment in moments]
    wanted = [(moment.at_s, moment.wanted) for moment in moments]
    paths = [("ready", _area(ready, scale)), ("wanted", _stairs(wanted, scale))]
    ticks = [(scale.y(number), number) for number in (0, MOST // 2, MOST)]
    return Panel("workers: wanted (line), ready (area)", _PODS_TOP, ticks, paths)


def _stairs(points: Sequence[tuple[float, int]], scale: _Scale) -> str:
    """Level until the next value, then straight to it; a point for each change only."""
    changes = [points[0], *(now for before, now in pairwise(points) if now[1] != before[1])]
    first = f"M{scale.x(points[0][0])} {scale.y(points[0][1])}"
    return first + "".join(f"H{scale.x(at)}V{scale.y(value)}" for at, value in changes) + f"H{scale.x(points[-1][0])}"


def _area(points: Sequence[tuple[float, int]], scale: _Scale) -> str:
    return f"{_stairs(points, scale)}V{scale.bottom}H{scale.x(points[0][0])}Z"
