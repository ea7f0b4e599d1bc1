"""One replica writes. Which one is decided by a Lease, and nothing that stops a process makes two of it."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from e2e.cluster.audit import AuditLog, Request, writes
from e2e.cluster.client import JSON_PATCH, ApiError
from e2e.cluster.operators import OperatorProcess, Operators
from e2e.cluster.results import Results
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import SERVICE

LEASE_S = 5
TAKEOVER_S = 2 * LEASE_S + 2
"""Most time until another leads: the lease, a candidate's pause, and some for a busy machine."""
STOPPED_S = 15
"""How long a leader is stopped; ``--full-faults`` makes it a minute."""
_LABEL = "/metadata/labels/app.kubernetes.io~1part-of"
"""What is taken away, so that a leader has something to write."""
THIEF_S = 8
"""How long the thief of a lease promises to hold it."""
NOTICED_S = 0.8 * LEASE_S
"""Most time until a leader writes no more, whatever keeps it from looking; it looks every fifth of its lease."""


@pytest.fixture
def pair(operator: Operators) -> tuple[OperatorProcess, OperatorProcess]:
    """Two replicas; the first leads."""
    leader = operator(lease_seconds=LEASE_S)
    wait_for(lambda: operator.holder == leader.identity)
    return leader, operator(lease_seconds=LEASE_S)


@pytest.fixture
def kept_busy(pair: tuple[OperatorProcess, OperatorProcess], cluster: Cluster, namespace: str) -> list[Pipeline]:
    """Pipelines that the leader keeps."""
    assert pair
    pipelines = [Pipeline(cluster, namespace, f"media-{number}") for number in range(4)]
    return [each.apply(scaling={"mode": "None"}).settle(timeout_s=60) for each in pipelines]


def test_a_standby_is_ready_and_writes_nothing(
    pair: tuple[OperatorProcess, OperatorProcess],
    operator: Operators,
    cluster: Cluster,
    namespace: str,
    audit: AuditLog,
) -> None:
    leader, standby = pair
    start = audit.mark()
    Pipeline(cluster, namespace, "media").apply().settle()
    assert standby.ready
    assert standby.healthy
    assert (leader.metric("mmpipe_operator_leader"), standby.metric("mmpipe_operator_leader")) == (1, 0)
    assert {each.credential for each in writes(audit.between(start, user=operator.user))} == {leader.credential}


def test_another_takes_over_from_a_killed_leader(
    pair: tuple[OperatorProcess, OperatorProcess], operator: Operators, cluster: Cluster, namespace: str
) -> None:
    leader, standby = pair
    leader.kill()
    started = time.monotonic()
    wait_for(lambda: operator.holder == standby.identity, TAKEOVER_S)
    assert time.monotonic() - started < TAKEOVER_S
    Pipeline(cluster, namespace, "media").apply().settle()


def test_a_leader_that_is_told_to_stop_hands_over_at_once(
    pair: tuple[OperatorProcess, OperatorProcess], operator: Operators
) -> None:
    leader, standby = pair
    assert leader.stop() == 0, leader.log()
    wait_for(lambda: operator.holder == standby.identity, LEASE_S)


def test_a_leader_that_was_stopped_past_its_lease_never_writes_again(
    pair: tuple[OperatorProcess, OperatorProcess],
    operator: Operators,
    cluster: Cluster,
    namespace: str,
    audit: AuditLog,
) -> None:
    leader, standby = pair
    pipelines = [Pipeline(cluster, namespace, f"media-{number}") for number in range(10)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each.apply(scaling={"mode": "None"}), pipelines))
    wait_for(lambda: leader.metric("mmpipe_operator_writes_total") > 20)
    leader.pause()  # in the midst of its writes

    wait_for(lambda: operator.holder == standby.identity, TAKEOVER_S)
    taken_over = audit.mark()
    for each in pipelines:
        each.settle(timeout_s=90)
    _give_it_something_to_put_right(cluster, namespace)
    leader.resume()

    assert leader.child.wait(30) == 1
    # What it had sent before it was stopped may have been answered since.
    since = audit.between(taken_over)
    late = [each for each in writes(since) if each.credential == leader.credential and each.time > since[0].time]
    assert late == []


def test_a_leader_that_is_stopped_for_long_and_goes_on_has_no_write_among_those_of_the_next(
    pair: tuple[OperatorProcess, OperatorProcess],
    operator: Operators,
    kept_busy: list[Pipeline],
    audit: AuditLog,
    results: Results,
    request: pytest.FixtureRequest,
) -> None:
    leader, standby = pair
    stopped_s = 60 if request.config.getoption("--full-faults") else STOPPED_S
    start = audit.mark()
    with _something_to_put_right(kept_busy):
        wait_for(lambda: _credentials(audit, start, operator) == [leader.credential])
        leader.pause()
        wait_for(lambda: _credentials(audit, start, operator)[1:] == [standby.credential], TAKEOVER_S)
        time.sleep(stopped_s)  # the fault itself: it is this long
        leader.resume()
        assert leader.child.wait(30) == 1

    assert _credentials(audit, start, operator) == [leader.credential, standby.credential]
    _tell(results, f"leader stopped for {stopped_s} s and continued", audit, start, operator)


