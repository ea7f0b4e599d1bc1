from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe import telemetry
from mmpipe.cli.waterfall import NoTraceError, Recorded, chosen, read

type Make = Callable[..., Recorded]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """What two processes wrote down of one trace."""
    paths = [tmp_path / "gateway.jsonl", tmp_path / "worker.jsonl"]
    accepted = ""
    for service, path in zip(("mmpipe-gateway", "mmpipe-worker"), paths, strict=True):
        handle = telemetry.setup(service, environ={"MMPIPE_TRACES_FILE": str(path)})
        if accepted:
            with telemetry.span("mmpipe.sink.write", parent=accepted) as written:
                written.fail("StoreUnreachable", "no answer")
        else:
            with telemetry.span(
                "mmpipe.gateway.accept", sample_id="a", messaging_system="nats", messaging_operation_type="send"
            ) as span:
                accepted = span.traceparent
        handle.shutdown()
    return paths


def test_what_processes_wrote_is_read_back(files: list[Path]) -> None:
    accepted, written = read(files)

    assert (accepted.name, accepted.kind, accepted.service) == ("mmpipe.gateway.accept", "producer", "mmpipe-gateway")
    assert accepted.attributes["mmpipe.sample_id"] == "a"
    assert (written.trace_id, written.parent_id) == (accepted.trace_id, accepted.span_id)
    assert (written.failed, written.message) == (True, "no answer")
    assert accepted.begun_ns < accepted.ended_ns < written.ended_ns


def test_a_line_that_is_being_written_waits(files: list[Path]) -> None:
    with files[1].open("a", encoding="utf-8") as file:
        file.write('{"resourceSpans": [')

    assert len(list(read(files))) == 2


@pytest.mark.parametrize("line", ["hello", "[]", '{"resourceSpans": [{"resource": {}}]}'])
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(f"{line}\n")

    with pytest.raises(NoTraceError, match=r"a.jsonl:1: found .*; expected OTLP spans as JSON"):
        list(read([tmp_path / "a.jsonl"]))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoTraceError, match="expected a file of spans"):
        list(read([tmp_path / "none.jsonl"]))


def test_a_sample_is_found_with_all_spans_of_its_trace(span: Make) -> None:
    accepted = span("accept", 0, 1, attributes={"mmpipe.sample_id": "a"})
    other = span("accept", 5, 6, trace_id="e" * 32, attributes={"mmpipe.sample_id": "b"})
    inside = span("upsert", 2, 3, accepted)

    assert chosen([accepted, other, inside], "a") == [accepted, inside]
    assert chosen([accepted, other, inside], "f" * 32) == [accepted, inside]
    assert chosen([accepted, other, inside]) == [other]


def test_of_a_sample_that_was_sent_again_the_latest_trace_is_meant(span: Make) -> None:
    again = span("accept", 9, 10, trace_id="e" * 32, attributes={"mmpipe.sample_id": "a"})
    first = span("accept", 0, 1, attributes={"mmpipe.sample_id": "a"})

    assert chosen([again, first], "a") == [again]


def test_a_sample_that_was_not_recorded_is_said(span: Make) -> None:
    with pytest.raises(NoTraceError, match="found no sample and no trace 'z'; expected one in the 1 recorded spans"):
        chosen([span("accept", 0, 1)], "z")
