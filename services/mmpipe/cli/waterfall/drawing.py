"""The waterfall as one SVG file: no script, no font, nothing fetched; light or dark as the viewer likes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from mmpipe.cli.waterfall.axis import Axis, axis
from mmpipe.cli.waterfall.durations import said
from mmpipe.cli.waterfall.recorded import SAMPLE_ID, Recorded
from mmpipe.cli.waterfall.rows import Row, rows

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH = 1280
LABELS = 430
"""Width of the column of labels."""
RIGHT = 90
"""Room for the last duration."""
TOP = 128
ROW = 24
INDENT = 14
MOST_ROWS = 500
"""A trace of more spans is cut, and says so."""
COLOURS = ("#3b6fb6", "#2f8f6b", "#a8642a", "#7a5ab5", "#b0447a", "#5f7f1f", "#2a8c9c", "#8a6d1a")
"""For services in the order of their first span; told apart on paper and on a dark screen."""
_NARROWEST = 1.5


@dataclass(frozen=True, slots=True)
class Bar:
    """A row where it stands, in the units of the drawing."""

    row: Row
    y: float
    x: float
    width: float
    colour: str
    duration: str
    duration_left: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A round moment."""

    x: float
    label: str


def drawing(spans: Sequence[Recorded]) -> str:
    """The spans of one trace as SVG text."""
    shown = rows(spans)
    time = axis(shown)
    colours = _colours(shown)
    bars = [_bar(number, row, time, colours) for number, row in enumerate(shown[:MOST_ROWS])]
    return _template().render(
        title=_title(spans),
        subtitle=_subtitle(spans, time),
        legend=list(colours.items()),
        bars=bars,
        ticks=[_tick(time, at_ns, since_ns) for at_ns, since_ns in time.ticks()],
        cuts=[(_at(each.left), _at(each.right)) for each in time.stretches if each.cut],
        left_out=len(shown) - len(bars),
        **_sizes(len(bars)),
    )


def _sizes(bars: int) -> dict[str, int]:
    bottom = TOP + ROW * bars
    return {
        "width": WIDTH,
        "height": bottom + 40,
        "labels": LABELS,
        "top": TOP,
        "row": ROW,
        "indent": INDENT,
        "bottom": bottom,
    }


def _colours(shown: Sequence[Row]) -> dict[str, str]:
    services = list(dict.fromkeys(row.service for row in shown if not row.is_wait))
    return {service: COLOURS[number % len(COLOURS)] for number, service in enumerate(services)}


def _bar(number: int, row: Row, time: Axis, colours: dict[str, str]) -> Bar:
    x = _x(time, row.begun_ns)
    width = max(_x(time, row.ended_ns) - x, _NARROWEST)
    duration = f"{said(row.ended_ns - row.begun_ns)} {row.error}".rstrip()
    left = x + width + len(duration) * 7 > WIDTH
    return Bar(row, TOP + ROW * number, x, width, colours.get(row.service, ""), duration, left)


def _tick(time: Axis, at_ns: int, since_ns: int) -> Tick:
    """After a cut, a moment is told from there on: the digits that differ would be lost in those of the whole."""
    return Tick(_x(time, at_ns), said(since_ns) if at_ns - since_ns == time.begun_ns else f"+{said(since_ns)}")


def _x(time: Axis, at_ns: int) -> float:
    return _at(time.place(at_ns))


def _at(place: float) -> float:
    return round(LABELS + place * (WIDTH - LABELS - RIGHT), 1)


def _title(spans: Sequence[Recorded]) -> str:
    samples = dict.fromkeys(str(span.attributes[SAMPLE_ID]) for span in spans if SAMPLE_ID in span.attributes)
    return f"Sample {', '.join(samples)}" if samples else "Trace"


def _subtitle(spans: Sequence[Recorded], time: Axis) -> str:
    begun = datetime.fromtimestamp(time.begun_ns / 1e9, UTC).isoformat(sep=" ", timespec="milliseconds")
    length = said(time.ended_ns - time.begun_ns)
    return f"trace {spans[0].trace_id} · {begun} · {length} · {len(spans)} spans"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files("mmpipe.cli.waterfall").joinpath("drawing.svg.j2").read_text("utf-8"))
