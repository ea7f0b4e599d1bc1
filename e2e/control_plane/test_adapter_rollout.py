"""Every replica of the metrics adapter is replaced while it is asked: nobody gets an error, or a wrong number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaling

from mmpipe_operator.kinds import DEPLOYMENT

ASKING_AT_ONCE = 4
PAUSE_S = 0.05
ROLLED_S = 90.0


@contextmanager
def asked(scaling: Autoscaling, pipeline: str) -> Iterator[list[int | str]]:
    """All answers that there were while the block ran."""
    answers: list[int | str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(PAUSE_S):
            answers.append(scaling.reading(pipeline, "queue_depth"))

    threads = [threading.Thread(target=ask) for _ in range(ASKING_AT_ONCE)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_rolling_update_of_the_adapter_fails_no_reading(scaling: Autoscaling, nats_url: str) -> None:
    one = scaling.pipeline("rolled", nats_url).apply()
    one.backlog.add(3)
    wait_for(lambda: scaling.reading("rolled", "queue_depth") == 3)
    before = {pod["metadata"]["name"] for pod in scaling.adapters()}

    with asked(scaling, "rolled") as answers:
        name = f"{scaling.release.name}-metrics-adapter"
        change = {"spec": {"template": {"metadata": {"annotations": {"test": "rolled"}}}}}
        scaling.cluster.client.patch(DEPLOYMENT, scaling.release.namespace, name, change)
        wait_for(lambda: before.isdisjoint({pod["metadata"]["name"] for pod in scaling.adapters()}), ROLLED_S)

    assert len(answers) > 100
    assert set(answers) == {3}
