"""A pipeline's day in a few minutes: bursts come in, and as many workers as are ready take samples off the queue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from e2e.control_plane.scaled import Autoscaled
from e2e.scaling.recording import Recording

from mmpipe_operator import names

BURSTS: Mapping[int, int] = {20: 1, 60: 180, 130: 40, 300: 60}
"""Samples by the second at which they come."""
LENGTH_S = 420
PACE = 1
"""Samples that a worker finishes in a second."""
TARGET, MOST, CALM_S = 10, 8, 30


@dataclass(frozen=True, slots=True)
class Moment:
    at_s: float
    depth: int
    wanted: int
    ready: int


def day(pipeline: Autoscaled, recording: Recording) -> Iterator[Moment]:
    """One moment for each second, more or less."""
    worker = names.child(pipeline.pipeline.name, "worker")
    pipeline.apply(minReplicas=0, maxReplicas=MOST, targetQueueDepth=TARGET, scaleDownStabilizationSeconds=CALM_S)
    pipeline.reaches(0, "worker", within_s=180)
    began, coming = time.monotonic(), dict(BURSTS)
    while (at_s := time.monotonic() - began) < LENGTH_S:
        for due in [each for each in coming if each <= at_s]:
            pipeline.backlog.add(coming.pop(due))
        depth, now = pipeline.backlog.depth(), recording.now(worker)
        yield Moment(at_s, depth, now.wanted, now.ready)
        if depth and now.ready:
            pipeline.backlog.finish(min(depth, PACE * now.ready))
        time.sleep(max(0.0, began + at_s + 1 - time.monotonic()))
