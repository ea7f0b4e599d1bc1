"""The picture of a day: what is drawn is what was seen."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from e2e.scaling.day import MOST, Moment
from e2e.scaling.plot import LEFT, RIGHT, plot

SVG = "{http://www.w3.org/2000/svg}"
MOMENTS = [Moment(0.0, 0, 0, 0), Moment(60.0, 40, 0, 0), Moment(90.0, 40, MOST, 0), Moment(120.0, 0, MOST, MOST)]


def test_steps_stand_at_their_moments_and_as_high_as_they_were() -> None:
    drawn = {path.get("class"): path.get("d", "") for path in _picture().iter(f"{SVG}path")}
    middle, three_quarters = (LEFT + RIGHT) / 2, LEFT + (RIGHT - LEFT) * 0.75

    assert drawn["depth"].startswith(f"M{LEFT:.1f} 230.0H{LEFT:.1f}V230.0H{middle:.1f}V90.0H{RIGHT:.1f}V230.0")
    assert drawn["wanted"] == f"M{LEFT:.1f} 390.0H{LEFT:.1f}V390.0H{three_quarters:.1f}V280.0H{RIGHT:.1f}"


def test_numbers_and_minutes_are_told() -> None:
    said = [text.text for text in _picture().iter(f"{SVG}text")]

    assert {"0", "40", str(MOST), "1 min", "2 min"} <= set(said)


def _picture() -> ET.Element:
    return ET.fromstring(plot(MOMENTS))  # noqa: S314  # our own text
