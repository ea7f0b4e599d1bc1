from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.metrics import rpc_metrics

import make_reference
from mmpipe import telemetry
from mmpipe.telemetry.catalogue import METRICS, SPANS, Attribute, Metric, MetricKind, Span

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "telemetry.md"
ENTRIES: list[Metric | Span] = [*METRICS.values(), *SPANS.values()]


def _attributes() -> Iterator[Attribute]:
    return (attribute for entry in ENTRIES for attribute in entry.attributes)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: Metric | Span) -> None:
    assert re.fullmatch(r"(rpc|mmpipe)(\.[a-z_]+)+|rpc\.(client|server)", entry.name)
    assert entry.description.endswith(".")
    assert len({each.argument for each in entry.attributes}) == len(entry.attributes)
    assert all(each.meaning for each in entry.attributes)


def test_a_name_stands_for_one_thing() -> None:
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


def test_the_metrics_of_calls_have_the_names_of_the_conventions() -> None:
    assert rpc_metrics.RPC_SERVER_CALL_DURATION in METRICS
    assert rpc_metrics.RPC_CLIENT_CALL_DURATION in METRICS


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_no_metric_has_an_attribute_without_bounds(metric: Metric) -> None:
    unbounded = {"id", "sample", "sample_id", "uri", "url", "tenant", "path", "trace_id"}

    assert not unbounded & {word for each in metric.attributes for word in each.key.split(".")}


def test_histograms_alone_have_boundaries_and_those_grow() -> None:
    for metric in METRICS.values():
        assert bool(metric.boundaries) is (metric.kind is MetricKind.HISTOGRAM), metric.name
        assert list(metric.boundaries) == sorted(set(metric.boundaries)), metric.name


def test_no_attribute_hides_an_argument_of_the_functions_that_take_it() -> None:
    functions = (telemetry.span, telemetry.begin, telemetry.past)
    named = {name for function in functions for name in inspect.signature(function).parameters}

    assert not {each.argument for each in _attributes()} & (named - {"attributes"})


def test_the_page_of_metrics_and_spans_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == "\n".join(make_reference.telemetry_page()), "run make docs"


def test_the_page_names_every_metric_and_span() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [entry.name for entry in ENTRIES if f"| `{entry.name}`" not in page] == []
