"""Metrics of the metrics adapter, about itself: what it answers to autoscalers is no metric of this catalogue."""

from __future__ import annotations

from mmpipe.telemetry.catalogue.model import Metric, MetricKind

ADAPTER = (
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
