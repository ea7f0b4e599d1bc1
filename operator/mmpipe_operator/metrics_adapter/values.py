"""A reading as ``MetricValueList`` of ``custom.metrics.k8s.io/v1beta2``: exactly one item, as the HPA demands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.metrics_adapter.request import Question


@dataclass(frozen=True, slots=True)
class Reading:
    """``value`` as it was at ``at``, or a little later."""

    value: int
    at: datetime


def value_list(asked: Question, reading: Reading) -> Manifest:
    """The answer to one question."""
    described = {
        "kind": names.KIND,
        "namespace": asked.namespace,
        "name": asked.pipeline,
        "apiVersion": names.API_VERSION,
    }
    selector = {"selector": {"matchLabels": dict(asked.labels)}} if asked.labels else {}
    item = {
        "describedObject": described,
        "metric": {"name": asked.metric, **selector},
        "timestamp": reading.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "value": str(reading.value),
    }
    return {"kind": "MetricValueList", "apiVersion": names.METRICS_API_VERSION, "metadata": {}, "items": [item]}
