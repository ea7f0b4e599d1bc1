"""Where metrics and spans go: a Prometheus endpoint, an OTLP collector, a file, by the variables of ``setup``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from mmpipe.errors import MmpipeError
from mmpipe.telemetry.sdk.files import JsonLinesExporter

FILE_DELAY_MS = 500
"""How much of a trace a killed process may take along."""

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def span_processors(environ: Mapping[str, str]) -> Iterator[SpanProcessor]:
    """What becomes of finished spans; nothing where no variable says where to."""
    if path := environ.get("MMPIPE_TRACES_FILE"):
        yield BatchSpanProcessor(JsonLinesExporter(Path(path)), schedule_delay_millis=FILE_DELAY_MS)
    if _wants_otlp(environ, "TRACES"):
        yield BatchSpanProcessor(OTLPSpanExporter())


def metric_readers(environ: Mapping[str, str], registry: CollectorRegistry | None) -> Iterator[MetricReader]:
    """Who reads the metrics: the registry of a Prometheus endpoint, a collector every minute."""
    if registry is not None:
        yield PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    if _wants_otlp(environ, "METRICS"):
        yield PeriodicExportingMetricReader(OTLPMetricExporter())


class PrometheusEndpoint:
    """``/metrics`` over HTTP in threads of its own. CPU, memory and open files of the process are there as well."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._server, self._thread = start_http_server(port, host, registry)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _wants_otlp(environ: Mapping[str, str], signal: str) -> bool:
    if not (environ.get(_ENDPOINT) or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")):
        return False
    of_all = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", of_all)
    if protocol != "grpc":
        found = f"OTEL_EXPORTER_OTLP_PROTOCOL: found {protocol!r}; expected 'grpc'"
        raise MmpipeError(f"{found}; unset it, and name the collector's gRPC port, which is 4317 by default")
    return True
