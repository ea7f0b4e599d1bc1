"""One replica writes. Which one is decided by a Lease, and nothing that stops a process makes two of it."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.cluster.audit import AuditLog, writes
from e2e.cluster.client import JSON_PATCH
from e2e.cluster.operators import OperatorProcess, Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.kinds import SERVICE

LEASE_S = 5
TAKEOVER_S = 2 * LEASE_S + 2
"""Most time until another leads: the lease, a candidate's pause, and some for a busy machine."""


@pytest.fixture
def pair(operator: Operators) -> tuple[OperatorProcess, OperatorProcess]:
    """Two replicas; the first leads."""
    leader = operator(lease_seconds=LEASE_S)
    wait_for(lambda: operator.holder == leader.identity)
    return leader, operator(lease_seconds=LEASE_S)


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
    assert leader.stop() == 0
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


def test_a_leader_that_was_stopped_within_its_lease_goes_on(
    pair: tuple[OperatorProcess, OperatorProcess], operator: Operators, cluster: Cluster, namespace: str
) -> None:
    leader, _ = pair
    leader.child.send(signal.SIGSTOP)
    leader.child.send(signal.SIGCONT)
    Pipeline(cluster, namespace, "media").apply().settle()
    assert operator.holder == leader.identity


def _give_it_something_to_put_right(cluster: Cluster, namespace: str) -> None:
    """Changes of what the old leader has seen, so that it would write if it could."""
    for number in range(10):
        name = f"media-{number}-image"
        patch = [{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1part-of"}]
        cluster.client.patch(SERVICE, namespace, name, patch, content=JSON_PATCH)
