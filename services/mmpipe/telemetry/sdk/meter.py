"""Metrics by OpenTelemetry: one instrument for each entry of the catalogue, made at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.metrics import Meter as OtelMeter

from mmpipe.telemetry.catalogue import METRICS, Metric, MetricKind, Scalar
from mmpipe.telemetry.metrics import readings

type Measure = Callable[[float, Mapping[str, Scalar]], None]


@dataclass(frozen=True, slots=True)
class SdkMeter:
    """The instruments by name; gauges have none, as they are read when somebody asks."""

    measures: Mapping[str, Measure]

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, Scalar]) -> None:
        """Add the value to a counter, or record it in a histogram."""
        self.measures[metric.name](value, attributes)


def sdk_meter(meter: OtelMeter) -> SdkMeter:
    """Every metric of the catalogue as an instrument of the meter."""
    made = {metric.name: _instrument(meter, metric) for metric in METRICS.values()}
    return SdkMeter({name: measure for name, measure in made.items() if measure is not None})


def _instrument(meter: OtelMeter, metric: Metric) -> Measure | None:
    words = {"unit": metric.unit, "description": metric.description}
    match metric.kind:
        case MetricKind.COUNTER:
            return meter.create_counter(metric.name, **words).add
        case MetricKind.UP_DOWN_COUNTER:
            return meter.create_up_down_counter(metric.name, **words).add
        case MetricKind.HISTOGRAM:
            bounds = metric.boundaries
            return meter.create_histogram(metric.name, **words, explicit_bucket_boundaries_advisory=bounds).record
        case MetricKind.OBSERVABLE_GAUGE:
            meter.create_observable_gauge(metric.name, [_callback(metric)], **words)
            return None


def _callback(metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(value, attributes) for value, attributes in readings(metric)]
