"""Recorded spans: from the OTLP JSON lines of several processes to the spans of one trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpipe.errors import MmpipeError

type Json = Mapping[str, Any]

_KINDS = ("", "internal", "server", "client", "producer", "consumer")
"""As OTLP numbers them."""
_FAILED = 2
SAMPLE_ID = "mmpipe.sample_id"


class NoTraceError(MmpipeError):
    """There is nothing to draw."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One span as a process wrote it down."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    begun_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    failed: bool = False
    message: str = ""


def read(paths: Iterable[Path]) -> Iterator[Recorded]:
    """The spans of the files. A line that its process has not ended yet is left for the next time."""
    for path in paths:
        for number, line in enumerate(_lines(path), 1):
            yield from _spans(line, f"{path}:{number}")


def chosen(spans: Sequence[Recorded], wanted: str = "") -> list[Recorded]:
    """The spans of one trace: that of a sample or a trace by its id, the latest of any sample where none is given.

    A sample that was sent again has several traces; the latest is meant. Raises ``NoTraceError``.
    """
    marks = [span for span in spans if _marked(span, wanted)]
    if not marks:
        found = f"no sample and no trace {wanted!r}" if wanted else "no sample"
        expected = f"one in the {len(spans)} recorded spans"
        raise NoTraceError(f"trace: found {found}; expected {expected}; submit it first, or name other files by --from")
    latest = max(marks, key=lambda span: span.begun_ns).trace_id
    return [span for span in spans if span.trace_id == latest]


def _marked(span: Recorded, wanted: str) -> bool:
    sample = span.attributes.get(SAMPLE_ID)
    return wanted in {sample, span.trace_id} if wanted else sample is not None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as lines:
            yield from (line for line in lines if line.endswith("\n"))
    except OSError as error:
        raise NoTraceError(
            f"{path}: found {error.strerror}; expected a file of spans; name another by --from"
        ) from None


def _spans(line: str, place: str) -> Iterator[Recorded]:
    try:
        for resource in json.loads(line)["resourceSpans"]:
            service = str(_attributes(resource["resource"]).get("service.name", "unknown"))
            yield from (_span(each, service) for scope in resource["scopeSpans"] for each in scope["spans"])
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__} {error}"
        raise NoTraceError(f"{place}: found {found}; expected OTLP spans as JSON; name other files by --from") from None


def _span(span: Json, service: str) -> Recorded:
    status = span.get("status", {})
    return Recorded(
        span["traceId"],
        span["spanId"],
        span.get("parentSpanId", ""),
        span["name"],
        _KINDS[span.get("kind", 0)],
        service,
        int(span["startTimeUnixNano"]),
        int(span["endTimeUnixNano"]),
        _attributes(span),
        status.get("code") == _FAILED,
        status.get("message", ""),
    )


def _attributes(of: Json) -> dict[str, str | int | float | bool]:
    return {each["key"]: _value(each["value"]) for each in of.get("attributes", ())}


def _value(value: Json) -> str | int | float | bool:
    """OTLP's AnyValue has one key, which says the type; 64-bit integers are strings."""
    ((kind, plain),) = value.items()
    return int(plain) if kind == "intValue" else plain if isinstance(plain, str | int | float | bool) else str(plain)
