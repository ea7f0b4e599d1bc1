"""How soon replicas follow a step of the depth: from the durable acknowledgement of the samples to the new scale.

Steps come at moments that have nothing to do with the autoscaler's period, so the times spread over it. Each round has
a pipeline of its own: how fast an autoscaler may take pods away depends on what it did in the minute before.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from e2e.control_plane.scaled import Autoscaled
from e2e.scaling.recording import Recording

from mmpipe_operator import names

WAKE = "one sample, nobody there: 0 to 1"
UP = "24 more: 1 to 3"
DOWN = "all done, without a wait for calm: 3 to 0"


@dataclass(frozen=True, slots=True)
class Reaction:
    what: str
    took_s: float


def reactions(pipelines: Iterable[Autoscaled], recording: Recording, period_s: float) -> Iterator[Reaction]:
    """Sleep, wake, more, and sleep again, of one pipeline after the other."""
    chance = random.Random(6)  # noqa: S311  # moments, no secrets
    for pipeline in pipelines:
        pipeline.apply(minReplicas=0).reaches(0, "worker", within_s=10 * period_s + 60)
        yield from _round(pipeline, recording, [chance.uniform(0, period_s) for _ in range(3)])


def _round(pipeline: Autoscaled, recording: Recording, pauses_s: list[float]) -> Iterator[Reaction]:
    worker = names.child(pipeline.pipeline.name, "worker")
    time.sleep(pauses_s[0])
    pipeline.backlog.add(1)
    yield Reaction(WAKE, recording.until(worker, lambda wanted: wanted == 1, time.monotonic()))
    pipeline.reaches(1, "worker")
    time.sleep(pauses_s[1])
    pipeline.backlog.add(24)
    yield Reaction(UP, recording.until(worker, lambda wanted: wanted == 3, time.monotonic()))
    pipeline.reaches(3, "worker")
    time.sleep(pauses_s[2])
    pipeline.backlog.finish(25)
    yield Reaction(DOWN, recording.until(worker, lambda wanted: wanted == 0, time.monotonic()))
