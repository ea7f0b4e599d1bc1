"""What ``kubectl mmpipe explain-scaling`` says of a pipeline that is being scaled, for the page that shows it."""

from __future__ import annotations

from e2e.control_plane.plugin import plugin_in
from e2e.control_plane.scaled import Autoscaling

_SERVICE_TIME = """\
mmpipe_stage_duration_seconds_sum{stage="image.decode"} 400
mmpipe_batch_size_sum{stage="image.decode"} 200
"""


def account(scaling: Autoscaling, nats: str) -> str:
    """Right after the first scale up of two that a backlog asks for, by the pace that new pods have.

    The backlog is there before the autoscaler, which would see a part of it.
    """
    media = scaling.pipeline("media", nats)
    media.backlog.add(190)
    scaling.pods.more["media", "image"] = _SERVICE_TIME
    media.apply(maxReplicas=8, targetQueueDepth=32, scaleDownStabilizationSeconds=300)
    media.reaches(5, "image")
    said = plugin_in(scaling.cluster, scaling.namespace)("explain-scaling", "media", "--process", "image").stdout
    return said.strip().replace(scaling.namespace, "default")
