"""Fewer workers under load: the idle one goes first, and a busy one that must go hands its sample back, undamaged.

The workers are real. What a sample waits for is a stage server whose process gets no turn, for as long as a test says:
to a worker that is a long sample. A client's deadline of 60 s is far.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.cluster.audit import AuditLog, writes
from e2e.cluster.waiting import wait_for
from e2e.control_plane.served import Served

from mmpipe_operator.kinds import POD, Manifest
from mmpipe_operator.names import DELETION_COST
from mmpipe_operator.sparing.steadiness import READINGS

_SOON_S = 20
_TRIES = 8
_ROUNDS = READINGS + 2


@pytest.fixture
def workers(served: Served) -> Iterator[Served]:
    """A pipeline for texts with two idle workers; nobody scales them."""
    served.apply(modalities=[{"name": "text"}], serving={"drainSeconds": 2}).roll_out()
    served.scale("worker", 2)
    wait_for(lambda: len(served.ready("worker")) == 2 and not any(costs(served)), 60, lambda: str(costs(served)))
    yield served
    served.scale("worker", 1)
    wait_for(lambda: len(served.pipeline.pods("worker")) == 1, 60)


def test_the_worker_without_work_goes_first_though_it_is_the_older(workers: Served) -> None:
    younger = max(workers.ready("worker"), key=lambda pod: pod["metadata"]["creationTimestamp"])["metadata"]["name"]

    with busy(workers, younger) as (sample_id, before):
        workers.scale("worker", 1)
        wait_for(lambda: len(workers.pipeline.pods("worker")) == 1, _SOON_S)
        left = workers.pods_of("worker")

    books = workers.books()
    assert left == {younger}, "Kubernetes would have deleted it: of two pods alike, the younger goes"
    assert books.states[sample_id] == "stored"
    assert books.deliveries == before + 1, "nobody did it again"


def test_a_busy_worker_that_must_go_hands_its_sample_to_another(workers: Served) -> None:
    before = workers.books().deliveries

    with workers.frozen("text"):
        (sample_id,) = workers.hand_in("text", 1)
        busy = the_busy_one(workers)
        workers.pipeline.cluster.client.delete(POD, workers.pipeline.namespace, busy["metadata"]["name"])
        wait_for(lambda: workers.deliveries() == before + 2, _SOON_S)

    books = workers.books()
    assert books.states[sample_id] == "stored"
    assert not books.letters
    assert (books.rows[sample_id, "text"], books.deliveries) == (1, before + 2)


def test_a_cost_goes_with_the_work_and_then_nothing_is_written(workers: Served, audit: AuditLog) -> None:
    with workers.frozen("text"):
        workers.hand_in("text", 1)
        the_busy_one(workers)

    wait_for(lambda: not any(costs(workers)), _SOON_S)
    mark, rounds = audit.mark(), readings(workers)
    wait_for(lambda: readings(workers) > rounds + _ROUNDS * 2, _SOON_S)
    written = [
        each.name for each in writes(audit.between(mark, user=workers.operators.user)) if each.resource == "pods"
    ]
    assert not written


@contextmanager
def busy(served: Served, pod: str) -> Iterator[tuple[str, int]]:
    """A worker that has a sample and can't finish it, inside the block; the sample, and the deliveries before it.

    Workers take turns in what they are given: another sample comes until this one has it.
    """
    for _ in range(_TRIES):
        with served.frozen("text"):
            before = served.deliveries()
            (sample_id,) = served.hand_in("text", 1)
            if the_busy_one(served)["metadata"]["name"] == pod:
                yield sample_id, before
                return
        wait_for(lambda: not any(costs(served)), _SOON_S)
    raise AssertionError(f"{pod}: found it without a sample after {_TRIES}, expected it to be given one")


def readings(served: Served) -> float:
    """How often pods were asked how busy they are."""
    (replica,) = served.operators.replicas
    return replica.metric("mmpipe_operator_pod_readings_total", result="done")


def the_busy_one(served: Served) -> Manifest:
    """The only pod with a cost, once there is one."""
    name = wait_for(lambda: busy_names(served), _SOON_S, lambda: served.operators.log()[-2000:])
    (busy,) = [pod for pod in served.pipeline.pods("worker") if pod["metadata"]["name"] in name]
    return busy


def busy_names(served: Served) -> set[str]:
    return {pod["metadata"]["name"] for pod in served.pipeline.pods("worker") if cost_of(pod)}


def costs(served: Served) -> list[str | None]:
    return [cost_of(pod) for pod in served.pipeline.pods("worker")]


def cost_of(pod: Manifest) -> str | None:
    cost: str | None = pod["metadata"].get("annotations", {}).get(DELETION_COST)
    return cost
