"""What a piece of code emits, kept in memory: for tests, and to hold a run against the catalogue.

::

    with capture() as emitted:
        run()
    assert emitted.metrics() <= METRICS.keys()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mmpipe.telemetry.sdk.switch import providers
from mmpipe.telemetry.state import STATE


@dataclass(frozen=True, slots=True)
class Emitted:
    """What came out so far."""

    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The finished spans, in the order of their ends."""
        return self.exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def metrics(self) -> dict[str, Metric]:
        """The metrics that have a value, by name."""
        data = self.reader.get_metrics_data()
        scopes = (scope for each in (data.resource_metrics if data else ()) for scope in each.scope_metrics)
        return {metric.name: metric for scope in scopes for metric in scope.metrics if metric.data.data_points}

    def total(self, name: str, attributes: Mapping[str, object]) -> float:
        """Sum of a counter or gauge, or how many values a histogram has, over the series with these attributes."""
        metric = self.metrics().get(name)
        points = metric.data.data_points if metric else ()
        found = [point for point in points if attributes.items() <= (point.attributes or {}).items()]
        return sum(point.value if isinstance(point, NumberDataPoint) else point.count for point in found)


@contextmanager
def capture() -> Iterator[Emitted]:
    """Telemetry is on in the block, strict, and goes nowhere else."""
    emitted, strict = Emitted(), STATE.strict
    with ExitStack() as stack:
        providers(Resource({"service.name": "test"}), [emitted.reader], [SimpleSpanProcessor(emitted.exporter)], stack)
        STATE.strict = True
        try:
            yield emitted
        finally:
            STATE.strict = strict
