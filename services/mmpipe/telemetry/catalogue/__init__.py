"""The single source of what mmpipe emits: every metric and every span.

``docs/reference/telemetry.md`` is generated from it, the SDK's instruments are made from it, and a call that does not
fit it raises where ``MMPIPE_TELEMETRY_STRICT`` is set, as in every test.
"""

from mmpipe.telemetry.catalogue.metrics import METRICS
from mmpipe.telemetry.catalogue.model import Attribute, Metric, MetricKind, NotInCatalogueError, Scalar, Span, SpanKind
from mmpipe.telemetry.catalogue.spans import SPANS

__all__ = ["METRICS", "SPANS", "Attribute", "Metric", "MetricKind", "NotInCatalogueError", "Scalar", "Span", "SpanKind"]
