import pytest

from mmpipe.cli.clock import clock, span
from mmpipe.records import Segment


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (90, "1:30"), (3599.7, "1:00:00"), (3723, "1:02:03")],
)
def test_seconds_are_written_as_people_write_them(seconds: float, written: str) -> None:
    assert clock(seconds) == written


def test_tenths_are_written_where_asked() -> None:
    assert clock(61.25, tenths=True) == "1:01.2"


def test_a_segment_of_whole_seconds_has_no_tenths() -> None:
    assert span(Segment(30, 60)) == "0:30\u20131:00"


def test_a_segment_with_a_broken_second_has_tenths_at_both_ends() -> None:
    assert span(Segment(30, 41.5)) == "0:30.0\u20130:41.5"
