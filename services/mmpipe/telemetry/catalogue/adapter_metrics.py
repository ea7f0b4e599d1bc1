"""Metrics of the metrics adapter, about itself: what it answers to autoscalers is no metric of this catalogue."""

from __future__ import annotations

from mmpipe.telemetry.catalogue.model import Attribute, Metric, MetricKind

READING_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From a question to NATS, to a pod that is asked twice and does not answer."""
SOURCE = Attribute("source", "the queue's stream, or the metrics of pods", ("stream", "pods"))

ADAPTER = (
    Metric(
        "mmpipe.adapter.requests",
        MetricKind.COUNTER,
        "{request}",
        "Requests to the metrics API.",
        (
            Attribute(
                "resource",
                "what was asked for: a metric, or what there is",
                ("queue_depth", "service_depth", "discovery", "openapi", "other"),
            ),
            Attribute("code", "HTTP status of the answer"),
        ),
    ),
    Metric(
        "mmpipe.adapter.request.duration",
        MetricKind.HISTOGRAM,
        "s",
        "From a request to its answer, the review of the user's rights included.",
        (Attribute("resource", "a metric; others are not timed", ("queue_depth", "service_depth")),),
        READING_SECONDS,
    ),
    Metric(
        "mmpipe.adapter.readings",
        MetricKind.COUNTER,
        "{reading}",
        "Readings; one may answer several requests.",
        (SOURCE, Attribute("result", "failed: answered with an error, never with 0", ("done", "failed"))),
    ),
    Metric(
        "mmpipe.adapter.reading.duration",
        MetricKind.HISTOGRAM,
        "s",
        "One reading.",
        (SOURCE,),
        READING_SECONDS,
    ),
    Metric(
        "mmpipe.adapter.registered",
        MetricKind.OBSERVABLE_GAUGE,
        "{replica}",
        "Whether this replica has seen the APIService as it should be: 1 or 0.",
    ),
    Metric(
        "mmpipe.adapter.certificate.remaining",
        MetricKind.OBSERVABLE_GAUGE,
        "s",
        "How long the certificate that this replica serves with is still good.",
    ),
)
