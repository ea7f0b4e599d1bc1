"""Spans appended to a file as OTLP JSON, one batch a line: the format of OpenTelemetry's own file exporter.

``mmpipe up`` and ``mmpipe trace`` use it, and a collector reads it (``otlpjsonfile``). Several processes may append to
one file: a line is written at once. It grows without bound, so it is for one machine, not for a service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

type Json = dict[str, object]

_FROM_API_KIND = 1
"""OTLP counts the kinds of spans from 1 (internal), the API from 0; 0 of OTLP is unspecified."""


class JsonLinesExporter(SpanExporter):
    """Appends to a file, which need not exist; its folder must."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """One line for the batch."""
        line = json.dumps(document(spans), ensure_ascii=False, separators=(",", ":"))
        os.write(self._file, f"{line}\n".encode())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        os.close(self._file)


def document(spans: Sequence[ReadableSpan]) -> Json:
    """``TracesData`` of spans of one process, which share a resource."""
    resource = {"attributes": _attributes(spans[0].resource.attributes)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [_span(span) for span in spans]}]}]}


def _span(span: ReadableSpan) -> Json:
    parent = span.parent
    return {
        **_ids(span.context),
        "parentSpanId": format_span_id(parent.span_id) if parent else "",
        "name": span.name,
        "kind": span.kind.value + _FROM_API_KIND,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "links": [_ids(link.context) for link in span.links],
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
    }


def _ids(span: SpanContext) -> Json:
    return {"traceId": format_trace_id(span.trace_id), "spanId": format_span_id(span.span_id)}


def _attributes(attributes: Mapping[str, object]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: object) -> Json:
    """OTLP's AnyValue. 64-bit integers are strings in proto3 JSON."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}
