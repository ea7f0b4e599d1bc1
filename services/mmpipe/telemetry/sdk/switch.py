"""Switching on: the providers of one process, what they say about it, and what closes them in turn."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from importlib.metadata import version

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from prometheus_client import CollectorRegistry

from mmpipe.telemetry.sdk.exports import PrometheusEndpoint, metric_readers, span_processors
from mmpipe.telemetry.sdk.meter import sdk_meter
from mmpipe.telemetry.sdk.tracer import SdkTracer
from mmpipe.telemetry.setup import Telemetry
from mmpipe.telemetry.state import STATE

_SCOPE = "mmpipe"
_POD = {"POD_NAMESPACE": "k8s.namespace.name", "POD_NAME": "k8s.pod.name", "NODE_NAME": "k8s.node.name"}
"""Variables that a Deployment fills from the downward API, and what the conventions call them."""


def switch_on(service_name: str, metrics_port: int | None, metrics_host: str, environ: Mapping[str, str]) -> Telemetry:
    """Providers with all that the environment asks for."""
    with ExitStack() as stack:
        registry = None if metrics_port is None else CollectorRegistry()
        described = resource(service_name, environ)
        providers(described, metric_readers(environ, registry), span_processors(environ), stack)
        telemetry = Telemetry()
        if metrics_port is not None and registry is not None:
            endpoint = PrometheusEndpoint(metrics_host, metrics_port, registry)
            stack.callback(endpoint.close)
            telemetry.metrics_port = endpoint.port
        telemetry.close = stack.pop_all().close
        return telemetry


def providers(
    described: Resource, readers: Iterable[MetricReader], processors: Iterable[SpanProcessor], stack: ExitStack
) -> None:
    """Make both providers the process's own; the stack flushes and closes them."""
    if STATE.meter is not None:
        raise RuntimeError("telemetry: found it switched on, expected one setup for a process; shut the first one down")
    meters = MeterProvider(list(readers), described, shutdown_on_exit=False)
    stack.callback(meters.shutdown)
    tracers = TracerProvider(resource=described, shutdown_on_exit=False)
    stack.callback(tracers.shutdown)
    for processor in processors:
        tracers.add_span_processor(processor)
    STATE.meter = sdk_meter(meters.get_meter(_SCOPE, version("mmpipe")))
    STATE.tracer = SdkTracer(tracers.get_tracer(_SCOPE, version("mmpipe")))
    stack.callback(_switch_off)


def _switch_off() -> None:
    STATE.meter = STATE.tracer = None


def resource(service_name: str, environ: Mapping[str, str]) -> Resource:
    """Which process this is. ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME`` add to it and win."""
    own = {
        "service.name": service_name,
        "service.version": version("mmpipe"),
        "service.instance.id": str(uuid.uuid4()),
        **{key: environ[variable] for variable, key in _POD.items() if environ.get(variable)},
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())
