"""Prometheus' text format, read as its own library reads it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mmpipe_operator.scaling.exposition import Sample, samples, total

TEXT = """\
# HELP mmpipe_server_queue_depth Items that wait.
# TYPE mmpipe_server_queue_depth gauge
mmpipe_server_queue_depth{lane="query"} 3.0
mmpipe_server_queue_depth{lane="ingest"} 4 1700000000000

mmpipe_worker_in_flight 7
"""


def test_samples_are_name_labels_and_value() -> None:
    assert list(samples(TEXT)) == [
        Sample("mmpipe_server_queue_depth", {"lane": "query"}, 3),
        Sample("mmpipe_server_queue_depth", {"lane": "ingest"}, 4),
        Sample("mmpipe_worker_in_flight", {}, 7),
    ]


def test_a_total_is_over_all_samples_that_have_the_labels() -> None:
    found = list(samples(TEXT))

    assert total(found, "mmpipe_server_queue_depth") == 7
    assert total(found, "mmpipe_server_queue_depth", lane="query") == 3


def test_a_metric_that_is_not_there_is_none_and_not_0() -> None:
    assert total(samples(TEXT), "mmpipe_stage_items_total") is None


def test_half_an_answer_is_refused_with_the_line() -> None:
    with pytest.raises(ValueError, match=r"'mmpipe_server_queue_depth\{lane=' among the metrics"):
        list(samples("mmpipe_server_queue_depth{lane="))


@given(st.text(), st.floats(allow_nan=False))
def test_every_label_and_value_is_read_as_prometheus_own_library_reads_it(label: str, value: float) -> None:
    registry = CollectorRegistry()
    Gauge("depth", "of a queue", ["lane"], registry=registry).labels(label).set(value)
    Counter("items", "of a stage", ["lane"], registry=registry).labels(label).inc()
    Histogram("wait", "of a call", ["lane"], registry=registry).labels(label).observe(1)
    text = generate_latest(registry).decode()

    expected = [each for family in text_string_to_metric_families(text) for each in family.samples]

    assert [(each.name, each.labels, each.value) for each in samples(text)] == [
        (each.name, each.labels, each.value) for each in expected
    ]


def test_what_is_no_number_is_kept_as_such() -> None:
    (found,) = samples("ratio NaN")

    assert math.isnan(found.value)
