"""How soon replicas follow a step of the depth: from the durable acknowledgement of the samples to the new scale.

Steps come at moments that have nothing to do with the autoscaler's period, so the times spread over it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
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


def reactions(pipeline: Autoscaled, recording: Recording, rounds: int, period_s: float) -> Iterator[Reaction]:
    """Rounds of sleep, wake, more, and sleep again."""
    worker, chance = names.child(pipeline.pipeline.name, "worker"), random.Random(6)  # noqa: S311  # moments, no secrets
    pipeline.apply(minReplicas=0).reaches(0, "worker", within_s=10 * period_s + 60)
    for _ in range(rounds):
        time.sleep(chance.uniform(0, period_s))
        pipeline.backlog.add(1)
        yield Reaction(WAKE, recording.until(worker, lambda wanted: wanted == 1, time.monotonic()))
        time.sleep(chance.uniform(0, period_s))
        pipeline.backlog.add(24)
        yield Reaction(UP, recording.until(worker, lambda wanted: wanted == 3, time.monotonic()))
        pipeline.reaches(3, "worker")
        time.sleep(chance.uniform(0, period_s))
        pipeline.backlog.finish(25)
        yield Reaction(DOWN, recording.until(worker, lambda wanted: wanted == 0, time.monotonic()))
        pipeline.reaches(0, "worker")
