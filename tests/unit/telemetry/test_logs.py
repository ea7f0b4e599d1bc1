from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mmpipe import telemetry
from mmpipe.telemetry.logs import MAX_EXCEPTION_CHARACTERS, MAX_MESSAGE_CHARACTERS, JsonLines
from mmpipe.telemetry.testing import capture


class Lines:
    """A logger whose lines are read back."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.logger = logging.Logger("mmpipe.test")  # noqa: LOG001  # of this test alone
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(JsonLines())
        self.logger.addHandler(handler)

    def read(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def only(self) -> dict[str, object]:
        (line,) = self.read()
        return line


def _raised(error: Exception) -> Exception:
    """The exception with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_a_line_has_time_level_logger_and_message(lines: Lines) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    lines.logger.info("took %d samples", 3)

    line = lines.only()
    assert datetime.fromisoformat(str(line.pop("timestamp"))) >= before
    assert line == {"level": "info", "logger": "mmpipe.test", "message": "took 3 samples"}


def test_a_line_names_the_trace_and_the_sample(lines: Lines) -> None:
    with capture(), telemetry.span("mmpipe.sink.write") as span, telemetry.about(sample_id="a", pipeline="media"):
        lines.logger.warning("slow")
        traceparent = span.traceparent

    line = lines.only()
    assert f"00-{line['trace_id']}-{line['span_id']}" == traceparent[:-3]
    assert (line["sample_id"], line["pipeline"]) == ("a", "media")


def test_what_is_inside_adds_to_what_is_around(lines: Lines) -> None:
    with telemetry.about(pipeline="media"):
        with telemetry.about(sample_id="a"):
            lines.logger.info("inside")
        lines.logger.info("outside")

    inside, outside = lines.read()
    assert (inside["sample_id"], inside["pipeline"]) == ("a", "media")
    assert "sample_id" not in outside


def test_tasks_at_the_same_time_keep_their_samples_apart(lines: Lines) -> None:
    async def sample(name: str, both: asyncio.Barrier) -> None:
        with telemetry.about(sample_id=name):
            await both.wait()
            await asyncio.to_thread(lines.logger.info, name)

    async def work() -> None:
        both = asyncio.Barrier(2)
        await asyncio.gather(sample("a", both), sample("b", both))

    asyncio.run(work())

    assert {str(line["sample_id"]) for line in lines.read()} == {"a", "b"}
    assert all(line["sample_id"] == line["message"] for line in lines.read())


def test_an_exception_is_told_with_its_traceback(lines: Lines) -> None:
    lines.logger.error("failed", exc_info=_raised(ValueError("odd")))

    assert str(lines.only()["exception"]).startswith("Traceback")
    assert str(lines.only()["exception"]).endswith("ValueError: odd")


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://mmpipe:hunter2@db/media",
        "redis://:hunter2@cache:6379/0",
        "https://host/a?token=hunter2&b=1",
        "https://bucket.s3.amazonaws.com/a.jpg?X-Amz-Expires=60&X-Amz-Signature=hunter2",
        "https://account.blob.core.windows.net/a?sv=2024&sig=hunter2",
        "authorization: Bearer hunter2",
    ],
)
def test_no_secret_is_logged(lines: Lines, secret: str) -> None:
    lines.logger.error("lost %s", secret, extra={"uri": secret}, exc_info=_raised(ConnectionError(secret)))

    assert "hunter2" not in json.dumps(lines.only())
    assert "***" in str(lines.only()["message"])


def test_what_is_as_long_as_a_payload_is_cut(lines: Lines) -> None:
    payload = "x" * 100_000
    lines.logger.error(payload, extra={"content": payload.encode()}, exc_info=_raised(ValueError(payload)))

    line = lines.only()
    assert len(str(line["message"])) < MAX_MESSAGE_CHARACTERS + 100
    assert len(str(line["exception"])) < MAX_EXCEPTION_CHARACTERS + 100
    assert "characters left out" in str(line["message"])
    assert "content" not in line


def test_what_a_caller_adds_is_a_field(lines: Lines) -> None:
    lines.logger.info("drained", extra={"samples": 3, "seconds": 0.5, "stage": "image.decode"})

    assert lines.only().items() >= {"samples": 3, "seconds": 0.5, "stage": "image.decode"}.items()


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_setup_sends_every_logger_of_the_process_to_the_stream(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    root_logger.addHandler(logging.StreamHandler(io.StringIO()))
    telemetry.setup_logging(stream)
    logging.getLogger("some.library").info("hello")

    assert json.loads(stream.getvalue())["logger"] == "some.library"
    assert len(root_logger.handlers) == 1
