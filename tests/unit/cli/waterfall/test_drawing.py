from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from mmpipe.cli.waterfall import Recorded, drawing, lines
from mmpipe.cli.waterfall.drawing import LABELS, MOST_ROWS, WIDTH

type Make = Callable[..., Recorded]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def trace(span: Make) -> list[Recorded]:
    """From the gateway over the queue to a worker, whose call fails."""
    accepted = span("mmpipe.gateway.accept", 0, 10, kind="producer", service="mmpipe-gateway")
    taken = span("mmpipe.worker.sample", 40, 100, accepted, kind="consumer", attributes={"mmpipe.sample_id": "a<b&c"})
    failed = span("mmpipe.sink.vectors", 50, 90, taken, failed=True, attributes={"error.type": "StoreUnreachable"})
    return [accepted, taken, failed]


def _parsed(spans: list[Recorded]) -> ET.Element:
    return ET.fromstring(drawing(spans))  # noqa: S314  # our own drawing


def _texts(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def _bars(root: ET.Element) -> list[ET.Element]:
    """The bars of the rows, which have a tool tip beside them."""
    groups = (group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None)
    return [bar for group in groups for bar in group.findall(f"{SVG}rect")]


def test_a_drawing_shows_sample_services_spans_and_wait(trace: list[Recorded]) -> None:
    texts = _texts(_parsed(trace))

    assert "Sample a<b&c" in texts
    assert {"mmpipe-gateway", "mmpipe-worker", "in the queue", "worker.sample", "30 ms"} <= set(texts)
    assert "40 ms StoreUnreachable" in texts


def test_a_bar_stands_where_its_time_is(trace: list[Recorded]) -> None:
    accepted, wait, taken, _ = [(float(bar.attrib["x"]), float(bar.attrib["width"])) for bar in _bars(_parsed(trace))]

    assert accepted[0] == LABELS
    assert sum(accepted) == pytest.approx(wait[0], abs=0.2)
    assert sum(wait) == pytest.approx(taken[0], abs=0.2)
    assert taken[1] / accepted[1] == pytest.approx(6, rel=0.01)


def test_services_are_told_apart_by_colour(trace: list[Recorded]) -> None:
    colours = [bar.attrib.get("fill") for bar in _bars(_parsed(trace))]

    assert colours[0] != colours[2] == colours[3]
    assert colours[1] is None  # the wait is hatched


def test_a_drawing_fetches_and_runs_nothing(trace: list[Recorded]) -> None:
    text = drawing(trace)

    assert "<script" not in text
    assert "href" not in text
    assert text.count("http") == 1  # the namespace


def test_nothing_is_drawn_outside_the_picture(span: Make) -> None:
    spans = [span("short", 0, 1), span("last", 999, 1_000), span("whole", 0, 1_000, failed=True)]

    for bar in _bars(_parsed(spans)):
        assert LABELS <= float(bar.attrib["x"]) <= WIDTH
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= WIDTH


def test_a_huge_trace_is_cut_and_says_so(span: Make) -> None:
    root = _parsed([span("one", at, at + 1) for at in range(MOST_ROWS + 7)])

    assert len(_bars(root)) == MOST_ROWS
    assert "7 more spans" in _texts(root)


def test_a_trace_of_an_instant_is_drawn(span: Make) -> None:
    assert len(_bars(_parsed([span("one", 0, 0)]))) == 1


def test_a_terminal_gets_a_line_for_each_row(trace: list[Recorded]) -> None:
    title, accepted, wait, taken, failed = lines(trace)

    assert title == f"trace {'f' * 32}, 100 ms"
    assert accepted.endswith("10 ms  mmpipe-gateway")
    assert wait.startswith("  in the queue")
    assert "·····" in wait
    assert taken.count("█") > 5 * accepted.count("█") - 3
    assert failed.endswith("mmpipe-worker StoreUnreachable")
