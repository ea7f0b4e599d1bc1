"""Spans by OpenTelemetry. Its own recording of exceptions is not used: it would quote their messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context, trace
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mmpipe.telemetry.catalogue import Scalar, Span
from mmpipe.telemetry.secrets import starred
from mmpipe.telemetry.state import Place

MAX_MESSAGE_CHARACTERS = 500
_W3C = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class SdkSpan:
    """One span; attributes have their full keys."""

    span: trace.Span

    @property
    def traceparent(self) -> str:
        """See ``state.Span``."""
        return _traceparent(self.span.get_span_context())

    def set(self, **attributes: Scalar) -> None:
        """See ``state.Span``."""
        self.span.set_attributes(attributes)

    def fail(self, error_type: str, message: str = "") -> None:
        """See ``state.Span``."""
        self.span.set_attribute("error.type", error_type)
        self.span.set_status(Status(StatusCode.ERROR, starred(message)[:MAX_MESSAGE_CHARACTERS] or None))

    @contextmanager
    def current(self) -> Iterator[None]:
        """See ``state.Span``."""
        mine = trace.set_span_in_context(self.span)
        token = context.attach(mine)
        try:
            yield
        finally:
            # The collector may close a generator in another context, which has nothing to restore.
            if context.get_current() is mine:
                context.detach(token)

    def end(self) -> None:
        """See ``state.Span``."""
        self.span.end()


@dataclass(frozen=True, slots=True)
class SdkTracer:
    """See ``state.Tracer``."""

    tracer: trace.Tracer

    def begin(self, entry: Span, place: Place, attributes: Mapping[str, Scalar]) -> SdkSpan:
        """See ``state.Tracer``."""
        return SdkSpan(self._start(entry, place, attributes))

    def past(self, entry: Span, place: Place, period_ns: tuple[int, int], attributes: Mapping[str, Scalar]) -> None:
        """See ``state.Tracer``."""
        begun_ns, ended_ns = period_ns
        self._start(entry, place, attributes, begun_ns).end(ended_ns)

    def traceparent(self) -> str:
        """See ``state.Tracer``."""
        return _traceparent(trace.get_current_span().get_span_context())

    def _start(
        self, entry: Span, place: Place, attributes: Mapping[str, Scalar], begun_ns: int | None = None
    ) -> trace.Span:
        return self.tracer.start_span(
            str(attributes.get(entry.titled_by, entry.name)),
            _context(place),
            trace.SpanKind[entry.kind.name],
            attributes,
            [Link(linked) for each in place.links if (linked := _read(each)).is_valid],
            begun_ns,
        )


def _context(place: Place) -> context.Context:
    if place.root:
        return context.Context()
    remote = _read(place.parent)
    return trace.set_span_in_context(trace.NonRecordingSpan(remote)) if remote.is_valid else context.get_current()


def _read(traceparent: str) -> SpanContext:
    """The span that a ``traceparent`` names; an invalid one where the string is none."""
    return trace.get_current_span(_W3C.extract({"traceparent": traceparent}, context.Context())).get_span_context()


def _traceparent(span: SpanContext) -> str:
    if not span.is_valid:
        return ""
    return f"00-{trace.format_trace_id(span.trace_id)}-{trace.format_span_id(span.span_id)}-{span.trace_flags:02x}"
