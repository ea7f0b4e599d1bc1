from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from mmpipe import telemetry
from mmpipe.errors import MmpipeError
from mmpipe.telemetry.catalogue import METRICS, MetricKind
from mmpipe.telemetry.catalogue import Metric as Declared
from mmpipe.telemetry.state import STATE

SERVING = Path(__file__).with_name("serving.py")


class Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(  # noqa: N802  # the protocol's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, _: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        scopes = [scope for resource in request.resource_spans for scope in resource.scope_spans]
        self.names += [span.name for scope in scopes for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(  # noqa: N802  # as above
        self, request: metrics_service_pb2.ExportMetricsServiceRequest, _: grpc.ServicerContext
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
        self.names += [metric.name for scope in scopes for metric in scope.metrics]
        return metrics_service_pb2.ExportMetricsServiceResponse()


@dataclass(frozen=True, slots=True)
class Seen:
    """What came out of one process by all its ways."""

    families: dict[str, Metric]
    spans: dict[str, Any]
    collected_spans: list[str]
    collected_metrics: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    traces, metrics, file = Traces(), Metrics(), tmp_path_factory.mktemp("traces") / "spans.jsonl"
    with _collector(traces, metrics) as endpoint:
        environ = {
            "MMPIPE_TRACES_FILE": str(file),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_RESOURCE_ATTRIBUTES": "team=media,service.instance.id=7",
            "POD_NAMESPACE": "shop",
            "POD_NAME": "worker-0",
        }
        with _serving(environ) as address:
            families = {family.name: family for family in text_string_to_metric_families(_scraped(address))}
    (line,) = file.read_text(encoding="utf-8").splitlines()
    return Seen(families, json.loads(line), traces.names, metrics.names)


@contextmanager
def _collector(traces: Traces, metrics: Metrics) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(traces, server)  # type: ignore[no-untyped-call]  # has none
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(metrics, server)  # type: ignore[no-untyped-call]  # has none
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(None).wait()


@contextmanager
def _serving(environ: Mapping[str, str]) -> Iterator[str]:
    """A process that measures, and the address of its metrics."""
    with subprocess.Popen(
        [sys.executable, str(SERVING)],
        text=True,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/metrics"
        process.stdin.close()
        assert process.wait(30) == 0


def _scraped(address: str) -> str:
    with urlopen(address, timeout=10) as answer:  # noqa: S310  # loopback
        return str(answer.read().decode())


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_prometheus_scrapes_what_the_catalogue_says(seen: Seen, metric: Declared) -> None:
    family = seen.families[metric.prometheus.removesuffix("_total")]

    assert family.type == ("gauge" if metric.kind is MetricKind.UP_DOWN_COUNTER else metric.kind.split()[-1])
    assert family.documentation == metric.description
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    assert labels == {attribute.key.replace(".", "_") for attribute in metric.attributes}


def test_prometheus_scrapes_the_process_itself(seen: Seen) -> None:
    assert seen.families["process_resident_memory_bytes"].samples[0].value > 0


def test_a_process_says_who_it_is(seen: Seen) -> None:
    labels = seen.families["target_info"].samples[0].labels

    named = {"service_name": "mmpipe-test", "team": "media", "k8s_namespace_name": "shop", "k8s_pod_name": "worker-0"}
    assert labels.items() >= {**named, "service_instance_id": "7"}.items()
    assert labels["service_version"]


def test_spans_are_written_as_otlp_lines(seen: Seen) -> None:
    (resource,) = seen.spans["resourceSpans"]

    inner, outer = resource["scopeSpans"][0]["spans"]
    assert {"key": "service.name", "value": {"stringValue": "mmpipe-test"}} in resource["resource"]["attributes"]
    assert (outer["name"], inner["name"]) == ("mmpipe.sink.write", "mmpipe.sink.objects")
    assert inner["parentSpanId"] == outer["spanId"]
    assert inner["attributes"] == [{"key": "mmpipe.group_samples", "value": {"intValue": "1"}}]


def test_the_lines_are_what_the_protocol_itself_reads(seen: Seen) -> None:
    (resource,) = seen.spans["resourceSpans"]
    for span in resource["scopeSpans"][0]["spans"]:  # OTLP has ids in hexadecimal, plain protobuf JSON in base64
        for key in ("traceId", "spanId", "parentSpanId"):
            span[key] = b64encode(bytes.fromhex(span[key])).decode()

    read = json_format.ParseDict(seen.spans, trace_pb2.TracesData())

    assert [span.kind for span in read.resource_spans[0].scope_spans[0].spans] == [3, 1]


def test_a_collector_gets_spans_and_metrics_over_otlp(seen: Seen) -> None:
    assert seen.collected_spans == ["mmpipe.sink.objects", "mmpipe.sink.write"]
    assert set(seen.collected_metrics) == METRICS.keys()


def test_a_sampler_of_the_environment_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "spans.jsonl"
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    handle = telemetry.setup("mmpipe-test", environ={"MMPIPE_TRACES_FILE": str(file)})
    with telemetry.span("mmpipe.sink.write"):
        pass
    handle.shutdown()

    assert file.read_text(encoding="utf-8") == ""


def test_a_collector_that_is_not_there_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(STATE, "strict", True)
    handle = telemetry.setup("mmpipe-test")
    with telemetry.span("mmpipe.sink.write"):
        pass
    begun = time.monotonic()
    handle.shutdown(timeout_s=0.2)

    assert time.monotonic() - begun < 2
    assert "they are lost" in caplog.text


def test_only_the_protocol_that_is_installed_is_taken() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}

    with pytest.raises(MmpipeError, match="found 'http/protobuf'; expected 'grpc'"):
        telemetry.setup("mmpipe-test", environ=environ)
    assert STATE.meter is None


def test_a_port_that_is_taken_leaves_telemetry_off() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            telemetry.setup("mmpipe-test", metrics_port=taken.getsockname()[1], environ={})

    assert STATE.meter is None


def test_a_process_is_set_up_once_at_a_time() -> None:
    first = telemetry.setup("mmpipe-test", environ={})
    with pytest.raises(RuntimeError, match="switched on"):
        telemetry.setup("mmpipe-test", environ={})
    assert STATE.meter is not None
    first.shutdown()
    second = telemetry.setup("mmpipe-test", environ={})
    first.shutdown()
    assert STATE.meter is not None
    second.shutdown()

    assert STATE.meter is None


def test_telemetry_can_be_switched_off_by_the_standard_variable() -> None:
    handle = telemetry.setup("mmpipe-test", metrics_port=0, environ={"OTEL_SDK_DISABLED": "TRUE"})

    assert handle.metrics_port is None
    assert STATE.meter is None
    handle.shutdown()


def test_without_opentelemetry_everything_imports_and_nothing_is_measured() -> None:
    code = """if True:
        import sys
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"opentelemetry", "prometheus_client", "grpc"}:
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Missing())
        import importlib.util
        find_spec = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name.startswith("opentelemetry") else find_spec(name)
        from mmpipe import telemetry
        handle = telemetry.setup("mmpipe-test", metrics_port=0)
        telemetry.count("mmpipe.samples", outcome="stored")
        with telemetry.span("mmpipe.sink.write"):
            print(handle.metrics_port, telemetry.traceparent() == "")
    """
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout == "None True\n"
    assert "pip install 'mmpipe[serve]'" in done.stderr


def test_importing_telemetry_imports_no_opentelemetry() -> None:
    code = (
        "import mmpipe.telemetry, sys; print([m for m in sys.modules if m.split('.')[0] in {'opentelemetry', 'grpc'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout == "[]\n"
