from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from mmpipe import telemetry
from mmpipe.errors import MmpipeError
from mmpipe.telemetry.testing import Emitted, capture

REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REMOTE_TRACE, REMOTE_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLE = {"sample_id": "a", "messaging_system": "nats", "messaging_operation_type": "process"}


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    with capture() as captured:
        yield captured


def _ids(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def _parent(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def test_a_delivery_continues_the_trace_of_its_submission_and_links_to_it(emitted: Emitted) -> None:
    with telemetry.span(
        "mmpipe.worker.sample",
        parent=REMOTE,
        links=(REMOTE,),
        sample_id="a",
        messaging_system="nats",
        messaging_operation_type="process",
        modalities="text-image",
        attempt=1,
    ) as span:
        span.set(outcome="stored")

    found = emitted.span("mmpipe.worker.sample")
    assert _ids(found)[0] == REMOTE_TRACE
    assert _parent(found) == REMOTE_SPAN
    assert [f"{link.context.span_id:016x}" for link in found.links] == [REMOTE_SPAN]
    assert found.kind.name == "CONSUMER"
    assert (found.attributes or {})["mmpipe.sample_id"] == "a"
    assert (found.attributes or {})["mmpipe.outcome"] == "stored"


def test_a_span_is_below_the_current_one(emitted: Emitted) -> None:
    with telemetry.span("mmpipe.sink.write") as outer, telemetry.span("mmpipe.sink.objects") as inner:
        assert telemetry.traceparent() == inner.traceparent
        assert telemetry.trace_id() == outer.traceparent.split("-")[1]

    assert _parent(emitted.span("mmpipe.sink.objects")) == _ids(emitted.span("mmpipe.sink.write"))[1]
    assert telemetry.traceparent() == ""


def test_a_root_span_begins_a_trace_of_its_own(emitted: Emitted) -> None:
    with (
        telemetry.span("mmpipe.sink.write") as stream,
        telemetry.span("mmpipe.gateway.accept", root=True, links=(stream.traceparent,), **SAMPLE),
    ):
        pass

    accepted = emitted.span("mmpipe.gateway.accept")
    assert accepted.parent is None
    assert _ids(accepted)[0] != _ids(emitted.span("mmpipe.sink.write"))[0]
    assert len(accepted.links) == 1


@pytest.mark.parametrize("malformed", ["", "00-zz-zz-01", "x" * 600, REMOTE.replace("4", "ä")])
def test_a_malformed_traceparent_is_passed_over(emitted: Emitted, malformed: str) -> None:
    with telemetry.span("mmpipe.sink.write", parent=malformed, links=(malformed,)):
        pass

    assert emitted.span("mmpipe.sink.write").parent is None
    assert emitted.span("mmpipe.sink.write").links == ()


def test_work_that_is_over_stands_at_its_own_time_below_its_own_parent(emitted: Emitted) -> None:
    now_ns = time.time_ns()
    telemetry.past("mmpipe.stage.run", now_ns - 5_000, now_ns, parent=REMOTE, stage="image.decode", batch_items=8)

    found = emitted.span("mmpipe.stage.run")
    assert (found.start_time, found.end_time) == (now_ns - 5_000, now_ns)
    assert _parent(found) == REMOTE_SPAN


def test_a_span_that_ends_in_a_callback_is_not_current_meanwhile(emitted: Emitted) -> None:
    span = telemetry.begin("mmpipe.sink.write")
    assert telemetry.traceparent() == ""
    with span.current():
        assert telemetry.traceparent() == span.traceparent
    assert emitted.spans == ()
    span.end()

    assert len(emitted.spans) == 1


def test_our_own_fault_is_told_with_its_message_without_secrets(emitted: Emitted) -> None:
    with pytest.raises(MmpipeError), telemetry.span("mmpipe.sink.write"):
        raise MmpipeError("postgresql://mmpipe:hunter2@db/media: found no answer")

    found = emitted.span("mmpipe.sink.write")
    assert found.status.status_code is StatusCode.ERROR
    assert found.status.description == "postgresql://mmpipe:***@db/media: found no answer"
    assert (found.attributes or {})["error.type"] == "MmpipeError"


def test_an_unexpected_fault_is_told_by_its_class_alone(emitted: Emitted) -> None:
    with pytest.raises(ValueError, match="payload"), telemetry.span("mmpipe.sink.write"):
        raise ValueError("b'the payload'")

    found = emitted.span("mmpipe.sink.write")
    assert (found.attributes or {})["error.type"] == "ValueError"
    assert "payload" not in found.to_json()


def test_a_cancelled_span_is_no_error(emitted: Emitted) -> None:
    async def cancelled() -> None:
        with telemetry.span("mmpipe.sink.write"):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())

    assert emitted.span("mmpipe.sink.write").status.status_code is StatusCode.UNSET


def test_the_context_goes_with_tasks_and_threads(emitted: Emitted) -> None:
    async def work() -> set[str]:
        with telemetry.span("mmpipe.sink.write"):
            seen = await asyncio.gather(asyncio.to_thread(telemetry.traceparent), _traceparent())
            return {*seen, telemetry.traceparent()}

    async def _traceparent() -> str:
        return telemetry.traceparent()

    assert len(asyncio.run(work())) == 1
    assert len(emitted.spans) == 1


def test_everything_works_while_telemetry_is_off() -> None:
    with telemetry.span("mmpipe.sink.vectors", db_system_name="milvus", db_operation_name="upsert") as span:
        span.set(rows=3)
        span.fail("reason", "message")
        with span.current():
            assert telemetry.traceparent() == telemetry.trace_id() == span.traceparent == ""
