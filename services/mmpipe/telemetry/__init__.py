"""What the processes say about themselves: metrics, traces and log lines, each known to the catalogue.

::

    catalogue/   the single source: every metric and span, with its attributes
    metrics      count, record, timed, observe
    spans        span, begin, past, traceparent
    logs         JSON lines with trace and sample ids; about
    secrets      what is starred out of lines and spans
    setup        the switch: before it, all of the above costs a call and does nothing
    sdk/         OpenTelemetry behind it; the only place that imports it
    testing      what a piece of code emits, for tests

Runtimes and adapters call it around the stages, never a stage itself. Importing it is cheap and needs no
OpenTelemetry, which comes with the ``serve`` extra. No payload and no secret goes into any of it, and no id into a
metric.
"""

from mmpipe.telemetry.logs import about, setup_logging
from mmpipe.telemetry.metrics import count, observe, record, timed
from mmpipe.telemetry.setup import Telemetry, setup
from mmpipe.telemetry.spans import begin, past, span, trace_id, traceparent
from mmpipe.telemetry.state import Span

__all__ = [
    "Span",
    "Telemetry",
    "about",
    "begin",
    "count",
    "observe",
    "past",
    "record",
    "setup",
    "setup_logging",
    "span",
    "timed",
    "trace_id",
    "traceparent",
]