def test_a_stolen_lease_ends_its_holder_and_nobody_writes_until_the_thiefs_time_is_over(
    pair: tuple[OperatorProcess, OperatorProcess],
    operator: Operators,
    cluster: Cluster,
    kept_busy: list[Pipeline],
    audit: AuditLog,
    results: Results,
) -> None:
    leader, standby = pair
    start = audit.mark()
    with _something_to_put_right(kept_busy):
        wait_for(lambda: _credentials(audit, start, operator) == [leader.credential])
        stolen = datetime.now(UTC)
        theft = {"holderIdentity": "thief", "leaseDurationSeconds": THIEF_S, "renewTime": f"{stolen:%FT%T.%fZ}"}
        cluster.client.patch(LEASE, operator.namespace, operator.rights.lease, {"spec": theft})
        assert leader.child.wait(30) == 1
        wait_for(lambda: operator.holder == standby.identity, THIEF_S + TAKEOVER_S)
        wait_for(lambda: _credentials(audit, start, operator)[1:] == [standby.credential])

    by_leader, by_standby = (
        [each.time for each in _written(audit, start, operator) if each.credential == replica.credential]
        for replica in pair
    )
    assert max(by_leader) < _stamp(stolen + timedelta(seconds=NOTICED_S))
    assert min(by_standby) > _stamp(stolen + timedelta(seconds=THIEF_S))
    assert _credentials(audit, start, operator) == [leader.credential, standby.credential]
    _tell(results, "Lease stolen", audit, start, operator)


def test_a_deleted_lease_makes_no_second_leader(
    pair: tuple[OperatorProcess, OperatorProcess],
    operator: Operators,
    cluster: Cluster,
    kept_busy: list[Pipeline],
    audit: AuditLog,
    results: Results,
) -> None:
    leader, standby = pair
    start = audit.mark()
    with _something_to_put_right(kept_busy):
        for pause_s in (0.0, 0.3, 0.6, 0.9):  # somewhere between two looks of the candidate
            time.sleep(pause_s)
            cluster.client.delete(LEASE, operator.namespace, operator.rights.lease)
            wait_for(lambda: operator.holder)
            assert operator.holder == leader.identity

    assert _credentials(audit, start, operator) == [leader.credential]
    assert standby.metric("mmpipe_operator_leader") == 0
    _tell(results, "Lease deleted four times", audit, start, operator)


def test_a_leader_that_was_stopped_within_its_lease_goes_on(
    pair: tuple[OperatorProcess, OperatorProcess], operator: Operators, cluster: Cluster, namespace: str
) -> None:
    leader, _ = pair
    leader.child.send(signal.SIGSTOP)
    leader.child.send(signal.SIGCONT)
    Pipeline(cluster, namespace, "media").apply().settle()
    assert operator.holder == leader.identity


@contextmanager
def _something_to_put_right(pipelines: list[Pipeline]) -> Iterator[None]:
    """All the time: labels of Services are taken away, one after the other, so that whoever leads has to write."""
    over = threading.Event()
    patch = [{"op": "test", "path": _LABEL, "value": "mmpipe"}, {"op": "remove", "path": _LABEL}]

    def take() -> None:
        for pipeline in itertools.cycle(pipelines):
            with suppress(ApiError):  # it has not been put right yet
                name = f"{pipeline.name}-image"
                pipeline.cluster.client.patch(SERVICE, pipeline.namespace, name, patch, content=JSON_PATCH)
            if over.wait(0.1):
                return

    taking = threading.Thread(target=take)
    taking.start()
    try:
        yield
    finally:
        over.set()
        taking.join()


def _written(audit: AuditLog, start: int, operator: Operators) -> list[Request]:
    """What replicas have written to objects of pipelines, in the order in which it was asked for."""
    found = writes(audit.between(start, user=operator.user))
    return sorted((each for each in found if each.resource != "leases"), key=lambda each: each.time)


def _credentials(audit: AuditLog, start: int, operator: Operators) -> list[str]:
    """Who has written, in turns: a name that comes again is a second writer."""
    return [
        credential for credential, _ in itertools.groupby(each.credential for each in _written(audit, start, operator))
    ]


def _tell(results: Results, what: str, audit: AuditLog, start: int, operator: Operators) -> None:
    turns = _credentials(audit, start, operator)
    written = len(_written(audit, start, operator))
    results.row(
        "leadership", fault=what, writes=written, writers=len(set(turns)), beside_another=len(turns) - len(set(turns))
    )


def _stamp(moment: datetime) -> str:
    """As the audit log has it."""
    return f"{moment:%FT%T.%fZ}"


def _give_it_something_to_put_right(cluster: Cluster, namespace: str) -> None:
    """Changes of what the old leader has seen, so that it would write if it could."""
    for number in range(10):
        name = f"media-{number}-image"
        patch = [{"op": "remove", "path": _LABEL}]
        cluster.client.patch(SERVICE, namespace, name, patch, content=JSON_PATCH)
