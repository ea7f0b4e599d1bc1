"""Against what `kubectl rollout status` says of the same Deployment."""

from __future__ import annotations

import pytest
from tests.unit.operator.status.world import deployment, overdue, rolling

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import settled
from mmpipe_operator.status.rollout import Phase, phase


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (deployment(), Phase.SETTLED),
        (deployment(desired=0), Phase.SETTLED),
        (deployment(desired=3, available=2), Phase.SETTLED),
        (deployment(desired=4, replicas=1), Phase.SETTLED),
        (deployment(progress=""), Phase.SETTLED),
        (deployment(observed=3), Phase.ROLLING),
        (deployment(observed=3, progress="ProgressDeadlineExceeded"), Phase.ROLLING),
        (deployment(replicas=0, progress="NewReplicaSetCreated"), Phase.ROLLING),
        (deployment(available=0, progress="ReplicaSetUpdated"), Phase.ROLLING),
        (rolling(), Phase.ROLLING),
        (rolling(progress="NewReplicaSetAvailable"), Phase.ROLLING),
        (rolling(available=2), Phase.ROLLING),
        (overdue(), Phase.OVERDUE),
        (rolling(progress="ProgressDeadlineExceeded"), Phase.OVERDUE),
        (rolling(paused=True), Phase.HELD),
        (deployment(paused=True), Phase.SETTLED),
    ],
)
def test_how_far_a_template_has_come(found: Manifest, expected: Phase) -> None:
    assert phase(found) is expected
    assert settled(found) is (expected is Phase.SETTLED)


def test_a_deployment_that_its_controller_has_not_seen_is_not_settled() -> None:
    assert not settled({"metadata": {"generation": 1}, "spec": {}})
