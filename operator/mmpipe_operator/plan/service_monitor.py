"""The ServiceMonitor of a pipeline, for clusters with the Prometheus operator."""

from __future__ import annotations

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import SERVICE_MONITOR, Manifest
from mmpipe_operator.plan.model import Context, metadata


def service_monitor(pipeline: MultimodalPipeline, context: Context) -> Manifest:
    """One for all its Services."""
    return {
        "apiVersion": SERVICE_MONITOR.api_version,
        "kind": SERVICE_MONITOR.kind,
        "metadata": metadata(pipeline, context, names.services(pipeline.metadata.name)),
        "spec": {
            "selector": {"matchLabels": names.selector(pipeline.metadata.name)},
            "endpoints": [{"port": "metrics"}],
            "targetLabels": [names.PIPELINE_LABEL, names.COMPONENT_LABEL],
        },
    }
