"""What a takeover is for: nothing that happened between two leaders is lost, and a planned one costs no waiting.

Neighbours: ``test_leadership`` has who may lead and write.
"""

from __future__ import annotations

import pytest
from e2e.cluster.client import JSON_PATCH
from e2e.cluster.operators import Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import DEPLOYMENT, SERVICE, Manifest

SHORT_S = 5
LONG_S = 40
HANDOVER_S = LONG_S / 5 + 6
"""Most time until a released lease is taken: a candidate's pause, and some for a busy machine. Far below the lease."""
TAKEOVER_S = 2 * SHORT_S + 4
"""Most time until the lease of a killed leader is taken."""
HEALED_S = 15
"""Most time from then on until a new leader has listed everything and put it right."""


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    return Pipeline(cluster, namespace, "media")


def test_what_changed_while_nobody_led_is_put_right_by_the_next_leader(pipeline: Pipeline, operator: Operators) -> None:
    leader = operator(lease_seconds=SHORT_S)
    wait_for(lambda: operator.holder == leader.identity)
    pipeline.apply().settle()
    standby = operator(lease_seconds=SHORT_S)
    before = pipeline.deployment()

    leader.kill()
    _set_command(pipeline, "sleep")
    pipeline.cluster.client.delete(SERVICE, pipeline.namespace, "media-image")
    assert operator.holder == leader.identity, "somebody led already: nothing happened between two leaders"

    wait_for(lambda: operator.holder == standby.identity, TAKEOVER_S)
    wait_for(lambda: _command(pipeline.deployment()) == _command(before), HEALED_S)
    wait_for(lambda: pipeline.cluster.client.find(SERVICE, pipeline.namespace, "media-image"), HEALED_S)
    pipeline.settle()


def test_a_leader_that_is_told_to_stop_does_not_make_the_next_one_wait_for_its_lease(
    operator: Operators, cluster: Cluster
) -> None:
    leader = operator(lease_seconds=LONG_S)
    wait_for(lambda: operator.holder == leader.identity)
    standby = operator(lease_seconds=LONG_S)

    assert leader.stop() == 0
    assert operator.holder in ("", standby.identity)
    wait_for(lambda: operator.holder == standby.identity, HANDOVER_S)
    assert cluster.client.get(LEASE, operator.namespace, operator.rights.lease)["spec"]["leaseTransitions"] >= 1


def test_a_replica_that_is_told_to_stop_while_it_waits_leaves_the_leader_alone(operator: Operators) -> None:
    leader = operator(lease_seconds=LONG_S)
    wait_for(lambda: operator.holder == leader.identity)
    standby = operator(lease_seconds=LONG_S)
    assert standby.stop() == 0
    assert operator.holder == leader.identity
    assert leader.healthy


def _set_command(pipeline: Pipeline, word: str) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": word}]
    pipeline.cluster.client.patch(DEPLOYMENT, pipeline.namespace, "media-image", patch, content=JSON_PATCH)


def _command(deployment: Manifest) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["args"][0])
