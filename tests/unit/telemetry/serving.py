"""A process that measures: started by ``test_setup``, says the port of its metrics, ends with its standard input."""

from __future__ import annotations

import sys

from mmpipe import telemetry
from mmpipe.telemetry.catalogue import METRICS, MetricKind
from mmpipe.telemetry.state import STATE

STATE.strict = False  # a metric of any value will do


def main() -> None:
    """Emit every metric of the catalogue, and one trace."""
    handle = telemetry.setup("mmpipe-test", metrics_port=0)
    for metric in METRICS.values():
        attributes = {each.argument: (*each.values, "some")[0] for each in metric.attributes}
        match metric.kind:
            case MetricKind.COUNTER | MetricKind.UP_DOWN_COUNTER:
                telemetry.count(metric.name, 2, **attributes)
            case MetricKind.HISTOGRAM:
                telemetry.record(metric.name, 2, **attributes)
            case MetricKind.OBSERVABLE_GAUGE:
                telemetry.observe(metric.name, lambda attributes=attributes: [(2, attributes)])
    with telemetry.span("mmpipe.sink.write"), telemetry.span("mmpipe.sink.objects", group_samples=1):
        pass
    sys.stdout.write(f"{handle.metrics_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    handle.shutdown()


main()
