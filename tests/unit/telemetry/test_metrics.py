from __future__ import annotations

import asyncio
import logging
import time
import timeit
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.metrics.export import Histogram

from mmpipe import telemetry
from mmpipe.telemetry.awaited import awaited
from mmpipe.telemetry.catalogue import NotInCatalogueError
from mmpipe.telemetry.state import STATE, Reading
from mmpipe.telemetry.testing import Emitted, capture

MOST_SECONDS_WHEN_OFF = 2e-6


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    with capture() as captured:
        yield captured


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a service runs."""
    monkeypatch.setattr(STATE, "strict", False)
    monkeypatch.setattr(STATE, "complained", set())


def test_a_counter_adds_up_for_each_set_of_attributes(emitted: Emitted) -> None:
    telemetry.count("mmpipe.samples", outcome="stored")
    telemetry.count("mmpipe.samples", 2, outcome="stored")
    telemetry.count("mmpipe.samples", 1, outcome="dead")

    assert emitted.total("mmpipe.samples", {"outcome": "stored"}) == 3
    assert emitted.total("mmpipe.samples", {"outcome": "dead"}) == 1


def test_an_up_down_counter_goes_down_again(emitted: Emitted) -> None:
    telemetry.count("mmpipe.worker.in_flight", 3)
    telemetry.count("mmpipe.worker.in_flight", -2)

    assert emitted.total("mmpipe.worker.in_flight", {}) == 1


def test_a_histogram_has_the_unit_and_the_boundaries_of_the_catalogue(emitted: Emitted) -> None:
    telemetry.record("mmpipe.batch.size", 8, stage="image.decode")

    metric = emitted.metrics()["mmpipe.batch.size"]
    assert metric.unit == "{item}"
    assert isinstance(metric.data, Histogram)
    assert list(metric.data.data_points[0].explicit_bounds)[:4] == [1, 2, 4, 8]
    assert list(metric.data.data_points[0].bucket_counts)[3] == 1


def test_a_block_that_raises_is_timed_too(emitted: Emitted) -> None:
    with pytest.raises(OSError, match="full"), telemetry.timed("mmpipe.sink.commit.duration", store="objects"):
        raise OSError("full")

    assert emitted.total("mmpipe.sink.commit.duration", {"store": "objects"}) == 1


def test_a_gauge_is_read_when_somebody_asks_and_until_it_is_stopped(emitted: Emitted) -> None:
    states = {"vectors": 0.0}
    stop = telemetry.observe(
        "mmpipe.breaker.state", lambda: [(value, {"dependency": key}) for key, value in states.items()]
    )

    states["vectors"] = 2.0
    assert emitted.total("mmpipe.breaker.state", {"dependency": "vectors"}) == 2
    stop()
    assert "mmpipe.breaker.state" not in emitted.metrics()


def test_a_gauge_that_a_coroutine_reads_is_read_on_its_own_loop(emitted: Emitted) -> None:
    async def depth() -> list[Reading]:
        await asyncio.sleep(0)
        return [(7, {"modality": "image"})]

    async def serve() -> float:
        stop = telemetry.observe("mmpipe.queue.depth", depth)
        try:
            return await asyncio.to_thread(emitted.total, "mmpipe.queue.depth", {"modality": "image"})
        finally:
            stop()

    assert asyncio.run(serve()) == 7


def test_a_loop_never_waits_for_itself(emitted: Emitted, caplog: pytest.LogCaptureFixture) -> None:
    async def depth() -> list[Reading]:
        raise AssertionError

    async def serve() -> None:
        stop = telemetry.observe("mmpipe.queue.depth", depth)
        assert "mmpipe.queue.depth" not in emitted.metrics()
        stop()

    asyncio.run(serve())
    assert caplog.records == []


def test_a_gauge_that_does_not_answer_is_given_up() -> None:
    async def forever() -> list[Reading]:
        await asyncio.Event().wait()
        return []

    async def serve() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(awaited(forever, patience_s=0.01))

    asyncio.run(serve())


def test_a_gauge_that_fails_is_absent_and_logged(emitted: Emitted, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[Reading]:
        raise ConnectionError("no queue")

    stop = telemetry.observe("mmpipe.queue.age", broken)

    assert "mmpipe.queue.age" not in emitted.metrics()
    assert "mmpipe.queue.age" in caplog.text
    stop()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: telemetry.count("mmpipe.made_up"),
        lambda: telemetry.count("mmpipe.stage.duration", 1, stage="image.decode"),
        lambda: telemetry.record("mmpipe.samples", 1, outcome="stored"),
        lambda: telemetry.observe("mmpipe.samples", list),
        lambda: telemetry.count("mmpipe.samples"),
        lambda: telemetry.count("mmpipe.samples", outcome="stored", sample_id="a"),
        lambda: telemetry.count("mmpipe.samples", outcome="lost"),
        lambda: telemetry.span("mmpipe.made_up"),
        lambda: telemetry.span("mmpipe.sink.write", rows=1),
        lambda: telemetry.span("mmpipe.gateway.accept"),
        lambda: telemetry.past("mmpipe.stage.wait", 0, 1, lane="fast"),
        lambda: telemetry.begin("mmpipe.sink.write").set(rows=1),
    ],
)
@pytest.mark.parametrize("on", [False, True])
def test_what_the_catalogue_does_not_know_raises_in_tests(wrong: Callable[[], object], *, on: bool) -> None:
    if not on:
        with pytest.raises(NotInCatalogueError, match=r"change the call|add it there"):
            wrong()
        return
    with capture(), pytest.raises(NotInCatalogueError, match=r"change the call|add it there"):
        wrong()


@pytest.mark.usefixtures("lenient")
def test_a_service_goes_on_without_such_a_measurement_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as emitted:
        STATE.strict = False
        for _ in range(3):
            telemetry.count("mmpipe.samples", 1, colour="red")
            telemetry.count("mmpipe.made_up")

        assert emitted.metrics() == {}
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize(
    "call",
    [
        lambda: telemetry.count("mmpipe.samples", 1, outcome="stored"),
        lambda: telemetry.record("mmpipe.stage.duration", 0.01, stage="image.decode"),
        lambda: telemetry.timed("mmpipe.stage.duration", stage="image.decode"),
        lambda: telemetry.span("mmpipe.worker.part", modality="image").__enter__().set(segments=3),
        lambda: telemetry.past("mmpipe.stage.run", 1, 2, parent="", stage="image.decode", batch_items=8),
        telemetry.traceparent,
    ],
    ids=["count", "record", "timed", "span", "past", "traceparent"],
)
def test_a_call_costs_next_to_nothing_while_telemetry_is_off(call: Callable[[], object]) -> None:
    seconds = min(timeit.repeat(call, number=2_000, repeat=20, timer=time.thread_time)) / 2_000
    logging.getLogger(__name__).info("%.0f ns", seconds * 1e9)

    assert seconds < MOST_SECONDS_WHEN_OFF
